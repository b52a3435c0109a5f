"""S3 as boto3, its transfer manager and the AWS CLI use it."""

import hashlib
import os
import random
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

boto3 = pytest.importorskip("boto3")
from boto3.s3.transfer import TransferConfig  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3, unique):
    s3.create_bucket(Bucket=unique)
    return unique


def code(error):
    return error.value.response["Error"]["Code"]


def test_objects_come_back_as_they_were_put(s3, bucket):
    body = os.urandom(70_000)
    put = s3.put_object(Bucket=bucket, Key="a folder/ünï+code %.bin", Body=body, ContentType="application/x-test", Metadata={"who": "me"}, CacheControl="no-cache")
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="a folder/ünï+code %.bin")
    assert got["Body"].read() == body
    assert (got["ContentType"], got["Metadata"], got["CacheControl"], got["ContentLength"]) == ("application/x-test", {"who": "me"}, "no-cache", 70_000)
    head = s3.head_object(Bucket=bucket, Key="a folder/ünï+code %.bin", ChecksumMode="ENABLED")
    assert head["ETag"] == put["ETag"] and head["ChecksumCRC32"] == put["ChecksumCRC32"]


def test_ranges_and_conditions(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    tag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    for asked, expected, said in [("bytes=2-4", b"234", "bytes 2-4/10"), ("bytes=7-", b"789", "bytes 7-9/10"), ("bytes=-3", b"789", "bytes 7-9/10"), ("bytes=8-99", b"89", "bytes 8-9/10")]:
        got = s3.get_object(Bucket=bucket, Key="k", Range=asked)
        assert (got["Body"].read(), got["ContentRange"], got["ResponseMetadata"]["HTTPStatusCode"]) == (expected, said, 206)
    with pytest.raises(ClientError) as beyond:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")
    assert code(beyond) == "InvalidRange"
    with pytest.raises(ClientError) as unchanged:
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=tag)
    assert unchanged.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304
    with pytest.raises(ClientError) as differs:
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"other"')
    assert code(differs) == "PreconditionFailed"
    with pytest.raises(ClientError) as exists:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfNoneMatch="*")
    assert code(exists) == "PreconditionFailed"


def test_missing_things_have_their_codes(s3, bucket):
    for call, expected in [
        (lambda: s3.get_object(Bucket=bucket, Key="absent"), "NoSuchKey"),
        (lambda: s3.head_object(Bucket=bucket, Key="absent"), "404"),
        (lambda: s3.list_objects_v2(Bucket="no-such-bucket-here"), "NoSuchBucket"),
        (lambda: s3.head_bucket(Bucket="no-such-bucket-here"), "404"),
        (lambda: s3.create_bucket(Bucket="Not_A_Name"), "InvalidBucketName"),
        (lambda: s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId="none", MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x"}]}), "NoSuchUpload"),
        (lambda: s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"}), "NotImplemented"),
    ]:
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == expected
    s3.delete_object(Bucket=bucket, Key="absent")  # deleting what is not there is no error


def test_listing_pages_with_prefix_and_delimiter(s3, bucket):
    keys = ["a/1", "a/2", "a/b/3", "c", "d/4", "é/5", "z z", "z+z"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == sorted(keys, key=str.encode)
    found, prefixes, token = [], [], {}
    for _ in range(20):
        page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=2, **token)
        assert page["KeyCount"] <= 2
        found += [each["Key"] for each in page.get("Contents", [])]
        prefixes += [each["Prefix"] for each in page.get("CommonPrefixes", [])]
        if not page["IsTruncated"]:
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    assert (found, prefixes) == (["c", "z z", "z+z"], ["a/", "d/", "é/"])
    old = s3.list_objects(Bucket=bucket, Prefix="a/", Delimiter="/", MaxKeys=1)
    assert old["IsTruncated"] and old["NextMarker"] == "a/1"
    after = s3.list_objects_v2(Bucket=bucket, StartAfter="c")
    assert [each["Key"] for each in after["Contents"]] == ["d/4", "z z", "z+z", "é/5"]


def test_transfer_manager_uploads_in_parts_and_downloads_in_ranges(s3, bucket, tmp_path):
    size = 23 * 2**20 + 17
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(random.Random(3).randbytes(size))
    config = TransferConfig(multipart_threshold=5 * 2**20, multipart_chunksize=5 * 2**20, max_concurrency=4)
    s3.upload_file(str(source), bucket, "big", Config=config)
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-5"')
    s3.download_file(bucket, "big", str(target), Config=config)
    assert target.read_bytes() == source.read_bytes()
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "big"})
    assert copied["CopyObjectResult"]["ETag"]
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == size


def test_an_upload_that_is_too_small_or_wrong_is_refused(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    parts = [{"PartNumber": n, "ETag": s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=n, Body=b"small")["ETag"]} for n in (1, 2)]
    with pytest.raises(ClientError) as small:
        s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    assert code(small) == "EntityTooSmall"
    with pytest.raises(ClientError) as order:
        s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts[::-1]})
    assert code(order) == "InvalidPartOrder"
    with pytest.raises(ClientError) as wrong:
        s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"0"'}]})
    assert code(wrong) == "InvalidPart"
    s3.abort_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload)
    with pytest.raises(ClientError) as digest:
        s3.put_object(Bucket=bucket, Key="k", Body=b"abc", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")
    assert code(digest) == "BadDigest"
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"])
def test_checksums_of_every_algorithm(s3, bucket, algorithm):
    if algorithm in ("CRC32C", "CRC64NVME"):
        pytest.importorskip("awscrt", reason="botocore computes this checksum with awscrt")
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"123456789", ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"] and got["Body"].read() == b"123456789"


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_presigned_urls_work_without_keys(server, bucket, version):
    s3 = server.client("s3", config=Config(signature_version=version))
    upload = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "shared file"}, ExpiresIn=60)
    with urllib.request.urlopen(urllib.request.Request(upload, data=b"by url", method="PUT", headers={"Content-Type": ""})) as answer:
        assert answer.status == 200
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "shared file", "ResponseContentType": "text/x-mine"}, ExpiresIn=60)
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"by url" and answer.headers["Content-Type"] == "text/x-mine"
    for spoiled in (url.replace("shared", "stolen"), url.replace("Signature=", "Signature=A")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(spoiled)
        assert refused.value.code == 403


def test_delete_many_and_the_bucket(s3, bucket):
    for index in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{index}", Body=b"x")
    with pytest.raises(ClientError) as full:
        s3.delete_bucket(Bucket=bucket)
    assert code(full) == "BucketNotEmpty"
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": f"k{index}"} for index in range(5)]})
    assert len(deleted["Deleted"]) == 5
    s3.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError):
        s3.head_bucket(Bucket=bucket)


def test_virtual_host_addressing(server, bucket, monkeypatch):
    # Not every resolver knows that *.localhost is this machine.
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: resolve("127.0.0.1" if host.endswith("localhost") else host, *more, **named))
    s3 = server.client("s3", endpoint_url=server.url.replace("127.0.0.1", "localhost"), config=Config(s3={"addressing_style": "virtual"}))
    s3.put_object(Bucket=bucket, Key="k", Body=b"virtual")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"virtual"


def test_buckets_know_their_region(server, unique):
    seoul = server.client("s3", region="ap-northeast-2")
    seoul.create_bucket(Bucket=unique, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    assert seoul.get_bucket_location(Bucket=unique)["LocationConstraint"] == "ap-northeast-2"
    with pytest.raises(ClientError) as mine:
        seoul.create_bucket(Bucket=unique, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    assert code(mine) == "BucketAlreadyOwnedByYou"


def test_cli_sync(server, bucket, tmp_path):
    if subprocess.run(["which", "aws"], capture_output=True).returncode != 0:
        pytest.skip("the AWS CLI is not installed")
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    for name, size in (("a.txt", 10), ("deep/b.bin", 9 * 2**20)):
        (source / name).write_bytes(os.urandom(size))
    environment = server.environment()
    for command in (["sync", str(source), f"s3://{bucket}/tree"], ["sync", f"s3://{bucket}/tree", str(tmp_path / "back")], ["rm", f"s3://{bucket}/tree", "--recursive"]):
        done = subprocess.run(["aws", "s3", *command], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    for name in ("a.txt", "deep/b.bin"):
        assert (tmp_path / "back" / name).read_bytes() == (source / name).read_bytes()
    assert "Contents" not in server.client("s3").list_objects_v2(Bucket=bucket)

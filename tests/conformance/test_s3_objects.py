"""Versions, tags, attributes, encryption and odd keys of objects, as boto3 sees them."""

import base64
import hashlib

import pytest

boto3 = pytest.importorskip("boto3")
from botocore.exceptions import ClientError  # noqa: E402

MIB = 2**20


@pytest.fixture
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3, unique):
    s3.create_bucket(Bucket=unique)
    return unique


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def refusal(call, *args, **kwargs):
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    return caught.value.response


def code(call, *args, **kwargs):
    return refusal(call, *args, **kwargs)["Error"]["Code"]


def test_versions_are_read_listed_and_removed(s3, versioned):
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"one")["VersionId"]
    second = s3.put_object(Bucket=versioned, Key="k", Body=b"two")["VersionId"]
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"two"
    old = s3.get_object(Bucket=versioned, Key="k", VersionId=first)
    assert (old["Body"].read(), old["VersionId"]) == (b"one", first)

    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert marker["DeleteMarker"] is True
    gone = refusal(s3.get_object, Bucket=versioned, Key="k")
    assert gone["Error"]["Code"] == "NoSuchKey"
    assert gone["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    on_marker = refusal(s3.head_object, Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert on_marker["ResponseMetadata"]["HTTPStatusCode"] == 405
    assert on_marker["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"

    listed = s3.list_object_versions(Bucket=versioned)
    assert [(v["VersionId"], v["IsLatest"], v["Size"]) for v in listed["Versions"]] == [
        (second, False, 3),
        (first, False, 3),
    ]
    assert [(m["VersionId"], m["IsLatest"]) for m in listed["DeleteMarkers"]] == [(marker["VersionId"], True)]
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)

    removed = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert (removed["DeleteMarker"], removed["VersionId"]) == (True, marker["VersionId"])
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"two"
    assert code(s3.delete_bucket, Bucket=versioned) == "BucketNotEmpty"
    versions = s3.list_object_versions(Bucket=versioned)["Versions"]
    outcome = s3.delete_objects(
        Bucket=versioned,
        Delete={"Objects": [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in versions]},
    )
    assert len(outcome["Deleted"]) == 2
    s3.delete_bucket(Bucket=versioned)


def test_the_resource_api_empties_a_bucket_with_versions(server, s3, versioned):
    for number in range(30):
        s3.put_object(Bucket=versioned, Key=f"k{number % 7}", Body=str(number).encode())
    s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "k1"}, {"Key": "k2"}]})
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": 4})
    keys = [(v["Key"], v["VersionId"]) for page in pages for v in page.get("Versions", [])]
    assert (len(keys), len(set(keys))) == (30, 30)
    session = boto3.session.Session()
    resource = session.resource(
        "s3",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=server.key,
        aws_secret_access_key=server.secret,
    )
    resource.Bucket(versioned).object_versions.delete()
    assert "Versions" not in s3.list_object_versions(Bucket=versioned)
    s3.delete_bucket(Bucket=versioned)


def test_suspended_versions(s3, versioned):
    kept = s3.put_object(Bucket=versioned, Key="k", Body=b"kept")["VersionId"]
    s3.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Suspended"})
    assert s3.put_object(Bucket=versioned, Key="k", Body=b"null")["VersionId"] == "null"
    s3.put_object(Bucket=versioned, Key="k", Body=b"null again")
    listed = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert [v["VersionId"] for v in listed] == ["null", kept]
    assert s3.delete_object(Bucket=versioned, Key="k")["VersionId"] == "null"
    assert s3.get_object(Bucket=versioned, Key="k", VersionId=kept)["Body"].read() == b"kept"


def test_tags(s3, versioned):
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"1", Tagging="a=1&b=x%20y")["VersionId"]
    assert s3.get_object_tagging(Bucket=versioned, Key="k")["TagSet"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "x y"},
    ]
    assert s3.get_object(Bucket=versioned, Key="k")["TagCount"] == 2
    second = s3.put_object(Bucket=versioned, Key="k", Body=b"2")["VersionId"]
    tagged = s3.put_object_tagging(
        Bucket=versioned, Key="k", VersionId=first, Tagging={"TagSet": [{"Key": "c", "Value": "3"}]}
    )
    assert tagged["VersionId"] == first
    assert s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=second)["TagSet"] == []
    assert s3.delete_object_tagging(Bucket=versioned, Key="k", VersionId=first)["VersionId"] == first
    eleven = [{"Key": str(number), "Value": ""} for number in range(11)]
    assert code(s3.put_object_tagging, Bucket=versioned, Key="k", Tagging={"TagSet": eleven}) == "BadRequest"


def test_attributes_and_parts(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    bodies = [b"a" * (5 * MIB), b"end"]
    parts = []
    for number, body in enumerate(bodies, 1):
        part = s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256"
        )
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    done = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    again = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    assert again["ETag"] == done["ETag"]

    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    )
    digests = [hashlib.sha256(body).digest() for body in bodies]
    composite = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    assert attributes["ETag"] == done["ETag"].strip('"')
    assert attributes["ObjectSize"] == 5 * MIB + 3
    assert attributes["Checksum"]["ChecksumSHA256"] == f"{composite}-2"
    assert attributes["ObjectParts"]["TotalPartsCount"] == 2
    assert [part["Size"] for part in attributes["ObjectParts"]["Parts"]] == [5 * MIB, 3]
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2, ChecksumMode="ENABLED")
    assert (second["Body"].read(), second["PartsCount"]) == (b"end", 2)
    assert second["ChecksumSHA256"] == base64.b64encode(digests[1]).decode()


@pytest.mark.parametrize("algorithm", ["AES256", "aws:kms"])
def test_encryption_at_rest(s3, server, bucket, algorithm):
    words = b"words that must not lie on the disk "
    body = words * 50_000
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, ServerSideEncryption=algorithm)
    assert put["ServerSideEncryption"] == algorithm
    assert (put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"') is (algorithm == "AES256")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["ServerSideEncryption"], got["Body"].read()) == (algorithm, body)
    assert got.get("SSEKMSKeyId", "").startswith("arn:aws:kms:us-east-1:") is (algorithm == "aws:kms")
    middle = s3.get_object(Bucket=bucket, Key="k", Range="bytes=65530-131080")["Body"].read()
    assert middle == body[65530:131081]
    s3.copy_object(Bucket=bucket, Key="plain", CopySource={"Bucket": bucket, "Key": "k"})
    assert "ServerSideEncryption" not in s3.head_object(Bucket=bucket, Key="plain")
    s3.delete_object(Bucket=bucket, Key="plain")
    s3.put_object(Bucket=bucket, Key="k2", Body=b"x", ServerSideEncryption=algorithm)
    blobs = [path for path in (server.data_dir / "blobs").rglob("*") if path.is_file()]
    big = [path for path in blobs if path.stat().st_size > len(body)]
    assert big
    assert all(words not in path.read_bytes() for path in big)


def test_a_default_encrypts_uploads_of_the_transfer_manager(s3, bucket, tmp_path):
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}]
        },
    )
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * (20 * MIB // 256))
    s3.upload_file(str(source), bucket, "big")
    head = s3.head_object(Bucket=bucket, Key="big")
    assert (head["ServerSideEncryption"], head["BucketKeyEnabled"]) == ("aws:kms", True)
    s3.download_file(bucket, "big", str(tmp_path / "target"))
    assert (tmp_path / "target").read_bytes() == source.read_bytes()


def test_keys_of_customers_are_refused_by_name(s3, bucket):
    refused = refusal(
        s3.put_object, Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId="my-key"
    )
    assert refused["Error"]["Code"] == "NotImplemented"
    assert "SSEKMSKeyId" in refused["Error"]["Message"]
    assert "k" not in [o["Key"] for o in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


ODD_KEYS = [
    ".",
    "..",
    "../../../etc/passwd",
    "a/../b",
    "/",
    "//",
    "/leading",
    "trailing/",
    " ",
    "a b+c%20d?e#f",
    "'\"<>&\\",
    "é",
    "e\u0301",
    "한글",
    "\U0001f600",
    "\U0002f800",
    "\U0010fffd",
    "x" * 1024,
    "한" * 341 + "x",
]


def test_odd_keys(s3, bucket):
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    listed = [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(ODD_KEYS, key=lambda key: key.encode())
    for key in ODD_KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert code(s3.put_object, Bucket=bucket, Key="x" * 1025, Body=b"") == "KeyTooLongError"
    outcome = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in ODD_KEYS]})
    assert len(outcome["Deleted"]) == len(ODD_KEYS)


def test_control_characters_in_keys(s3, bucket):
    """XML 1.0 has no U+0000: encoding-type=url lets such keys through, as boto3 asks for by itself."""
    for key in ("a\x01b", "a\x1fb", "tab\tline\n"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a\x01b", "a\x1fb", "tab\tline\n"]
    s3.put_object(Bucket=bucket, Key="nul\x00key", Body=b"nul")
    assert s3.get_object(Bucket=bucket, Key="nul\x00key")["Body"].read() == b"nul"
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket, Prefix="nul")["Contents"]] == ["nul\x00key"]
    s3.delete_object(Bucket=bucket, Key="nul\x00key")


def test_wrong_digests_and_lengths(s3, bucket):
    other = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"body", ContentMD5=other) == "BadDigest"
    sha = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"body", ChecksumSHA256=sha) == "BadDigest"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    tags = [
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=b"small")["ETag"]
        for number in (1, 2)
    ]

    def complete(*numbers):
        parts = [{"PartNumber": number, "ETag": tags[min(number, 2) - 1]} for number in numbers]
        return code(
            s3.complete_multipart_upload, Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
        )

    assert complete(1, 2) == "EntityTooSmall"
    assert complete(2, 1) == "InvalidPartOrder"
    assert complete(1, 3) == "InvalidPart"
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_conditional_writes(s3, bucket):
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*") == "PreconditionFailed"
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=tag)
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"3", IfMatch=tag) == "PreconditionFailed"
    assert code(s3.put_object, Bucket=bucket, Key="none", Body=b"3", IfMatch=tag) == "NoSuchKey"
    assert code(s3.delete_object, Bucket=bucket, Key="k", IfMatch=tag) == "PreconditionFailed"


def test_expiration_is_told(s3, bucket):
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [{"ID": "week", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 7}}]
        },
    )
    assert 'rule-id="week"' in s3.put_object(Bucket=bucket, Key="tmp/k", Body=b"")["Expiration"]
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="k", Body=b"")

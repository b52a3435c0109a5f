import pytest

s3fs = pytest.importorskip("s3fs")


@pytest.fixture
def fs(server):
    return s3fs.S3FileSystem(
        key=server.key, secret=server.secret, endpoint_url=server.url
    )


@pytest.fixture
def bucket(fs, unique):
    fs.mkdir(unique)
    return unique


def test_files_are_written_read_listed_moved_and_removed(fs, bucket):
    with fs.open(f"{bucket}/folder/a b+ü.txt", "wb") as file:
        file.write(b"hello")
    assert fs.cat(f"{bucket}/folder/a b+ü.txt") == b"hello"
    assert fs.info(f"{bucket}/folder/a b+ü.txt")["size"] == 5
    fs.cp(f"{bucket}/folder/a b+ü.txt", f"{bucket}/folder/copy")
    fs.mv(f"{bucket}/folder/copy", f"{bucket}/moved")
    assert sorted(fs.find(bucket)) == [f"{bucket}/folder/a b+ü.txt", f"{bucket}/moved"]
    assert fs.ls(bucket, refresh=True) == [f"{bucket}/folder", f"{bucket}/moved"] or sorted(fs.ls(bucket)) == [
        f"{bucket}/folder",
        f"{bucket}/moved",
    ]
    fs.rm(bucket, recursive=True)
    assert not fs.exists(f"{bucket}/moved")


def test_a_large_file_goes_in_parts_and_is_read_in_ranges(fs, bucket, noise):
    with fs.open(f"{bucket}/large", "wb", block_size=5 * 2**20) as file:
        file.write(noise)
    with fs.open(f"{bucket}/large", "rb", block_size=2**20) as file:
        file.seek(12_345_678)
        assert file.read(1000) == noise[12_345_678 : 12_345_678 + 1000]
        file.seek(-3, 2)
        assert file.read() == b"end"
    assert fs.checksum(f"{bucket}/large") is not None


def test_many_files_are_globbed_and_removed_at_once(fs, bucket):
    fs.pipe({f"{bucket}/d/{index:04d}.csv": b"%d" % index for index in range(150)})
    assert len(fs.glob(f"{bucket}/d/00*.csv")) == 100
    assert fs.du(f"{bucket}/d") == sum(len(str(index)) for index in range(150))
    fs.rm(fs.glob(f"{bucket}/d/*"))
    assert fs.glob(f"{bucket}/d/*") == []


def test_metadata_and_tags_are_kept(fs, bucket):
    fs.pipe_file(f"{bucket}/k", b"x")
    fs.setxattr(f"{bucket}/k", copy_kwargs={"MetadataDirective": "REPLACE"}, colour="blue")
    assert fs.metadata(f"{bucket}/k", refresh=True)["colour"] == "blue"
    fs.put_tags(f"{bucket}/k", {"a": "1", "b": "2"})
    assert fs.get_tags(f"{bucket}/k") == {"a": "1", "b": "2"}


def test_versions_are_read_when_the_bucket_has_them(server, fs, bucket):
    versioned = s3fs.S3FileSystem(
        key=server.key,
        secret=server.secret,
        endpoint_url=server.url,
        version_aware=True,
    )
    versioned.make_bucket_versioned(bucket)
    for content in (b"one", b"two"):
        versioned.pipe_file(f"{bucket}/k", content)
    versions = versioned.object_version_info(f"{bucket}/k")
    assert len(versions) == 2
    oldest = versions[-1]["VersionId"]
    assert versioned.cat_file(f"{bucket}/k", version_id=oldest) == b"one"


def test_what_is_not_there_is_not_found(fs, bucket):
    with pytest.raises(FileNotFoundError):
        fs.cat(f"{bucket}/none")
    with pytest.raises(FileNotFoundError):
        fs.ls("no-such-bucket-anywhere-here")


def test_a_url_can_be_given_away(fs, bucket):
    import urllib.request

    fs.pipe_file(f"{bucket}/k", b"given away")
    assert urllib.request.urlopen(fs.url(f"{bucket}/k", expires=60)).read() == b"given away"

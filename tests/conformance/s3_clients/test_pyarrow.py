import pytest

pa = pytest.importorskip("pyarrow")


@pytest.fixture
def fs(server):
    from pyarrow.fs import S3FileSystem

    return S3FileSystem(
        access_key=server.key,
        secret_key=server.secret,
        endpoint_override=server.url.removeprefix("http://"),
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )


@pytest.fixture
def bucket(fs, unique):
    fs.create_dir(unique)
    return unique


def test_files_and_folders(fs, bucket):
    from pyarrow.fs import FileSelector, FileType

    with fs.open_output_stream(f"{bucket}/a/b c.txt") as out:
        out.write(b"hello")
    assert fs.open_input_stream(f"{bucket}/a/b c.txt").read() == b"hello"
    fs.copy_file(f"{bucket}/a/b c.txt", f"{bucket}/a/copy")
    fs.move(f"{bucket}/a/copy", f"{bucket}/moved")
    found = {info.path: info.type for info in fs.get_file_info(FileSelector(bucket, recursive=True))}
    assert found == {
        f"{bucket}/a": FileType.Directory,
        f"{bucket}/a/b c.txt": FileType.File,
        f"{bucket}/moved": FileType.File,
    }
    assert fs.get_file_info(f"{bucket}/none").type == FileType.NotFound
    fs.delete_dir_contents(bucket)
    fs.delete_dir(bucket)
    assert fs.get_file_info(bucket).type == FileType.NotFound


def test_a_large_stream_goes_in_parts(fs, bucket, noise):
    with fs.open_output_stream(f"{bucket}/large") as out:
        for at in range(0, len(noise), 1_000_001):
            out.write(noise[at : at + 1_000_001])
    with fs.open_input_file(f"{bucket}/large") as file:
        assert file.size() == len(noise)
        assert file.read_at(1000, 7_654_321) == noise[7_654_321 : 7_654_321 + 1000]
    assert fs.open_input_stream(f"{bucket}/large").read() == noise


def test_a_dataset_of_parquet_files_with_partitions(fs, bucket):
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    table = pa.table({"part": ["x", "y"] * 5000, "value": list(range(10000))})
    pq.write_to_dataset(table, f"{bucket}/data", partition_cols=["part"], filesystem=fs)
    dataset = ds.dataset(f"{bucket}/data", filesystem=fs, partitioning="hive")
    assert dataset.count_rows() == 10000
    even = dataset.to_table(filter=ds.field("part") == "x")["value"].to_pylist()
    assert sorted(even) == list(range(0, 10000, 2))

from pathlib import Path

import pytest

duckdb = pytest.importorskip("duckdb")
httpfs = pytest.importorskip("duckdb_extension_httpfs")


@pytest.fixture
def database(server):
    [extension] = Path(httpfs.__file__).parent.rglob("httpfs.duckdb_extension")
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{extension}'")
    connection.execute(
        f"""CREATE SECRET (TYPE s3, KEY_ID '{server.key}', SECRET '{server.secret}', REGION 'us-east-1',
            ENDPOINT '{server.url.removeprefix("http://")}', URL_STYLE 'path', USE_SSL false)"""
    )
    return connection


@pytest.fixture
def bucket(server, unique):
    s3fs = pytest.importorskip("s3fs")
    s3fs.S3FileSystem(
        key=server.key, secret=server.secret, endpoint_url=server.url
    ).mkdir(unique)
    return unique


def test_tables_are_written_and_queried_where_they_lie(database, bucket):
    database.execute(
        f"COPY (SELECT range AS id, range % 3 AS part FROM range(300000)) TO 's3://{bucket}/t' (FORMAT parquet, PARTITION_BY part)"
    )
    found = database.sql(f"SELECT part, count(*) FROM 's3://{bucket}/t/*/*.parquet' GROUP BY part ORDER BY part").fetchall()
    assert found == [(0, 100000), (1, 100000), (2, 100000)]
    files = database.sql(f"SELECT file FROM glob('s3://{bucket}/t/part=1/*')").fetchall()
    assert all("/part=1/" in file for (file,) in files) and files


def test_a_large_csv_is_uploaded_in_parts_and_read_again(database, bucket):
    database.execute(f"COPY (SELECT range AS id, uuid() AS text FROM range(500000)) TO 's3://{bucket}/large.csv' (HEADER)")
    assert database.sql(f"SELECT count(*), max(id) FROM 's3://{bucket}/large.csv'").fetchone() == (500000, 499999)


def test_what_is_not_there_is_an_error(database, bucket):
    with pytest.raises(duckdb.Error):
        database.sql(f"SELECT * FROM 's3://{bucket}/none.parquet'").fetchall()

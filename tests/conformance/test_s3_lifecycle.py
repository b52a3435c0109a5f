"""Lifecycle rules on a running server: set by a client, carried out soon after."""

import datetime
import time


def eventually(look, seconds=30):
    deadline = time.time() + seconds
    while not (found := look()):
        assert time.time() < deadline
        time.sleep(0.2)
    return found


def test_what_is_due_goes_soon_after_the_rule_was_set(server, unique):
    s3 = server.client("s3")
    s3.create_bucket(Bucket=unique)
    for key in ("old/a", "old/b", "kept"):
        s3.put_object(Bucket=unique, Key=key, Body=b"x")
    yesterday = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday -= datetime.timedelta(days=1)
    s3.put_bucket_lifecycle_configuration(
        Bucket=unique,
        LifecycleConfiguration={
            "Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Date": yesterday}}]
        },
    )
    assert "x-amz-expiration" in s3.head_object(Bucket=unique, Key="old/a")["ResponseMetadata"]["HTTPHeaders"]

    def keys():
        return [each["Key"] for each in s3.list_objects_v2(Bucket=unique).get("Contents", [])]

    eventually(lambda: keys() == ["kept"])

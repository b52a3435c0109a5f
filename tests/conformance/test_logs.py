"""CloudWatch Logs as boto3 and the AWS CLI use it: writing, following, searching, querying, tailing."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

boto3 = pytest.importorskip("boto3")
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

AWS = Path(sys.executable).with_name("aws")


@pytest.fixture
def logs(server):
    return server.client("logs")


@pytest.fixture
def group(logs, unique):
    name = f"/test/{unique}"
    logs.create_log_group(logGroupName=name, tags={"team": "a"})
    yield name
    logs.delete_log_group(logGroupName=name)


def put(logs, group, stream, messages, start=None):
    start = int(time.time() * 1000) - 60_000 if start is None else start
    try:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    except logs.exceptions.ResourceAlreadyExistsException:
        pass
    events = [{"timestamp": start + at, "message": message} for at, message in enumerate(messages)]
    return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def cli(server, *arguments, **options):
    if not AWS.exists():
        pytest.skip("the AWS CLI is not installed beside this Python")
    environment = server.environment() | {"AWS_DISABLE_HOST_PREFIX_INJECTION": "true"}
    return subprocess.run([AWS, "logs", *arguments], env=environment, capture_output=True, text=True, timeout=60, **options)


def finished(logs, query_id):
    deadline = time.time() + 30
    while (answer := logs.get_query_results(queryId=query_id))["status"] in ("Scheduled", "Running"):
        assert time.time() < deadline
        time.sleep(0.05)
    return answer


def test_events_are_followed_by_token_until_it_stays(logs, group):
    put(logs, group, "s", [f"line {at}" for at in range(25)])
    seen, token = [], None
    while True:
        more = {} if token is None else {"nextToken": token}
        page = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True, limit=10, **more)
        seen += [event["message"] for event in page["events"]]
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    assert seen == [f"line {at}" for at in range(25)]


def test_paginators_of_groups_streams_and_filters(logs, group):
    for at in range(7):
        put(logs, group, f"job/{at}", ["ERROR x", "fine", "ERROR y"])
    streams = logs.get_paginator("describe_log_streams").paginate(
        logGroupName=group, orderBy="LastEventTime", descending=True, PaginationConfig={"PageSize": 3}
    )
    assert len([stream for page in streams for stream in page["logStreams"]]) == 7
    found = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, logStreamNamePrefix="job/", filterPattern="ERROR", PaginationConfig={"PageSize": 4}
    )
    events = [event for page in found for event in page["events"]]
    assert len(events) == 14
    assert len({event["eventId"] for event in events}) == 14
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)
    groups = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=group)
    assert [each["storedBytes"] for page in groups for each in page["logGroups"]] == [7 * (7 + 4 + 7 + 3 * 26)]


def test_retention_tags_and_their_errors(logs, group):
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    described = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    assert described["retentionInDays"] == 7
    with pytest.raises(logs.exceptions.InvalidParameterException, match="enum value set"):
        logs.put_retention_policy(logGroupName=group, retentionInDays=2)
    logs.tag_resource(resourceArn=described["logGroupArn"], tags={"stage": "test"})
    assert logs.list_tags_for_resource(resourceArn=described["logGroupArn"])["tags"] == {"team": "a", "stage": "test"}
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=group)
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log group does not exist."):
        logs.get_log_events(logGroupName="/none", logStreamName="s")
    with pytest.raises(ClientError, match="kmsKeyId is not supported"):
        logs.create_log_group(logGroupName="/none", kmsKeyId="arn:aws:kms:us-east-1:000000000000:key/x")
    with pytest.raises(ClientError, match="PutSubscriptionFilter"):
        logs.put_subscription_filter(logGroupName=group, filterName="f", filterPattern="", destinationArn="arn:aws:lambda:us-east-1:000000000000:function:f")


def test_patterns_for_json_and_for_fields_of_lines(logs, group):
    put(logs, group, "s", [json.dumps({"level": level, "latency": latency}) for level, latency in [("ERROR", 50), ("INFO", 500), ("ERROR", 500)]])
    pattern = '{ $.level = "ERROR" && $.latency > 100 }'
    events = logs.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
    assert [json.loads(event["message"])["latency"] for event in events] == [500]
    matches = logs.test_metric_filter(filterPattern="[..., status = 4*, bytes]", logEventMessages=["a 404 7", "b 200 8"])["matches"]
    assert [(match["eventNumber"], match["extractedValues"]) for match in matches] == [(1, {"$status": "404", "$bytes": "7"})]
    with pytest.raises(logs.exceptions.InvalidParameterException, match=r"Invalid character\(s\) in term ':'"):
        logs.filter_log_events(logGroupName=group, filterPattern="Status: bad")


def test_insights(logs, group):
    put(logs, group, "s", [json.dumps({"level": "ERROR" if at % 3 == 0 else "INFO", "ms": at}) for at in range(30)])
    now = int(time.time())
    times = {"startTime": now - 3600, "endTime": now}
    query = logs.start_query(logGroupName=group, queryString="stats count(*) as n, avg(ms) as a by level | sort level", **times)
    answer = finished(logs, query["queryId"])
    assert answer["status"] == "Complete"
    rows = [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]
    assert rows == [{"level": "ERROR", "n": "10", "a": "13.5"}, {"level": "INFO", "n": "20", "a": "15"}]
    assert answer["statistics"]["recordsScanned"] == 30

    query = logs.start_query(logGroupNames=[group], queryString="fields @message | filter ms = 7", **times)
    (row,) = finished(logs, query["queryId"])["results"]
    pointer = {cell["field"]: cell["value"] for cell in row}["@ptr"]
    assert logs.get_log_record(logRecordPointer=pointer)["logRecord"]["ms"] == "7"

    with pytest.raises(logs.exceptions.MalformedQueryException) as refused:
        logs.start_query(logGroupName=group, queryString="fields @message | bogus", **times)
    assert refused.value.response["queryCompileError"]["location"] == {"startCharOffset": 18, "endCharOffset": 23}
    assert query["queryId"] in [each["queryId"] for each in logs.describe_queries(logGroupName=group)["queries"]]


def test_live_tail(server, logs, group):
    put(logs, group, "s", ["before"])
    client = server.client("logs", config=Config(inject_host_prefix=False, read_timeout=20))
    arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["logGroupArn"]
    stream = client.start_live_tail(logGroupIdentifiers=[arn], logEventFilterPattern="ERROR")["responseStream"]
    shown = []
    for event in stream:
        if "sessionStart" in event:
            assert event["sessionStart"]["logGroupIdentifiers"] == [arn]
            put(logs, group, "s", ["ERROR now", "INFO now"])
        else:
            shown += [each["message"] for each in event["sessionUpdate"]["sessionResults"]]
            if shown:
                break
    stream.close()
    assert shown == ["ERROR now"]


def test_the_command_line(server, logs, group):
    put(logs, group, "s", ["ERROR one", "two"])
    done = cli(server, "filter-log-events", "--log-group-name", group, "--filter-pattern", "ERROR", "--query", "events[].message", "--output", "text")
    assert (done.stdout.strip(), done.stderr) == ("ERROR one", "")
    now = int(time.time())
    done = cli(server, "start-query", "--log-group-name", group, "--start-time", str(now - 3600), "--end-time", str(now), "--query-string", "stats count(*)", "--output", "json")
    answer = finished(logs, json.loads(done.stdout)["queryId"])
    assert answer["results"] == [[{"field": "count(*)", "value": "2"}]]


def test_the_command_line_tails_live(server, logs, group):
    put(logs, group, "s", ["before"])
    if not AWS.exists():
        pytest.skip("the AWS CLI is not installed beside this Python")
    arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["logGroupArn"]
    environment = server.environment() | {"AWS_DISABLE_HOST_PREFIX_INJECTION": "true", "PYTHONUNBUFFERED": "1"}
    tail = subprocess.Popen([AWS, "logs", "start-live-tail", "--log-group-identifiers", arn], env=environment, stdout=subprocess.PIPE, text=True)
    stopped = threading.Timer(30, tail.terminate)
    stopped.start()
    try:
        writing = threading.Event()

        def write():
            while not writing.wait(0.5):
                put(logs, group, "s", ["live line"])

        writer = threading.Thread(target=write)
        writer.start()
        assert "live line" in tail.stdout.readline()
    finally:
        writing.set()
        writer.join()
        stopped.cancel()
        tail.terminate()
        tail.wait()


def test_a_follower_sees_every_event_once(logs, group):
    """What `aws logs tail --follow` does: filter from the last time that was seen, and skip the ids of that time."""
    start = int(time.time() * 1000) - 60_000
    seen, ids, since = [], set(), start
    for round in range(4):
        put(logs, group, f"stream-{round % 2}", [f"{round}-{at}" for at in range(5)], start + round * 5)
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since, interleaved=True):
            for event in page["events"]:
                if event["eventId"] in ids:
                    continue
                ids.add(event["eventId"])
                seen.append(event["message"])
                since = max(since, event["timestamp"])
    assert seen == [f"{round}-{at}" for round in range(4) for at in range(5)]

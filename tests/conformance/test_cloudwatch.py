"""CloudWatch as its clients see it: boto3 (JSON), the SDK for JavaScript (CBOR), forms as SDKs of old sent them (query)."""

import gzip
import json
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from conftest import channel, deploy, finish, training_job  # noqa: F401

MINUTE = timedelta(minutes=1)


@pytest.fixture
def cloudwatch(server):
    return server.client("cloudwatch")


def this_minute():
    return datetime.now(timezone.utc).replace(second=0, microsecond=0)


def form(server, action, **parameters):
    """A signed form as AWS CLI v1 and the SDKs before 2023 sent them."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    body = urllib.parse.urlencode({"Action": action, "Version": "2010-08-01", **parameters})
    request = AWSRequest(
        "POST",
        server.url + "/",
        data=body,
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
    )
    SigV4Auth(Credentials(server.key, server.secret), "monitoring", "us-east-1").add_auth(request)
    sent = urllib.request.Request(server.url + "/", data=body.encode(), headers=dict(request.headers), method="POST")
    try:
        with urllib.request.urlopen(sent) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_values_come_back_as_statistics(cloudwatch, unique):
    now = this_minute() - MINUTE
    dimensions = [{"Name": "Stage", "Value": "test"}]
    cloudwatch.put_metric_data(
        Namespace=unique,
        MetricData=[
            {"MetricName": "latency", "Dimensions": dimensions, "Timestamp": now, "Value": 12.5, "Unit": "Milliseconds"},
            {
                "MetricName": "latency",
                "Dimensions": dimensions,
                "Timestamp": now,
                "Values": [1.0, 2.0],
                "Counts": [3.0, 1.0],
                "Unit": "Milliseconds",
            },
            {
                "MetricName": "set",
                "Timestamp": now,
                "StatisticValues": {"SampleCount": 3, "Sum": 9, "Minimum": 1, "Maximum": 5},
            },
        ],
    )
    common = {"Namespace": unique, "StartTime": now - MINUTE, "EndTime": now + MINUTE, "Period": 60}
    found = cloudwatch.get_metric_statistics(
        MetricName="latency",
        Dimensions=dimensions,
        Statistics=["SampleCount", "Sum", "Average", "Minimum", "Maximum"],
        **common,
    )
    assert found["Label"] == "latency"
    assert found["Datapoints"] == [
        {
            "Timestamp": now,
            "SampleCount": 5.0,
            "Sum": 17.5,
            "Average": 3.5,
            "Minimum": 1.0,
            "Maximum": 12.5,
            "Unit": "Milliseconds",
        }
    ]
    percentiles = cloudwatch.get_metric_statistics(
        MetricName="latency", Dimensions=dimensions, ExtendedStatistics=["p50", "p99.9"], **common
    )
    assert percentiles["Datapoints"][0]["ExtendedStatistics"] == {"p50": 1.0, "p99.9": 12.5}
    listed = cloudwatch.list_metrics(Namespace=unique)["Metrics"]
    assert [(each["MetricName"], each["Dimensions"]) for each in listed] == [("latency", dimensions), ("set", [])]


def test_metric_data_paginator_and_math(cloudwatch, unique):
    now = this_minute() - 10 * MINUTE
    for minute in range(10):
        cloudwatch.put_metric_data(
            Namespace=unique,
            MetricData=[
                {"MetricName": name, "Timestamp": now + minute * MINUTE, "Value": float(minute * factor)}
                for name, factor in (("a", 1), ("b", 10))
            ],
        )

    def stat(id, name):
        metric = {"Namespace": unique, "MetricName": name}
        return {"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}}

    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[stat("a", "a"), stat("b", "b"), {"Id": "sum", "Expression": "a + b"}, stat("none", "none")],
        StartTime=now,
        EndTime=now + 10 * MINUTE,
        ScanBy="TimestampAscending",
        MaxDatapoints=7,
    )
    values = {}
    for page in pages:
        assert sum(len(result["Values"]) for result in page["MetricDataResults"]) <= 7
        for result in page["MetricDataResults"]:
            values.setdefault(result["Id"], []).extend(result["Values"])
    assert values == {
        "a": [float(n) for n in range(10)],
        "b": [float(n * 10) for n in range(10)],
        "sum": [float(n * 11) for n in range(10)],
        "none": [],
    }


@pytest.mark.parametrize(
    "datum, code, words",
    [
        ({"Value": float("nan")}, "InvalidParameterValue", "The value NaN for parameter MetricData.member.1.Value is invalid."),
        ({}, "InvalidParameterCombination", "At least one of the parameters MetricData.member.1.Value"),
        ({"Value": 1.0, "Unit": "Furlongs"}, "InvalidParameterValue", "The parameter MetricData.member.1.Unit must be a value in the set [ Seconds"),
        (
            {"Value": 1.0, "Timestamp": datetime(2020, 1, 1)},
            "InvalidParameterValue",
            "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks.",
        ),
    ],
)
def test_errors_have_the_old_codes(cloudwatch, unique, datum, code, words):
    with pytest.raises(cloudwatch.exceptions.ClientError) as refused:
        cloudwatch.put_metric_data(Namespace=unique, MetricData=[{"MetricName": "m", **datum}])
    assert refused.value.response["Error"]["Code"] == code
    assert words in refused.value.response["Error"]["Message"]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert type(refused.value).__name__ == f"{code}Exception"
    assert refused.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-query-error"] == f"{code};Sender"


def test_a_compressed_body_is_read(server, cloudwatch, unique):
    sizes = []
    cloudwatch.meta.events.register(
        "before-send.cloudwatch", lambda request, **_: sizes.append((request.headers.get("Content-Encoding"), request.body))
    )
    data = [{"MetricName": f"m{index}", "Value": float(index), "Unit": "Count"} for index in range(500)]
    cloudwatch.put_metric_data(Namespace=unique, MetricData=data)
    encoding, body = sizes[-1]
    assert (encoding if isinstance(encoding, str) else encoding.decode()) == "gzip"
    assert b"m499" in gzip.decompress(body)
    assert len(cloudwatch.list_metrics(Namespace=unique)["Metrics"]) == 500


def test_the_old_form_protocol(server, unique):
    now = this_minute() - MINUTE
    time_text = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    status, answer = form(
        server,
        "PutMetricData",
        **{
            "Namespace": unique,
            "MetricData.member.1.MetricName": "m",
            "MetricData.member.1.Timestamp": time_text,
            "MetricData.member.1.Value": "2.5",
            "MetricData.member.1.Dimensions.member.1.Name": "Host",
            "MetricData.member.1.Dimensions.member.1.Value": "a",
        },
    )
    assert status == 200 and "<PutMetricDataResponse" in answer, answer
    status, answer = form(
        server,
        "GetMetricStatistics",
        **{
            "Namespace": unique,
            "MetricName": "m",
            "Dimensions.member.1.Name": "Host",
            "Dimensions.member.1.Value": "a",
            "StartTime": time_text,
            "EndTime": (now + MINUTE).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Period": "60",
            "Statistics.member.1": "Sum",
        },
    )
    assert status == 200, answer
    assert "http://monitoring.amazonaws.com/doc/2010-08-01/" in answer
    assert re.search(r"<Datapoints><member>.*<Sum>2.5</Sum>.*</member></Datapoints>", answer, re.S), answer
    assert f"<Timestamp>{time_text}</Timestamp>" in answer
    status, answer = form(server, "PutMetricData", **{"Namespace": unique, "MetricData.member.1.MetricName": "m"})
    assert status == 400
    assert "<Code>InvalidParameterCombination</Code>" in answer and "<Type>Sender</Type>" in answer
    status, answer = form(server, "SetAlarmState", AlarmName="none", StateValue="OK", StateReason="x")
    assert status == 404 and "<Code>ResourceNotFound</Code>" in answer


@pytest.mark.parametrize(
    "protocol, head",
    [
        ("json", {"type": "application/x-amz-json-1.0", "path": "/", "encoding": "gzip"}),
        (
            "cbor",
            {
                "type": "application/cbor",
                "path": "/service/GraniteServiceVersion20100801/operation/PutMetricData",
            },
        ),
    ],
)
def test_the_javascript_sdk(server, unique, protocol, head):
    script = Path(__file__).parent / "cloudwatch" / "javascript-client.mjs"
    done = subprocess.run(
        ["node", str(script), unique, protocol], capture_output=True, text=True, timeout=60, env=server.environment()
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["sent"][0] == head
    assert said["listed"] == 150
    assert said["statistics"] == [[said["time"], 8.5, 4, "Milliseconds"]]
    assert said["data"] == [["e1", "ten", [20], "Complete"]]
    assert said["alarm"] == [["INSUFFICIENT_DATA", 1]]
    assert said["value"]["name"] == "InvalidParameterValueException"
    assert said["combination"]["name"] == "InvalidParameterCombinationException"
    assert said["missing"]["name"] == "ResourceNotFound"


def test_an_alarm_goes_off_and_tells_a_queue(server, cloudwatch, unique):
    sns, sqs = server.client("sns"), server.client("sqs")
    topic = sns.create_topic(Name=unique)["TopicArn"]
    queue = sqs.create_queue(QueueName=unique)["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
        },
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    cloudwatch.put_metric_data(
        Namespace=unique, MetricData=[{"MetricName": "errors", "Timestamp": this_minute() - MINUTE, "Value": 5.0}]
    )
    cloudwatch.put_metric_alarm(
        AlarmName=unique,
        Namespace=unique,
        MetricName="errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=3.0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    # A new alarm is looked at within ten seconds.
    cloudwatch.get_waiter("alarm_exists").wait(AlarmNames=[unique])
    deadline = time.time() + 30
    while (alarm := cloudwatch.describe_alarms(AlarmNames=[unique])["MetricAlarms"][0])["StateValue"] != "ALARM":
        assert time.time() < deadline, alarm
        time.sleep(0.5)
    assert "[5.0 (" in alarm["StateReason"] and "was greater than the threshold (3.0)" in alarm["StateReason"]
    [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    notification = json.loads(message["Body"])
    assert notification["Subject"] == f'ALARM: "{unique}" in US East (N. Virginia)'
    told = json.loads(notification["Message"])
    assert told["NewStateValue"] == "ALARM" and told["Trigger"]["MetricName"] == "errors"
    history = cloudwatch.describe_alarm_history(AlarmName=unique, HistoryItemType="Action")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in history] == [f"Successfully executed action {topic}"]
    cloudwatch.delete_alarms(AlarmNames=[unique])


def test_dashboards(cloudwatch, unique):
    body = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "hello"}}]})
    assert cloudwatch.put_dashboard(DashboardName=unique, DashboardBody=body)["DashboardValidationMessages"] == []
    assert cloudwatch.get_dashboard(DashboardName=unique)["DashboardBody"] == body
    [entry] = cloudwatch.list_dashboards(DashboardNamePrefix=unique)["DashboardEntries"]
    assert entry["DashboardArn"] == f"arn:aws:cloudwatch::000000000000:dashboard/{unique}"
    assert entry["Size"] == len(body)
    with pytest.raises(cloudwatch.exceptions.ClientError) as refused:
        cloudwatch.put_dashboard(DashboardName=unique, DashboardBody="{")
    assert refused.value.response["Error"]["Code"] == "InvalidParameterInput"
    assert refused.value.response["dashboardValidationMessages"][0]["DataPath"] == "/"
    cloudwatch.delete_dashboards(DashboardNames=[unique])
    with pytest.raises(cloudwatch.exceptions.ClientError) as gone:
        cloudwatch.get_dashboard(DashboardName=unique)
    assert gone.value.response["Error"]["Code"] == "ResourceNotFound"


def test_what_is_not_supported_is_refused_by_name(cloudwatch, unique):
    with pytest.raises(cloudwatch.exceptions.ClientError, match="PutAnomalyDetector"):
        cloudwatch.put_anomaly_detector(Namespace=unique, MetricName="m", Stat="Sum")
    with pytest.raises(cloudwatch.exceptions.ClientError, match="ActionsSuppressor is not supported by Sagebrush"):
        cloudwatch.put_composite_alarm(AlarmName=unique, AlarmRule="TRUE", ActionsSuppressor="other")


def test_a_training_job_reports_while_it_runs(server, cloudwatch, unique):
    s3, sagemaker = server.client("s3"), server.client("sagemaker")
    s3.create_bucket(Bucket=unique)
    rows = "".join(f"{row % 2},{row % 2 + row / 1000},{row % 7}\n" for row in range(200))
    s3.put_object(Bucket=unique, Key="train/a.csv", Body=rows)
    s3.put_object(Bucket=unique, Key="validation/a.csv", Body=rows)
    started = datetime.now(timezone.utc) - MINUTE
    parameters = {"objective": "binary:logistic", "num_round": 8, "nthread": 1}
    sagemaker.create_training_job(**training_job(unique, unique, parameters, channels=("train", "validation")))
    job = finish(sagemaker, unique)
    assert job["TrainingJobStatus"] == "Completed", job
    final = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
    dimension = [{"Name": "TrainingJobName", "Value": unique}]
    namespace = "/aws/sagemaker/TrainingJobs"
    deadline = time.time() + 10
    while not (
        listed := cloudwatch.list_metrics(Namespace=namespace, Dimensions=dimension, RecentlyActive="PT3H")["Metrics"]
    ):
        assert time.time() < deadline
        time.sleep(0.2)
    assert {each["MetricName"] for each in listed} == set(final)
    found = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName="validation:logloss",
        Dimensions=dimension,
        StartTime=started,
        EndTime=datetime.now(timezone.utc) + MINUTE,
        Period=300,
        Statistics=["SampleCount", "Minimum"],
    )["Datapoints"]
    # Every round's value, each once; the last is the lowest here.
    assert sum(point["SampleCount"] for point in found) == 8
    assert min(point["Minimum"] for point in found) == final["validation:logloss"]


def test_an_endpoint_reports_its_invocations(server, cloudwatch, unique):
    s3, sagemaker, runtime = server.client("s3"), server.client("sagemaker"), server.client("sagemaker-runtime")
    s3.create_bucket(Bucket=unique)
    rows = "".join(f"{row % 2},{row % 2},{row % 7}\n" for row in range(100))
    s3.put_object(Bucket=unique, Key="train/a.csv", Body=rows)
    sagemaker.create_training_job(**training_job(unique, unique, {"objective": "binary:logistic", "num_round": 2, "nthread": 1}))
    job = finish(sagemaker, unique)
    deploy(sagemaker, unique, job["ModelArtifacts"]["S3ModelArtifacts"])
    started = datetime.now(timezone.utc) - MINUTE
    for _ in range(7):
        runtime.invoke_endpoint(EndpointName=unique, ContentType="text/csv", Body="1,2")
    with pytest.raises(runtime.exceptions.ModelError):
        runtime.invoke_endpoint(EndpointName=unique, ContentType="text/csv", Body="not,numbers")
    dimensions = [{"Name": "EndpointName", "Value": unique}, {"Name": "VariantName", "Value": "AllTraffic"}]

    def total(name, statistic="Sum"):
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=dimensions,
            StartTime=started,
            EndTime=datetime.now(timezone.utc) + MINUTE,
            Period=300,
            Statistics=[statistic],
        )["Datapoints"]
        return sum(point[statistic] for point in points)

    deadline = time.time() + 30
    while total("Invocations") < 8:
        assert time.time() < deadline
        time.sleep(0.5)
    assert total("Invocations") == 8
    assert total("InvocationModelErrors") == 1
    assert total("Invocation4XXErrors") + total("Invocation5XXErrors") == 1
    assert total("ModelLatency", "SampleCount") == 8
    assert total("ModelLatency", "Minimum") > 100, "microseconds"
    assert total("OverheadLatency", "SampleCount") == 8
    sagemaker.delete_endpoint(EndpointName=unique)


def test_acknowledged_values_survive_a_kill(tmp_path, unique):
    from conftest import Server

    running = Server(tmp_path / "data")
    try:
        cloudwatch = running.client("cloudwatch")
        now = this_minute() - MINUTE
        for value in range(20):
            cloudwatch.put_metric_data(
                Namespace=unique, MetricData=[{"MetricName": "m", "Timestamp": now, "Value": float(value)}]
            )
        running.kill()
        running.start()
        [point] = running.client("cloudwatch").get_metric_statistics(
            Namespace=unique,
            MetricName="m",
            StartTime=now,
            EndTime=now + MINUTE,
            Period=60,
            Statistics=["SampleCount", "Sum"],
        )["Datapoints"]
        assert (point["SampleCount"], point["Sum"]) == (20, 190)
    finally:
        running.stop()

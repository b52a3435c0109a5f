"""The foundation's story with boto3: data in S3, a training job, an endpoint, predictions; and how it says no."""

import gzip
import io
import json
import random
import tarfile
import time

import pytest
from conftest import ROLE, SHARED_DATA, channel, deploy, finish, image, training_job

boto3 = pytest.importorskip("boto3")
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

SETTINGS = {
    "objective": "reg:squarederror", "num_round": 50, "max_depth": 5, "eta": 0.2, "gamma": 4, "min_child_weight": 6, "subsample": 0.7,
}


def abalone():
    """The real set when it is there (sex as a number, rings first), else one of the same form."""
    file = SHARED_DATA / "abalone" / "abalone.csv"
    rows = []
    if file.exists():
        for line in file.read_text().splitlines():
            sex, *measures, rings = line.split(",")
            rows.append([rings, str("MFI".index(sex)), *measures])
    else:
        draw = random.Random(1)
        for _ in range(4000):
            size = draw.random()
            rows.append([str(round(3 + 18 * size + draw.gauss(0, 1.5))), str(draw.randrange(3)), *(f"{size * k + draw.gauss(0, 0.02):.4f}" for k in range(1, 8))])
    random.Random(7).shuffle(rows)
    cut = int(len(rows) * 0.8)
    return ["\n".join(map(",".join, part)) + "\n" for part in (rows[:cut], rows[cut:])]


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture(scope="module")
def sagemaker(server):
    return server.client("sagemaker")


@pytest.fixture(scope="module")
def bucket(s3):
    train, validation = abalone()
    s3.create_bucket(Bucket="abalone-data")
    s3.put_object(Bucket="abalone-data", Key="train/part-0.csv", Body=train)
    s3.put_object(Bucket="abalone-data", Key="validation/part-0.csv", Body=validation)
    return "abalone-data"


@pytest.fixture(scope="module")
def trained(sagemaker, bucket):
    sagemaker.create_training_job(**training_job("abalone-trained", bucket, SETTINGS, ("train", "validation")))
    return finish(sagemaker, "abalone-trained")


def test_job_completes_with_every_step_and_metric(trained):
    assert trained["TrainingJobStatus"] == trained["SecondaryStatus"] == "Completed", trained.get("FailureReason")
    steps = trained["SecondaryStatusTransitions"]
    assert [step["Status"] for step in steps] == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all(step["StatusMessage"] for step in steps)
    assert steps[-1]["StatusMessage"] == "Training job completed"
    for earlier, later in zip(steps, steps[1:]):
        assert earlier["StartTime"] <= earlier["EndTime"] <= later["StartTime"]
    assert trained["CreationTime"] <= trained["TrainingStartTime"] <= trained["TrainingEndTime"]
    metrics = {metric["MetricName"]: metric["Value"] for metric in trained["FinalMetricDataList"]}
    assert set(metrics) == {"train:rmse", "validation:rmse"}
    assert 1.0 < metrics["train:rmse"] < metrics["validation:rmse"] < 2.6
    assert trained["ModelArtifacts"]["S3ModelArtifacts"] == "s3://abalone-data/output/abalone-trained/output/model.tar.gz"
    assert trained["TrainingJobArn"] == "arn:aws:sagemaker:us-east-1:000000000000:training-job/abalone-trained"


def test_log_has_a_line_per_round(server, trained):
    logs = server.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="abalone-trained/")["logStreams"]
    assert [stream["logStreamName"].rsplit("-", 1)[0] for stream in streams] == ["abalone-trained/algo-1"]
    events = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"], startFromHead=True)["events"]
    rounds = [event["message"] for event in events if event["message"].startswith("[") and "train-rmse:" in event["message"]]
    assert len(rounds) == 50
    found = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="abalone-trained/", filterPattern='"[49]"')["events"]
    assert len(found) == 1 and found[0]["message"] == rounds[-1]


def test_endpoint_predicts_like_the_original_library(server, s3, sagemaker, bucket, trained):
    xgboost = pytest.importorskip("xgboost")
    import numpy as np

    deploy(sagemaker, "abalone-predicts", trained["ModelArtifacts"]["S3ModelArtifacts"])
    validation = s3.get_object(Bucket=bucket, Key="validation/part-0.csv")["Body"].read().decode()
    rows = np.array([[float(cell) for cell in line.split(",")] for line in validation.splitlines()], dtype=np.float32)
    features = "\n".join(",".join(line.split(",")[1:]) for line in validation.splitlines())

    runtime = server.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="abalone-predicts", ContentType="text/csv", Body=features)
    assert answer["InvokedProductionVariant"] == "AllTraffic" and answer["ContentType"].startswith("text/csv")
    ours = np.array([float(line) for line in answer["Body"].read().decode().splitlines()])

    # The same settings in the library itself: quality within 1 %.
    train_text = s3.get_object(Bucket=bucket, Key="train/part-0.csv")["Body"].read().decode()
    train = np.array([[float(cell) for cell in line.split(",")] for line in train_text.splitlines()], dtype=np.float32)
    parameters = {key: value for key, value in SETTINGS.items() if key != "num_round"} | {"tree_method": "hist", "base_score": 0.5}
    booster = xgboost.train(parameters, xgboost.DMatrix(train[:, 1:], label=train[:, 0]), num_boost_round=50)
    theirs = booster.predict(xgboost.DMatrix(rows[:, 1:]))

    def rmse(values):
        return float(np.sqrt(np.mean((values - rows[:, 0]) ** 2)))

    assert rmse(ours) == pytest.approx(rmse(theirs), rel=0.01)

    libsvm = " ".join(f"{index}:{value}" for index, value in enumerate(rows[0, 1:]))
    single = runtime.invoke_endpoint(EndpointName="abalone-predicts", ContentType="text/libsvm", Accept="application/json", Body=libsvm)
    assert json.load(single["Body"])["predictions"][0]["score"] == pytest.approx(ours[0], abs=1e-4)

    with pytest.raises(ClientError) as unreadable:
        runtime.invoke_endpoint(EndpointName="abalone-predicts", ContentType="text/csv", Body="a,b,c")
    assert unreadable.value.response["Error"]["Code"] == "ModelError"
    assert unreadable.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert unreadable.value.response["OriginalStatusCode"] in (400, 415)
    assert unreadable.value.response["LogStreamArn"].endswith("log-group:/aws/sagemaker/Endpoints/abalone-predicts")
    with pytest.raises(ClientError) as unknown:
        runtime.invoke_endpoint(EndpointName="no-such-endpoint", ContentType="text/csv", Body="1")
    assert unknown.value.response["Error"]["Code"] == "ValidationError"

    sagemaker.delete_endpoint(EndpointName="abalone-predicts")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="abalone-predicts", WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def test_two_variants_share_the_traffic(server, sagemaker, trained):
    model = trained["ModelArtifacts"]["S3ModelArtifacts"]
    for name in ("ab-a", "ab-b"):
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image(), "ModelDataUrl": model})
    variants = [
        {"VariantName": variant, "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large", "InitialVariantWeight": weight}
        for variant, name, weight in (("A", "ab-a", 3.0), ("B", "ab-b", 1.0))
    ]
    sagemaker.create_endpoint_config(EndpointConfigName="ab", ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName="ab", EndpointConfigName="ab")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="ab", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    described = sagemaker.describe_endpoint(EndpointName="ab")
    assert {variant["VariantName"]: variant["CurrentWeight"] for variant in described["ProductionVariants"]} == {"A": 3.0, "B": 1.0}

    runtime = server.client("sagemaker-runtime")
    row = "1,0.455,0.365,0.095,0.514,0.2245,0.101,0.15"
    counts = {"A": 0, "B": 0}
    for _ in range(200):
        counts[runtime.invoke_endpoint(EndpointName="ab", ContentType="text/csv", Body=row)["InvokedProductionVariant"]] += 1
    # 200 draws at 3:1; six standard deviations are 37.
    assert 113 <= counts["A"] <= 187, counts
    pinned = runtime.invoke_endpoint(EndpointName="ab", ContentType="text/csv", Body=row, TargetVariant="B")
    assert pinned["InvokedProductionVariant"] == "B"
    sagemaker.delete_endpoint(EndpointName="ab")


@pytest.mark.parametrize(
    "data, said",
    [
        ("1,2,3\n4,five,6\n", "five"),
        ("1,2,3\n4,5\n", "row 2"),
        ("", "empty"),
        ("nan,2,3\n", "label"),
    ],
    ids=["text", "ragged", "empty", "nan-label"],
)
def test_bad_data_fails_the_job_with_the_place(s3, sagemaker, unique, data, said):
    s3.create_bucket(Bucket=unique)
    s3.put_object(Bucket=unique, Key="train/data.csv", Body=data)
    sagemaker.create_training_job(**training_job(unique, unique, {"objective": "reg:squarederror", "num_round": 2}))
    job = finish(sagemaker, unique)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError") and said in job["FailureReason"].lower(), job["FailureReason"]
    assert len(job["FailureReason"]) <= 1024


def test_a_prefix_without_objects_fails_the_job(s3, sagemaker, unique):
    s3.create_bucket(Bucket=unique)
    sagemaker.create_training_job(**training_job(unique, unique, {"objective": "reg:squarederror", "num_round": 2}))
    job = finish(sagemaker, unique)
    assert job["TrainingJobStatus"] == "Failed" and "No S3 objects found under S3 URL" in job["FailureReason"]
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]][-2:] == ["Downloading", "Failed"]


@pytest.mark.parametrize(
    "labels, settings",
    [
        ("0 1 2 3", {"objective": "multi:softmax", "num_class": 3, "num_round": 2}),
        ("0 1 2 1", {"objective": "binary:logistic", "num_round": 2}),
    ],
    ids=["class-outside", "not-binary"],
)
def test_labels_outside_the_classes_fail_the_job(s3, sagemaker, unique, labels, settings):
    s3.create_bucket(Bucket=unique)
    s3.put_object(Bucket=unique, Key="train/data.csv", Body="".join(f"{label},1,2\n" for label in labels.split()))
    sagemaker.create_training_job(**training_job(unique, unique, settings))
    job = finish(sagemaker, unique)
    assert job["TrainingJobStatus"] == "Failed" and "label" in job["FailureReason"].lower(), job


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"num_round": 5, "eta": 2}, "eta"),
        ({"num_round": "many"}, "num_round"),
        ({"num_round": 5, "max_dept": 3}, "max_dept"),
        ({"eta": 0.1}, "num_round"),
        ({"num_round": 5, "booster": "dart"}, "dart"),
        ({"num_round": 5, "objective": "multi:softmax"}, "num_class"),
        ({"num_round": 5, "objective": "reg:squarederror", "eval_metric": "auc"}, "auc"),
    ],
    ids=["range", "type", "unknown", "missing", "refused", "num-class", "metric"],
)
def test_bad_hyperparameters_are_refused_before_the_job_starts(sagemaker, bucket, unique, settings, said):
    with pytest.raises(ClientError) as refused:
        sagemaker.create_training_job(**training_job(unique, bucket, settings))
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert said in refused.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as absent:
        sagemaker.describe_training_job(TrainingJobName=unique)
    assert absent.value.response["Error"]["Message"] == "Requested resource not found."


def test_names_in_use_and_violated_constraints(server, sagemaker, trained, bucket):
    with pytest.raises(ClientError) as taken:
        sagemaker.create_training_job(**training_job("abalone-trained", bucket, SETTINGS))
    assert taken.value.response["Error"]["Code"] == "ResourceInUse"
    request = training_job("under_score", bucket, SETTINGS)
    request["RoleArn"] = "me"
    unchecked = server.client("sagemaker", config=Config(parameter_validation=False))
    with pytest.raises(ClientError) as several:
        unchecked.create_training_job(**request)
    message = several.value.response["Error"]["Message"]
    assert several.value.response["Error"]["Code"] == "ValidationException"
    assert message.startswith("3 validation errors detected: ")
    assert "'trainingJobName' failed to satisfy constraint: Member must satisfy regular expression pattern" in message
    assert "Value 'me' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20" in message


def test_stop_uploads_what_there_is(s3, sagemaker, bucket, unique):
    sagemaker.create_training_job(**training_job(unique, bucket, SETTINGS | {"num_round": 4000, "max_depth": 10}))
    deadline = time.time() + 30
    while sagemaker.describe_training_job(TrainingJobName=unique)["SecondaryStatus"] != "Training":
        assert time.time() < deadline
        time.sleep(0.05)
    sagemaker.stop_training_job(TrainingJobName=unique)
    job = finish(sagemaker, unique)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Stopped"
    with pytest.raises(ClientError) as again:
        sagemaker.stop_training_job(TrainingJobName=unique)
    assert again.value.response["Error"]["Message"] == "The request was rejected because the training job is in status Stopped."


def test_max_runtime_stops_the_job(sagemaker, bucket, unique):
    request = training_job(unique, bucket, SETTINGS | {"num_round": 4000, "max_depth": 12, "min_child_weight": 0, "gamma": 0})
    request["StoppingCondition"]["MaxRuntimeInSeconds"] = 1
    sagemaker.create_training_job(**request)
    job = finish(sagemaker, unique)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded"), job.get("FailureReason")


def archive(*members):
    """A model.tar.gz of (name, content) members; a content of None makes a symbolic link to /etc/passwd."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "artifact, said",
    [
        (b"this is no archive", "model.tar.gz"),
        (gzip.compress(b"gzip, but no tar" * 100), "tar"),
        (archive(("readme.txt", b"hello")), "model"),
        (archive(("xgboost-model", None)), "link"),
        (archive(("../xgboost-model", b"x")), "../xgboost-model"),
        (archive(("xgboost-model", b"not a model at all")), "xgboost-model"),
    ],
    ids=["no-gzip", "no-tar", "lacks-model", "link", "dot-dot", "no-model"],
)
def test_bad_artifacts_fail_the_endpoint_with_the_reason(s3, sagemaker, unique, artifact, said):
    s3.create_bucket(Bucket=unique)
    s3.put_object(Bucket=unique, Key="model.tar.gz", Body=artifact)
    sagemaker.create_model(ModelName=unique, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image(), "ModelDataUrl": f"s3://{unique}/model.tar.gz"})
    sagemaker.create_endpoint_config(
        EndpointConfigName=unique,
        ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": unique, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}],
    )
    sagemaker.create_endpoint(EndpointName=unique, EndpointConfigName=unique)
    deadline = time.time() + 60
    while (described := sagemaker.describe_endpoint(EndpointName=unique))["EndpointStatus"] == "Creating":
        assert time.time() < deadline
        time.sleep(0.1)
    assert described["EndpointStatus"] == "Failed"
    assert said in described["FailureReason"], described["FailureReason"]
    sagemaker.delete_endpoint(EndpointName=unique)


def test_lists_page_filter_and_sort(sagemaker, trained):
    newest = sagemaker.list_training_jobs(SortBy="CreationTime", SortOrder="Descending", MaxResults=1)
    assert len(newest["TrainingJobSummaries"]) == 1 and newest["NextToken"]
    names = [
        job["TrainingJobName"]
        for page in sagemaker.get_paginator("list_training_jobs").paginate(PaginationConfig={"PageSize": 3})
        for job in page["TrainingJobSummaries"]
    ]
    assert len(names) == len(set(names)) and "abalone-trained" in names
    named = sagemaker.list_training_jobs(NameContains="lone-train", StatusEquals="Completed")["TrainingJobSummaries"]
    assert [job["TrainingJobName"] for job in named] == ["abalone-trained"]
    with pytest.raises(ClientError):
        sagemaker.list_training_jobs(NextToken="rubbish")


def test_regions_are_kept_apart(server, sagemaker, trained):
    elsewhere = server.client("sagemaker", region="ap-northeast-2")
    assert elsewhere.list_training_jobs()["TrainingJobSummaries"] == []
    with pytest.raises(ClientError):
        elsewhere.describe_training_job(TrainingJobName="abalone-trained")


def test_what_is_not_supported_is_refused_by_name(sagemaker, bucket, unique):
    with pytest.raises(ClientError) as operation:
        sagemaker.list_clusters()
    assert operation.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "ListClusters" in operation.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as parameter:
        sagemaker.create_training_job(**training_job(unique, bucket, SETTINGS), VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]})
    assert "VpcConfig" in parameter.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as custom:
        request = training_job(unique, bucket, SETTINGS)
        request["AlgorithmSpecification"]["TrainingImage"] = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1"
        sagemaker.create_training_job(**request)
    assert "mine" in custom.value.response["Error"]["Message"]


def test_weights_change_the_model(s3, sagemaker, server, unique):
    s3.create_bucket(Bucket=unique)
    rows = "".join(f"{y},{w},{x}\n" for x in range(2) for y, w in ((0, 1), (10, 9)) for _ in range(50))
    s3.put_object(Bucket=unique, Key="train/data.csv", Body=rows)
    settings = {"objective": "reg:squarederror", "num_round": 60, "csv_weights": 1}
    sagemaker.create_training_job(**training_job(unique, unique, settings))
    job = finish(sagemaker, unique)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    deploy(sagemaker, unique, job["ModelArtifacts"]["S3ModelArtifacts"])
    answer = server.client("sagemaker-runtime").invoke_endpoint(EndpointName=unique, ContentType="text/csv", Body="1")
    # Nine tenths of the weight say 10.
    assert float(answer["Body"].read()) == pytest.approx(9.0, abs=0.05)
    sagemaker.delete_endpoint(EndpointName=unique)


def test_channel_descriptor_is_used(sagemaker, bucket, unique):
    request = training_job(unique, bucket, SETTINGS)
    request["InputDataConfig"] = [channel("train", f"s3://{bucket}/train/part-0.csv")]
    sagemaker.create_training_job(**request)
    assert finish(sagemaker, unique)["TrainingJobStatus"] == "Completed"

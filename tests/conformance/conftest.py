"""The judges' view: a real server process, called by boto3 and the AWS CLI as any user would."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

# On a busy machine the library's threads wait for each other by spinning; small data needs one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / "dist" / "cli" / "main.js"
SHARED_DATA = ROOT.parent / "shared" / "data"
ROLE = "arn:aws:iam::000000000000:role/service-role/SagebrushExecutionRole"


class Server:
    """A `sagebrush up` of its own, on a free port."""

    def __init__(self, data_dir, *flags):
        self.data_dir = data_dir
        self.flags = flags
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["node", str(COMMAND), "up", "--json", "--port", "0", "--data-dir", str(self.data_dir), *self.flags],
            stdout=subprocess.PIPE,
            text=True,
        )
        text = ""
        while True:
            line = self.process.stdout.readline()
            assert line, f"the server ended with {self.process.wait()} before it announced itself"
            text += line
            if line.rstrip() == "}":
                break
        self.url = json.loads(text)["url"]
        credentials = json.loads((Path(self.data_dir) / "root-credentials.json").read_text())
        self.key = credentials["accessKeyId"]
        self.secret = credentials["secretAccessKey"]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise

    def environment(self, region="us-east-1"):
        """What `sagebrush env` exports, in an environment that has nothing of the user's AWS set-up."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }

    def client(self, service, region="us-east-1", **overrides):
        boto3 = pytest.importorskip("boto3")
        from botocore.config import Config

        config = overrides.pop("config", Config(retries={"max_attempts": 1}))
        arguments = {
            "endpoint_url": self.url,
            "region_name": region,
            "aws_access_key_id": self.key,
            "aws_secret_access_key": self.secret,
            "config": config,
        } | overrides
        return boto3.session.Session().client(service, **arguments)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("data"))
    yield running
    running.stop()


@pytest.fixture
def unique():
    """A name no other test uses; good for a bucket, a job, an endpoint."""
    return f"t-{uuid.uuid4().hex[:12]}"


def image(tag="1.7-1", region="us-east-1", account="683313688378"):
    return f"{account}.dkr.ecr.{region}.amazonaws.com/sagemaker-xgboost:{tag}"


def channel(name, uri, content_type="text/csv"):
    return {
        "ChannelName": name,
        "ContentType": content_type,
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
    }


def training_job(name, bucket, hyperparameters, channels=("train",), tag="1.7-1", content_type="text/csv", **more):
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": image(tag), "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {key: str(value) for key, value in hyperparameters.items()},
        "InputDataConfig": [channel(each, f"s3://{bucket}/{each}/", content_type) for each in channels],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    } | more


def finish(sagemaker, name, seconds=300):
    """Waits for the end of a training job, good or bad, and returns its description."""
    deadline = time.time() + seconds
    while (job := sagemaker.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] in ("InProgress", "Stopping"):
        assert time.time() < deadline, job
        time.sleep(0.1)
    return job


def deploy(sagemaker, name, model_data, tag="1.7-1", environment=None):
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": image(tag), "ModelDataUrl": model_data, "Environment": environment or {}},
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        ],
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def node(script, *arguments, **options):
    """Runs a JavaScript module of ours and returns what it printed."""
    done = subprocess.run(["node", script, *arguments], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


sys.path.insert(0, str(Path(__file__).parent))

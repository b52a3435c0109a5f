"""`sagebrush run`: programs that know nothing of this server, in several languages and of several years."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from conftest import COMMAND, ROOT

HERE = Path(__file__).parent
PYTHON_2018 = ROOT / ".venv-2018" / "bin" / "python"
PYTHON_2021 = ROOT / ".venv-2021" / "bin" / "python"


def clean_environment():
    """As on a machine where nobody has set up AWS."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def run(server, *command, options=(), environment=None, **more):
    done = subprocess.run(
        ["node", str(COMMAND), "run", "--data-dir", str(server.data_dir), "--json", *options, "--", *map(str, command)],
        capture_output=True,
        text=True,
        timeout=180,
        env=clean_environment() | (environment or {}),
        **more,
    )
    lines = done.stderr.splitlines()
    summary = json.loads(lines[-1]) if lines and lines[-1].startswith('{"sagebrush"') else None
    return done, summary


def hosts(counts):
    return {each["host"] for each in counts}


STORY = """
import os, boto3, botocore.session
os.environ.pop("AWS_ENDPOINT_URL", None)  # as a program does that was written before there was such a variable
bucket = "{bucket}"
print(boto3.client("sts").get_caller_identity()["Arn"])
s3 = boto3.client("s3")
s3.create_bucket(Bucket=bucket)
s3.put_object(Bucket=bucket, Key="folder/a b+c.txt", Body=b"hello")
print(s3.get_object(Bucket=bucket, Key="folder/a b+c.txt")["Body"].read().decode())
s3.upload_file(os.devnull, bucket, "empty")
boto3.resource("s3").Bucket(bucket).upload_file("{file}", "big")
print(s3.head_object(Bucket=bucket, Key="big")["ContentLength"])
print(",".join(o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]))
print(len(boto3.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]) >= 0)
print(boto3.client("iam").get_role(RoleName="SagebrushExecutionRole")["Role"]["Arn"])
print(boto3.client("logs").describe_log_groups(limit=1)["logGroups"] is not None)
eu = boto3.client("s3", region_name="eu-west-1")
eu.create_bucket(Bucket=bucket + "-eu", CreateBucketConfiguration={{"LocationConstraint": "eu-west-1"}})
print(eu.get_bucket_location(Bucket=bucket + "-eu")["LocationConstraint"])
"""


def story(server, python, unique, tmp_path, **more):
    file = tmp_path / "big"
    file.write_bytes(os.urandom(1 << 20) * 9)
    script = tmp_path / "program.py"
    script.write_text(STORY.format(bucket=unique, file=file))
    done, summary = run(server, python, script, **more)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "arn:aws:iam::000000000000:root",
        "hello",
        str(9 << 20),
        "big,empty,folder/a b+c.txt",
        "True",
        "arn:aws:iam::000000000000:role/service-role/SagebrushExecutionRole",
        "True",
        "eu-west-1",
    ]
    assert summary["passedThrough"] == []
    return hosts(summary["redirected"])


def test_boto3_of_today_without_any_setting(server, unique, tmp_path):
    assert "api.sagemaker.us-east-1.amazonaws.com" in story(server, sys.executable, unique, tmp_path)


@pytest.mark.skipif(not PYTHON_2018.exists(), reason="needs .venv-2018 with requirements-2018.txt")
def test_boto3_of_2018(server, unique, tmp_path):
    redirected = story(server, PYTHON_2018, unique, tmp_path, environment={"PYTHONPATH": str(HERE / "old_sdks")})
    # The legacy global endpoints of its time.
    assert {"sts.amazonaws.com", "iam.amazonaws.com", f"{unique}.s3.amazonaws.com"} <= redirected


@pytest.mark.skipif(not PYTHON_2021.exists(), reason="needs .venv-2021 with requirements-2021.txt")
def test_a_workshop_with_the_sagemaker_sdk_of_its_time(server, unique):
    done, summary = run(server, PYTHON_2021, HERE / "old_sdks" / "workshop.py", unique)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith(("bucket", "uploaded", "model", "scores", "status", "gone"))] == [
        "bucket True",
        "uploaded ['data/train/train.csv']",
        "model True",
        "scores [1, 0]",
        "status InService",
        "gone True",
    ]
    # The log of the job as it was streamed.
    assert any(line.startswith("[19]#011train-auc:") for line in lines)
    assert any("Completed - Training job completed" in line for line in lines)
    assert {"api.sagemaker.us-east-1.amazonaws.com", "runtime.sagemaker.us-east-1.amazonaws.com"} <= hosts(summary["redirected"])


def test_boto3_with_the_credentials_of_a_role(server):
    program = 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])'
    done, _ = run(server, sys.executable, "-c", program, options=("--role", "SagebrushExecutionRole"))
    assert done.stdout.strip() == "arn:aws:sts::000000000000:assumed-role/SagebrushExecutionRole/sagebrush-run", done.stderr


def test_credentials_of_an_instance(server):
    program = textwrap.dedent("""
        import os, boto3
        for name in [name for name in os.environ if name.startswith("AWS_") and "BUNDLE" not in name and "FILE" not in name]:
            del os.environ[name]
        session = boto3.session.Session(region_name="us-east-1")
        print(session.get_credentials().method, session.client("sts").get_caller_identity()["Arn"])
    """)
    done, summary = run(server, sys.executable, "-c", program)
    assert done.stdout.split() == [
        "iam-role",
        "arn:aws:sts::000000000000:assumed-role/SagebrushExecutionRole/sagebrush-run",
    ], done.stderr
    assert any(host.startswith("169.254.169.254") for host in hosts(summary["redirected"]))


def test_the_aws_cli(server, unique):
    aws = shutil.which("aws")
    assert aws, "the AWS CLI is not on the PATH"
    done, _ = run(server, "sh", "-c", f"unset AWS_ENDPOINT_URL; {aws} s3 mb s3://{unique} && {aws} s3 ls")
    assert unique in done.stdout, done.stderr


def test_node_programs_whatever_they_use(server, unique, tmp_path):
    script = tmp_path / "program.mjs"
    script.write_text(f"""
        import https, {{ get }} from "node:https";
        import http from "node:http";
        import {{ createRequire }} from "node:module";
        const require = createRequire("{ROOT}/package.json");
        const {{ S3Client, CreateBucketCommand, PutObjectCommand }} = require("@aws-sdk/client-s3");
        delete process.env.AWS_ENDPOINT_URL;
        const s3 = new S3Client({{}});
        await s3.send(new CreateBucketCommand({{ Bucket: "{unique}" }}));
        await s3.send(new PutObjectCommand({{ Bucket: "{unique}", Key: "k", Body: "x" }}));
        const status = (request) => new Promise((resolve, reject) => request.on("error", reject).on("response", (r) => {{ r.resume(); resolve(r.statusCode); }}));
        console.log(await status(https.get("https://{unique}.s3.amazonaws.com/none")));
        console.log(await status(get("https://s3.us-west-2.amazonaws.com/{unique}/none")));
        console.log(await status(http.get("http://{unique}.s3.amazonaws.com/none")));
        console.log((await fetch("https://sts.amazonaws.com/")).status);
        console.log(await (await fetch("http://169.254.169.254/latest/meta-data/placement/region")).text());
    """)
    done, summary = run(server, "node", script)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["403", "403", "403"] and lines[4] == "us-east-1"
    assert f"{unique}.s3.us-east-1.amazonaws.com" in hosts(summary["redirected"])


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_checks_the_certificate_and_accepts_it(server):
    done, _ = run(server, "curl", "-sS", "-o", os.devnull, "-w", "%{http_code} %{ssl_verify_result}", "https://s3.amazonaws.com/")
    assert done.stdout == "403 0", done.stderr


@pytest.mark.skipif(shutil.which("java") is None, reason="needs Java")
def test_java(server, tmp_path):
    program = tmp_path / "Program.java"
    program.write_text("""
        import java.net.*;
        public class Program {
          public static void main(String[] arguments) throws Exception {
            HttpURLConnection connection = (HttpURLConnection) new URL("https://s3.eu-west-1.amazonaws.com/").openConnection();
            System.out.println(connection.getResponseCode());
          }
        }
    """)
    done, summary = run(server, "java", program)
    assert done.stdout.strip() == "403", done.stderr
    assert hosts(summary["redirected"]) == {"s3.eu-west-1.amazonaws.com"}


@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go")
def test_go(server, tmp_path):
    program = tmp_path / "program.go"
    program.write_text("""
        package main
        import ("fmt"; "net/http")
        func main() {
          answer, err := http.Get("https://s3.us-east-2.amazonaws.com/")
          if err != nil { panic(err) }
          fmt.Println(answer.StatusCode)
        }
    """)
    subprocess.run(["go", "build", "-o", "program", "program.go"], cwd=tmp_path, check=True, timeout=300)
    done, summary = run(server, tmp_path / "program")
    assert done.stdout.strip() == "403", done.stderr
    assert hosts(summary["redirected"]) == {"s3.us-east-2.amazonaws.com"}


def test_exit_codes_signals_and_words_are_the_programs_own(server):
    assert run(server, "sh", "-c", "exit 42")[0].returncode == 42
    assert run(server, "sh", "-c", "kill -TERM $$")[0].returncode == 143
    assert run(server, "no-such-program-anywhere")[0].returncode == 127
    assert run(server, "printf", "%s|", "--role", "a b", "$HOME")[0].stdout == "--role|a b|$HOME|"


def test_a_service_that_is_not_there_is_refused_here_and_not_asked_of_aws(server):
    program = "import boto3; boto3.client('ec2').describe_instances()"
    done, summary = run(server, sys.executable, "-c", program)
    assert "ClientError" in done.stderr
    assert summary["passedThrough"] == []

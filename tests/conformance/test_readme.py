"""The README, word for word: every block marked `readme=…` is run as a user would paste it."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, Server


def blocks(file):
    text = (ROOT / file).read_text()
    return {name: (language, body) for language, name, body in re.findall(r"```(\w+) readme=(\w+)\n(.*?)\n```", text, re.S)}


README = blocks("README.md")


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("readme"))
    yield running
    running.stop()


def environment(started, home):
    """A user's terminal: no AWS settings, a home of its own, the data directory where `npx sagebrush` looks."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEBRUSH_"))}
    return kept | {"HOME": str(home), "SAGEBRUSH_DATA_DIR": str(started.data_dir), "AWS_PAGER": "", "LANG": "C.UTF-8"}


def run(command, env, **options):
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=400, **options)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_korean_readme_has_the_same_blocks():
    def code(body):
        return [line for line in body.splitlines() if not re.search(r"(#|//) ", line)]

    korean = blocks("README.ko.md")
    assert {name: code(body) for name, (_, body) in korean.items()} == {name: code(body) for name, (_, body) in README.items()}


@pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")
def test_cli_block(started, tmp_path):
    script = tmp_path / "readme.sh"
    script.write_text("set -euo pipefail\n" + README["cli"][1] + "\n")
    printed = run(["bash", str(script)], environment(started, tmp_path))
    assert '"Status": "Completed"' in printed
    assert re.search(r"\[49\](#011|\t)train-rmse:\d+\.\d+(#011|\t)validation-rmse:\d+\.\d+", printed)
    rings = re.findall(r"^(\d+\.\d+)$", printed, re.M)
    assert len(rings) == 2 and all(3 < float(value) < 25 for value in rings), printed
    # Everything was deleted again.
    assert not started.client("s3").list_buckets()["Buckets"]
    assert not started.client("sagemaker").list_endpoints()["Endpoints"]


@pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")
def test_profile_block(started, tmp_path):
    script = tmp_path / "profile.sh"
    script.write_text("set -euo pipefail\n" + README["profile"][1] + "\n")
    printed = run(["bash", str(script)], environment(started, tmp_path))
    assert "arn:aws:iam::000000000000:root" in printed
    assert (tmp_path / ".aws" / "credentials").stat().st_mode & 0o077 == 0


def test_boto3_block(started, tmp_path):
    pytest.importorskip("boto3")
    script = tmp_path / "readme.py"
    script.write_text(README["boto3"][1] + "\n")
    printed = run([sys.executable, str(script)], started.environment())
    assert printed.startswith("Completed [{'MetricName': 'train:rmse'")
    scores = [float(score) for score in re.findall(r'"score":\s*([\d.]+)', printed)]
    assert scores == pytest.approx([40, 120], rel=0.1)


def test_javascript_block(started):
    # Beside node_modules, where a user of the clone would put it.
    script = ROOT / f"readme-{os.getpid()}.mjs"
    try:
        script.write_text(README["javascript"][1] + "\n")
        printed = run(["node", str(script)], started.environment())
    finally:
        script.unlink()
    assert printed.startswith("Completed")
    first, second = (float(line) for line in printed.strip().splitlines()[-2:])
    assert first > 0.9 and second < 0.1

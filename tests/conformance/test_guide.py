"""docs/services.md, word for word: every block is run as a user would paste it, and says what the page says."""

import re
import shutil

import pytest
from test_readme import blocks, environment, run, started  # noqa: F401

GUIDE = blocks("docs/services.md")
pytestmark = pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")


def paste(name, server, tmp_path):
    script = tmp_path / "guide.sh"
    script.write_text('set -euo pipefail\neval "$(npx sagebrush env)"\n' + GUIDE[name][1] + "\n")
    return run(["bash", str(script)], environment(server, tmp_path))


def test_korean_guide_has_the_same_blocks():
    def code(body):
        return [re.sub(r"\s*# .*$", "", line) for line in body.splitlines() if not re.match(r"\s*# ", line)]

    korean = blocks("docs/services.ko.md")
    assert {name: code(body) for name, (_, body) in korean.items()} == {name: code(body) for name, (_, body) in GUIDE.items()}


def test_s3(started, tmp_path):  # noqa: F811
    printed = paste("s3", started, tmp_path)
    assert "\none\n" in printed and printed.endswith("secret\n")
    assert started.client("s3").head_object(Bucket="atlas", Key="secret.txt")["ServerSideEncryption"] == "AES256"


def test_website(started, tmp_path):  # noqa: F811
    assert paste("website", started, tmp_path).endswith("<h1>Hello</h1>\n")


def test_iam(started, tmp_path):  # noqa: F811
    printed = paste("iam", started, tmp_path)
    assert "hers" in printed and printed.count("as it should be") == 2
    decisions = dict(line.split("\t") for line in printed.splitlines() if line.startswith("arn:aws:s3:::archive/"))
    assert decisions == {"arn:aws:s3:::archive/ana/note.txt": "allowed", "arn:aws:s3:::archive/ben/note.txt": "implicitDeny"}


def test_cloudwatch(started, tmp_path):  # noqa: F811
    printed = paste("cloudwatch", started, tmp_path)
    assert "NewStateReason" in printed and "a drill" in printed
    assert "Alarm updated from" in printed


def test_logs(started, tmp_path):  # noqa: F811
    printed = paste("logs", started, tmp_path)
    assert printed.count("level") >= 3 and "INFO" in printed and "120" in printed


def test_run(started, tmp_path):  # noqa: F811
    printed = paste("run", started, tmp_path)
    assert "arn:aws:iam::000000000000:root" in printed
    assert "assumed-role/SagebrushExecutionRole/sagebrush-run" in printed
    assert printed.strip().endswith("403")

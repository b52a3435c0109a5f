import os
import subprocess
import sys
from pathlib import Path

import pytest

S3CMD = Path(sys.executable).parent / "s3cmd"
pytestmark = pytest.mark.skipif(not S3CMD.exists(), reason="needs s3cmd")


@pytest.fixture
def s3cmd(server, tmp_path):
    host = server.url.removeprefix("http://")
    config = tmp_path / "s3cfg"
    config.write_text(
        "[default]\n"
        f"access_key = {server.key}\nsecret_key = {server.secret}\n"
        f"host_base = {host}\nhost_bucket = {host}\nbucket_location = us-east-1\nuse_https = False\n"
        "multipart_chunk_size_mb = 5\n"
    )

    def call(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, str(S3CMD), "-c", str(config), "--no-progress", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return call


def test_a_bucket_lives_and_dies(s3cmd, unique, tmp_path, noise):
    s3cmd("mb", f"s3://{unique}")
    assert f"s3://{unique}" in s3cmd("ls")
    large = tmp_path / "large"
    large.write_bytes(noise)
    s3cmd("put", large, f"s3://{unique}/d/large", "--add-header=x-amz-meta-colour:blue")
    back = tmp_path / "back"
    s3cmd("get", f"s3://{unique}/d/large", back)
    assert back.read_bytes() == noise
    info = s3cmd("info", f"s3://{unique}/d/large")
    assert "x-amz-meta-colour: blue" in info and str(len(noise)) in info
    assert "Location" in s3cmd("info", f"s3://{unique}")
    s3cmd("cp", f"s3://{unique}/d/large", f"s3://{unique}/copy")
    s3cmd("mv", f"s3://{unique}/copy", f"s3://{unique}/moved")
    assert [line.split()[-1] for line in s3cmd("ls", "-r", f"s3://{unique}").splitlines()] == [
        f"s3://{unique}/d/large",
        f"s3://{unique}/moved",
    ]
    assert "2 objects" in s3cmd("du", f"s3://{unique}")
    s3cmd("del", "-r", "-f", f"s3://{unique}")
    s3cmd("rb", f"s3://{unique}")
    assert f"s3://{unique}" not in s3cmd("ls")


def test_a_folder_is_synchronised(s3cmd, unique, tmp_path):
    s3cmd("mb", f"s3://{unique}")
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    for index in range(30):
        (folder / "deep" / f"{index} ü.txt").write_text(str(index))
    s3cmd("sync", f"{folder}/", f"s3://{unique}/f/")
    (folder / "deep" / "3 ü.txt").unlink()
    assert "delete" in s3cmd("sync", "--delete-removed", f"{folder}/", f"s3://{unique}/f/")
    back = tmp_path / "back"
    back.mkdir()
    s3cmd("sync", f"s3://{unique}/f/", f"{back}/")
    assert {path.name: path.read_text() for path in back.rglob("*.txt")} == {
        path.name: path.read_text() for path in folder.rglob("*.txt")
    }


def test_settings_of_a_bucket(s3cmd, unique, tmp_path):
    s3cmd("mb", f"s3://{unique}")
    policy = tmp_path / "policy.json"
    policy.write_text(
        '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject",'
        f'"Resource":"arn:aws:s3:::{unique}/secret/*"}}]}}'
    )
    s3cmd("setpolicy", policy, f"s3://{unique}")
    assert "secret" in s3cmd("info", f"s3://{unique}")
    s3cmd("delpolicy", f"s3://{unique}")
    s3cmd("setversioning", f"s3://{unique}", "enable")
    s3cmd("expire", f"s3://{unique}", "--expiry-days=30", "--expiry-prefix=old/")
    lifecycle = s3cmd("getlifecycle", f"s3://{unique}")
    assert "<Days>30</Days>" in lifecycle and "old/" in lifecycle
    s3cmd("dellifecycle", f"s3://{unique}")
    s3cmd("ws-create", f"s3://{unique}", "--ws-index=home.html")
    assert "home.html" in s3cmd("ws-info", f"s3://{unique}")
    s3cmd("ws-delete", f"s3://{unique}")
    s3cmd("settagging", f"s3://{unique}", "a=1&b=2")
    assert "a" in s3cmd("gettagging", f"s3://{unique}")
    s3cmd("deltagging", f"s3://{unique}")


def test_an_unfinished_upload_is_seen_and_given_up(s3cmd, unique):
    s3cmd("mb", f"s3://{unique}")
    assert "Initiated" in s3cmd("multipart", f"s3://{unique}")


def test_a_url_can_be_given_away(s3cmd, unique, tmp_path):
    import urllib.request

    file = tmp_path / "f"
    file.write_text("given away")
    s3cmd("mb", f"s3://{unique}")
    s3cmd("put", file, f"s3://{unique}/f")
    url = s3cmd("signurl", f"s3://{unique}/f", "+60").strip().splitlines()[-1]
    assert urllib.request.urlopen(url).read() == b"given away"

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RCLONE = shutil.which("rclone", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
pytestmark = pytest.mark.skipif(RCLONE is None, reason="needs rclone")


@pytest.fixture
def rclone(server, tmp_path):
    def call(*arguments):
        remote = f":s3,provider=Other,force_path_style=true,endpoint='{server.url}',region=us-east-1,access_key_id={server.key},secret_access_key='{server.secret}':"
        done = subprocess.run(
            [RCLONE, "--config", os.devnull, "--retries", "1", *(each.replace("remote:", remote) for each in arguments)],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture
def tree(tmp_path, noise):
    root = tmp_path / "tree"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "a b+ü.txt").write_text("hello")
    (root / "deep" / "er" / "x").write_bytes(b"")
    (root / "large").write_bytes(noise)
    for index in range(60):
        (root / "deep" / f"{index}.txt").write_text(str(index))
    return root


def test_a_tree_is_synchronised_both_ways_and_checked(rclone, tree, unique, tmp_path):
    rclone("mkdir", f"remote:{unique}")
    rclone("sync", str(tree), f"remote:{unique}/t", "--s3-chunk-size", "5Mi", "--s3-upload-cutoff", "6Mi")
    rclone("check", str(tree), f"remote:{unique}/t")
    rclone("check", str(tree), f"remote:{unique}/t", "--download")
    (tree / "deep" / "1.txt").unlink()
    (tree / "deep" / "2.txt").write_text("changed")
    rclone("sync", str(tree), f"remote:{unique}/t")
    back = tmp_path / "back"
    rclone("copy", f"remote:{unique}/t", str(back), "--multi-thread-cutoff", "4Mi", "--multi-thread-streams", "4")
    same = {path.relative_to(tree): path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    assert {path.relative_to(back): path.read_bytes() for path in back.rglob("*") if path.is_file()} == same


def test_objects_are_listed_moved_copied_on_the_server_and_purged(rclone, tree, unique):
    rclone("mkdir", f"remote:{unique}")
    rclone("copy", str(tree), f"remote:{unique}")
    rclone("moveto", f"remote:{unique}/large", f"remote:{unique}/moved/large")
    rclone("copyto", f"remote:{unique}/moved/large", f"remote:{unique}/again", "--s3-copy-cutoff", "6Mi", "--s3-chunk-size", "5Mi")
    listed = {entry["Path"]: entry["Size"] for entry in json.loads(rclone("lsjson", "-R", "--files-only", f"remote:{unique}"))}
    assert len(listed) == 64
    assert listed["again"] == listed["moved/large"] == (tree / "large").stat().st_size
    assert rclone("cat", f"remote:{unique}/a b+ü.txt") == "hello"
    assert json.loads(rclone("size", "--json", f"remote:{unique}"))["count"] == 64
    rclone("purge", f"remote:{unique}")
    assert unique not in rclone("lsd", "remote:")


def test_versions_are_shown_and_cleaned_up(rclone, unique, tmp_path):
    rclone("mkdir", f"remote:{unique}")
    rclone("backend", "versioning", f"remote:{unique}", "Enabled")
    file = tmp_path / "f"
    for content in ("one", "two!"):
        file.write_text(content)
        rclone("copyto", str(file), f"remote:{unique}/f")
    sizes = {entry["Size"] for entry in json.loads(rclone("lsjson", "--s3-versions", f"remote:{unique}"))}
    assert sizes == {3, 4}
    rclone("backend", "cleanup-hidden", f"remote:{unique}")
    assert len(json.loads(rclone("lsjson", "--s3-versions", f"remote:{unique}"))) == 1


def test_a_link_is_given_away(rclone, unique, tmp_path):
    import urllib.request

    file = tmp_path / "f"
    file.write_text("given away")
    rclone("mkdir", f"remote:{unique}")
    rclone("copyto", str(file), f"remote:{unique}/f")
    assert urllib.request.urlopen(rclone("link", f"remote:{unique}/f", "--expire", "1m").strip()).read() == b"given away"

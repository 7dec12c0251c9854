"""A log bucket that is a plain directory: files appear whole, below it only, and what is wrong with it is told in S3's words."""

from __future__ import annotations

import gzip
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.errors import SettingError
from opentrail.trails.directory_buckets import AccessDenied, DirectoryBuckets, KeyTooLongError, NoSuchBucket, StorageFull, read_directories
from opentrail.trails.faults import InvalidS3PrefixException
from opentrail.wire.faults import Fault
from simulators.trails import ACCOUNT, HOME, World

WHO: dict[str, Any] = {"source_arn": "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit", "account_id": ACCOUNT}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


@pytest.fixture
def buckets(root: Path) -> DirectoryBuckets:
    return DirectoryBuckets({"logs": root})


def put(buckets: DirectoryBuckets, key: str = "AWSLogs/1/a.json.gz", body: bytes = b"x", **metadata: str) -> None:
    buckets.put(bucket="logs", key=key, body=body, metadata=metadata, **WHO)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_file_is_where_its_key_says_with_its_metadata_beside_it(buckets: DirectoryBuckets, root: Path) -> None:
    put(buckets)
    put(buckets, "AWSLogs/1/digest.json.gz", b"d", signature="ab12")
    assert files(root) == ["AWSLogs/1/a.json.gz", "AWSLogs/1/digest.json.gz", "AWSLogs/1/digest.json.gz.metadata.json"]
    assert (root / "AWSLogs/1/a.json.gz").read_bytes() == b"x"
    assert json.loads((root / "AWSLogs/1/digest.json.gz.metadata.json").read_text()) == {"signature": "ab12"}
    assert stat.S_IMODE((root / "AWSLogs/1/a.json.gz").stat().st_mode) & 0o007 == 0, "other people of the machine read no logs"


def test_the_same_again_touches_nothing_and_half_a_file_is_completed(buckets: DirectoryBuckets, root: Path) -> None:
    put(buckets)
    before = (root / "AWSLogs/1/a.json.gz").stat()
    put(buckets)
    assert (root / "AWSLogs/1/a.json.gz").stat() == before
    (root / "AWSLogs/1/b.json.gz.partial").write_bytes(b"begi")
    put(buckets, "AWSLogs/1/b.json.gz", b"beginning")
    assert files(root) == ["AWSLogs/1/a.json.gz", "AWSLogs/1/b.json.gz"]


@given(key=st.text(alphabet=st.sampled_from(["/", ".", "a", "\0", "é"]), max_size=12) | st.text(max_size=20))
def test_no_key_leads_out_of_the_directory(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    outside = tmp_path_factory.mktemp("outside")
    root = outside / "logs"
    root.mkdir()
    (outside / "guarded").write_bytes(b"untouched")
    buckets = DirectoryBuckets({"logs": root})
    for tried in (key, f"../{key}", f"a/../../{key}", f"/{key}"):
        try:
            put(buckets, tried)
        except (Fault, UnicodeEncodeError):
            continue
        assert (root / tried).read_bytes() == b"x"
    assert sorted(path.name for path in outside.iterdir()) == ["guarded", "logs"]
    assert (outside / "guarded").read_bytes() == b"untouched"


def test_links_inside_are_not_followed(buckets: DirectoryBuckets, root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "AWSLogs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AccessDenied):
        put(buckets)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_directory_is_not_made_here(buckets: DirectoryBuckets, root: Path) -> None:
    root.rmdir()
    with pytest.raises(NoSuchBucket):
        put(buckets)
    with pytest.raises(NoSuchBucket):
        buckets.check(bucket="logs", prefix=None, **WHO)
    assert not root.exists()


@pytest.mark.parametrize(("number", "kind"), [(13, AccessDenied), (30, AccessDenied), (28, StorageFull), (122, StorageFull)])
def test_what_the_disk_says_is_told_in_the_words_of_s3(
    buckets: DirectoryBuckets, root: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Fault]
) -> None:
    def failing(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(kind):
        put(buckets)
    assert [name for name in files(root) if not name.endswith(".partial")] == []


def test_the_check_leaves_nothing_but_the_folder_and_refuses_what_cannot_be_one(buckets: DirectoryBuckets, root: Path) -> None:
    buckets.check(bucket="logs", prefix="team", **WHO)
    assert files(root) == []
    for prefix in ("..", "a/../b", "/absolute", "a//b", "x" * 250):
        with pytest.raises(InvalidS3PrefixException):
            buckets.check(bucket="logs", prefix=prefix, **WHO)


def test_a_directory_encrypts_nothing(buckets: DirectoryBuckets) -> None:
    with pytest.raises(AccessDenied, match="KMS"):
        buckets.check(bucket="logs", prefix=None, kms_key_id="arn:aws:kms:us-east-1:111122223333:key/k", **WHO)


def test_long_names_are_refused(buckets: DirectoryBuckets) -> None:
    with pytest.raises(KeyTooLongError):
        put(buckets, "AWSLogs/" + "x" * 250)


def test_the_setting_is_read_or_what_is_wrong_with_it_is_said() -> None:
    assert read_directories("") == {}
    assert read_directories("a-bucket=/var/a, other=/srv/b=c ,") == {"a-bucket": Path("/var/a"), "other": Path("/srv/b=c")}
    for wrong in ("a-bucket", "a-bucket=", "=/var", "a-bucket=relative"):
        with pytest.raises(SettingError, match=r"trails\.directories"):
            read_directories(wrong)


def test_a_trail_delivers_into_a_directory_and_goes_on_when_it_is_back(tmp_path: Path, root: Path) -> None:
    world = World(tmp_path)
    world.courier._buckets = DirectoryBuckets({"logs": root})
    world.trail(enable_log_file_validation=True)
    first = world.happen()
    world.run(61)
    root.rename(tmp_path / "away")
    second = world.happen()
    world.run(130)
    _, status = world.trails.status(ACCOUNT, HOME, "audit")
    assert status.delivery_error == "NoSuchBucket"
    (tmp_path / "away").rename(root)
    world.run(3700, by=30)
    _, status = world.trails.status(ACCOUNT, HOME, "audit")
    assert (status.delivery_error, status.digest_error) == (None, None)
    logs = [json.loads(gzip.decompress((root / name).read_bytes())) for name in files(root) if "/CloudTrail/" in name]
    assert sorted(record["eventID"] for log in logs for record in log["Records"]) == [first, second]
    assert [name for name in files(root) if name.endswith(".metadata.json")]
    world.close()

"""Objects in a bucket: any key, any order of writes; what is committed is what is read."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from opentrail.buckets.faults import InternalError, NoSuchBucket, NoSuchKey, NotServed, PreconditionFailed, StorageFull
from opentrail.buckets.files import Files
from opentrail.buckets.values import Conditions

KEYS = st.sampled_from(
    [
        "a",
        "a/b",
        "a/b/c",
        "a/",
        "a//b",
        "/a",
        "..",
        "../a",
        ".",
        "~",
        "a~2",
        "a~d",
        "a~d/b",
        "A",
        "é",
        "x" * 300,
        "b/" * 60,
        "n\0l",
        "a/b~2",
    ]
)


def test_any_sequence_of_writes_reads_back(process, tmp_path: Path) -> None:
    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            folder = tmp_path / str(len(os.listdir(tmp_path)))
            folder.mkdir()
            self.process = process(folder)
            self.model: dict[str, bytes] = {}

        @initialize()
        def make_bucket(self) -> None:
            self.process.bucket()

        @rule(key=KEYS, data=st.binary(max_size=20))
        def put(self, key: str, data: bytes) -> None:
            self.process.put(key, data)
            self.model[key] = data

        @rule(keys=st.lists(KEYS, max_size=3))
        def delete(self, keys: list[str]) -> None:
            self.process.delete(keys)
            for key in keys:
                self.model.pop(key, None)

        @rule()
        def restart(self) -> None:
            self.process.close()
            self.process = process(self.process.folder)

        @invariant()
        def reads_what_was_written(self) -> None:
            assert {key: self.process.get(key) for key in self.model} == self.model
            assert len(self.process.files()) == len(self.model)

        def teardown(self) -> None:
            self.process.close()

    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=12, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)),
    )


def test_an_ordinary_key_is_an_ordinary_file(simulated) -> None:
    simulated.put("AWSLogs/1/x.json.gz", b"data")
    assert (simulated.folder / "buckets/example-logs/AWSLogs/1/x.json.gz").read_bytes() == b"data"
    simulated.put("AWSLogs/1/x.json.gz", b"newer")
    assert simulated.get("AWSLogs/1/x.json.gz") == b"newer"
    assert len(simulated.files()) == 1


def test_removing_the_last_object_leaves_no_empty_folders(simulated) -> None:
    simulated.put("a/b/c/d", b"x")
    simulated.delete(["a/b/c/d"])
    assert os.listdir(simulated.folder / "buckets/example-logs") == []


@pytest.mark.parametrize(
    ("conditions", "there", "fault"),
    [
        (Conditions(if_none_match="*"), False, None),
        (Conditions(if_none_match="*"), True, PreconditionFailed),
        (Conditions(if_none_match='"abc"'), False, NotServed),
        (Conditions(if_match='"900150983cd24fb0d6963f7d28e17f72"'), True, None),
        (Conditions(if_match="900150983cd24fb0d6963f7d28e17f72"), True, None),
        (Conditions(if_match="*"), True, None),
        (Conditions(if_match='"00"'), True, PreconditionFailed),
        (Conditions(if_match='"00"'), False, NoSuchKey),
    ],
)
def test_a_write_under_conditions(simulated, conditions: Conditions, there: bool, fault: type[Exception] | None) -> None:
    if there:
        simulated.put("k", b"abc")
    before = simulated.files()
    if fault is None:
        simulated.put("k", b"new", conditions=conditions)
        assert simulated.get("k") == b"new"
    else:
        with pytest.raises(fault):
            simulated.put("k", b"new", conditions=conditions)
        assert simulated.files() == before


def test_a_write_to_a_missing_bucket_leaves_nothing(simulated) -> None:
    before = simulated.files()
    with pytest.raises(NoSuchBucket):
        simulated.put("k", b"x", bucket="no-such-bucket")
    assert simulated.files() == before


@pytest.mark.parametrize("step", ["write", "fsync", "replace", "mkdir", "symlink"])
def test_a_full_disk_is_a_fault_and_the_old_object_stands(simulated, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    simulated.put("folder/k", b"old")
    before = simulated.files()

    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        with pytest.raises(StorageFull) as caught:
            simulated.put("folder/k", b"new" * 100)
    assert (caught.value.code, caught.value.status) == ("ServiceUnavailable", 503)
    assert simulated.get("folder/k") == b"old"
    assert simulated.files() == before
    simulated.put("folder/k", b"new")
    assert simulated.get("folder/k") == b"new"


def test_a_reader_keeps_the_object_it_opened(simulated) -> None:
    simulated.put("k", b"first")
    opened = simulated.buckets.objects.open("example-logs", "k")
    simulated.put("k", b"other")
    simulated.put("k", b"third")
    simulated.delete(["k"])
    assert opened.read(0, 100) == b"first"
    opened.close()
    with pytest.raises(NoSuchKey):
        simulated.buckets.objects.open("example-logs", "k")


def test_a_file_removed_by_hand_is_an_error_that_names_it(simulated) -> None:
    simulated.put("k", b"x")
    (simulated.folder / "buckets/example-logs/k").unlink()
    with pytest.raises(InternalError, match="example-logs/k"):
        simulated.get("k")


def test_an_object_whose_file_was_removed_by_hand_is_written_anew(simulated) -> None:
    simulated.put("k", b"x")
    (simulated.folder / "buckets/example-logs/k").unlink()
    simulated.put("k", b"y")
    assert simulated.get("k") == b"y"


def test_a_foreign_file_in_the_way_is_left_alone(simulated) -> None:
    foreign = simulated.folder / "buckets/example-logs/k"
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_bytes(b"foreign")
    simulated.put("k", b"ours")
    assert (foreign.read_bytes(), simulated.get("k")) == (b"foreign", b"ours")


def test_a_row_and_a_file_that_do_not_belong_together_are_never_read_as_one(simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated.put("k", b"first")
    open_file = Files.open
    meanwhile = iter([b"second, under the name that the first had", None])

    def overtaken(files: Files, bucket: str, file: str) -> int:
        data = next(meanwhile)
        if data is not None:
            simulated.delete(["k"])
            assert simulated.put("k", data).file == file
        return open_file(files, bucket, file)

    monkeypatch.setattr(Files, "open", overtaken)
    opened = simulated.buckets.objects.open("example-logs", "k")
    data = opened.read(0, 100)
    opened.close()
    assert (len(data), hashlib.md5(data).hexdigest()) == (opened.stored.size, opened.stored.etag)

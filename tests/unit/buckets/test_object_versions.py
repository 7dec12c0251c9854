"""Versions, delete markers and locks agree with a plain list of what was written."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from opentrail.buckets import files
from opentrail.buckets.faults import AccessDenied, BucketNotEmpty, InternalError, MethodNotAllowed, NoSuchKey, NoSuchVersion
from opentrail.buckets.in_place import BucketsInPlace
from opentrail.buckets.listing import Position
from opentrail.buckets.removals import Doomed
from opentrail.buckets.values import Lock
from opentrail.storage.read_only import ReadOnlyDatabase

BUCKET = "example-logs"
KEYS = st.sampled_from(["a", "a/b", "a~2", "~", "x" * 300, "é/é"])


@dataclass(frozen=True)
class Version:
    """A version in the model; `data` `None`: a delete marker."""

    version_id: str
    data: bytes | None
    held: bool = False


@dataclass
class Plain:
    """What a bucket holds, as lists: the newest version of a key first."""

    versioning: str | None = None
    keys: dict[str, list[Version]] = field(default_factory=dict)

    def add(self, key: str, new: Version) -> None:
        found = self.keys.setdefault(key, [])
        if new.version_id == "null":
            found[:] = [one for one in found if one.version_id != "null"]
        found.insert(0, new)

    def remove(self, key: str, version_id: str) -> None:
        self.keys[key] = [one for one in self.keys.get(key, []) if one.version_id != version_id]
        if not self.keys[key]:
            del self.keys[key]


def test_any_sequence_of_writes_and_removals_keeps_what_it_should(process: Any, tmp_path: Path) -> None:
    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            folder = tmp_path / str(len(os.listdir(tmp_path)))
            folder.mkdir()
            self.process = process(folder)
            self.plain = Plain()

        @initialize(locked=st.booleans())
        def make_bucket(self, locked: bool) -> None:
            self.locked = locked
            self.process.buckets.create(BUCKET, account_id="1", region="us-east-1", object_lock=locked)
            self.plain.versioning = "Enabled" if locked else None

        @rule(key=KEYS, data=st.binary(max_size=20), held=st.booleans())
        def put(self, key: str, data: bytes, held: bool) -> None:
            held = held and self.locked
            stored = self.process.put(key, data, lock=Lock(legal_hold=held))
            assert stored.null == (self.plain.versioning != "Enabled")
            self.plain.add(key, Version(stored.version_id, data, held))

        @rule(keys=st.lists(KEYS, max_size=3))
        def delete(self, keys: list[str]) -> None:
            outcomes = self.process.buckets.removals.delete(BUCKET, [Doomed(key=key) for key in keys])
            for key, outcome in zip(keys, outcomes, strict=True):
                assert outcome.refused is None
                if self.plain.versioning is None:
                    self.plain.keys.pop(key, None)
                else:
                    self.plain.add(key, Version(outcome.marker.version_id, None))

        @rule(data=st.data())
        def delete_versions(self, data: st.DataObject) -> None:
            there = [(key, one) for key, found in self.plain.keys.items() for one in found]
            chosen = data.draw(st.lists(st.sampled_from(there), max_size=4, unique=True)) if there else []
            wanted = [Doomed(key=key, version_id=one.version_id) for key, one in chosen]
            for (key, one), outcome in zip(chosen, self.process.buckets.removals.delete(BUCKET, wanted), strict=True):
                assert (outcome.refused is not None) == one.held
                assert (outcome.marker is not None) == (one.data is None)
                if not one.held:
                    self.plain.remove(key, one.version_id)

        @rule(data=st.data(), held=st.booleans())
        def hold(self, data: st.DataObject, held: bool) -> None:
            there = [(key, at) for key, found in self.plain.keys.items() for at, one in enumerate(found) if one.data is not None]
            if self.locked and there:
                key, at = data.draw(st.sampled_from(there))
                one = self.plain.keys[key][at]
                self.process.buckets.retention.put_legal_hold(BUCKET, key, one.version_id, on=held)
                self.plain.keys[key][at] = replace(one, held=held)

        @rule(status=st.sampled_from(["Enabled", "Suspended"]))
        def change_versioning(self, status: str) -> None:
            if not self.locked:
                self.process.buckets.retention.put_versioning(BUCKET, status, None)
                self.plain.versioning = status

        @rule(seconds=st.integers(-10_000, 10_000))
        def set_clock(self, seconds: int) -> None:
            self.process.clock.advance(seconds)

        @rule()
        def restart(self) -> None:
            at = self.process.clock.at
            self.process.close()
            self.process = process(self.process.folder)
            self.process.clock.at = at

        @invariant()
        def keeps_what_was_written(self) -> None:
            keys = sorted(self.plain.keys, key=str.encode)
            stored = self.process.versions()
            expected = [(key, one.version_id, one.data is None, at == 0) for key in keys for at, one in enumerate(self.plain.keys[key])]
            assert [(one.key, one.version_id, one.marker, one.superseded is None) for one in stored] == expected
            for key in keys:
                for one in self.plain.keys[key]:
                    if one.data is not None:
                        assert self.process.get(key, version_id=one.version_id) == one.data
            current = {key: found[0].data for key, found in self.plain.keys.items() if found[0].data is not None}
            assert [one.key for one in self.process.buckets.list(BUCKET).entries] == sorted(current, key=str.encode)
            database = ReadOnlyDatabase(self.process.folder / "state.db")
            seen = BucketsInPlace(database, self.process.folder / "buckets")
            assert {key: getattr(seen.read(BUCKET, key), "body", None) for key in self.plain.keys} == {
                key: found[0].data for key, found in self.plain.keys.items()
            }
            database.close()
            assert self.process.files() == {"/".join(one.place) for one in stored if not one.marker}

        def teardown(self) -> None:
            self.process.close()

    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)),
    )


@pytest.fixture
def versioned(simulated: Any) -> Any:
    simulated.buckets.retention.put_versioning(BUCKET, "Enabled", None)
    return simulated


def test_a_noncurrent_version_is_an_ordinary_file_too(versioned: Any) -> None:
    first = versioned.put("AWSLogs/1/x.json.gz", b"first")
    versioned.put("AWSLogs/1/x.json.gz", b"second")
    place = versioned.folder / "buckets/.versions" / BUCKET / f"AWSLogs/1/~v{first.version}.x.json.gz"
    assert place.read_bytes() == b"first"


def test_what_stands_behind_a_marker(versioned: Any) -> None:
    first = versioned.put("k", b"first")
    versioned.delete(["k"])
    with pytest.raises(NoSuchKey) as hidden:
        versioned.get("k")
    marker = versioned.versions()[0]
    assert hidden.value.headers == {"x-amz-delete-marker": "true", "x-amz-version-id": marker.version_id}
    with pytest.raises(MethodNotAllowed) as caught:
        versioned.get("k", version_id=marker.version_id)
    assert caught.value.status == 405
    with pytest.raises(NoSuchVersion):
        versioned.get("k", version_id="0" * 40)
    assert versioned.get("k", version_id=first.version_id) == b"first"
    versioned.delete_version("k", marker.version_id)
    assert versioned.get("k") == b"first"
    assert (versioned.folder / "buckets" / BUCKET / "k").read_bytes() == b"first"


def test_objects_from_before_versioning_are_the_version_null(simulated: Any) -> None:
    simulated.put("k", b"before")
    simulated.buckets.retention.put_versioning(BUCKET, "Enabled", None)
    simulated.put("k", b"with")
    assert simulated.get("k", version_id="null") == b"before"
    simulated.buckets.retention.put_versioning(BUCKET, "Suspended", None)
    simulated.put("k", b"after")
    assert [stored.version_id == "null" for stored in simulated.versions()] == [True, False]
    assert simulated.get("k", version_id="null") == b"after"


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_of_versions_are_the_whole_even_when_each_page_is_removed_before_the_next(versioned: Any, size: int) -> None:
    for number in range(3):
        for key in ("a", "b/1", "b/2"):
            versioned.put(key, bytes([number]))
    versioned.delete(["a"])
    whole = [(stored.key, stored.version_id) for stored in versioned.versions()]
    found: list[tuple[str, str]] = []
    after, version = None, None
    while True:
        page = versioned.buckets.versions(BUCKET, prefix="", delimiter="", after=after, after_version=version, limit=size)
        found += [(stored.key, stored.version_id) for stored in page.entries]
        for stored in page.entries:
            assert versioned.delete_version(stored.key, stored.version_id).refused is None
        if page.next is None:
            break
        after, version = page.next, page.entries[-1].version_id
    assert found == whole
    assert versioned.versions() == []
    assert versioned.files() == set()


def test_prefixes_roll_versions_up(versioned: Any) -> None:
    for key in ("a", "b/1", "b/2", "b/2", "c"):
        versioned.put(key, b"")
    page = versioned.buckets.versions(BUCKET, prefix="", delimiter="/", after=None, after_version=None, limit=2)
    assert ([stored.key for stored in page.entries], page.prefixes, page.next) == (["a"], ["b/"], Position("b/", True))


def test_a_bucket_with_versions_is_not_empty(versioned: Any) -> None:
    versioned.put("k", b"")
    versioned.delete(["k"])
    with pytest.raises(BucketNotEmpty, match="all versions"):
        versioned.buckets.delete(BUCKET)
    for stored in versioned.versions():
        versioned.delete_version("k", stored.version_id)
    versioned.buckets.delete(BUCKET)
    assert not (versioned.folder / "buckets" / BUCKET).exists()


def test_where_there_are_no_hard_links_data_are_copied(versioned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_arguments: object, **_options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(files.os, "link", none)
    first = versioned.put("k", b"first")
    versioned.put("k", b"second")
    assert (versioned.get("k"), versioned.get("k", version_id=first.version_id)) == (b"second", b"first")


def test_data_that_are_gone_are_named_and_can_still_be_removed(versioned: Any) -> None:
    stored = versioned.put("k", b"x")
    (versioned.folder / "buckets" / BUCKET / "k").unlink()
    with pytest.raises(InternalError, match=f"{BUCKET}/k"):
        versioned.put("k", b"y")
    assert versioned.delete_version("k", stored.version_id).refused is None
    assert versioned.files() == set()


def test_a_version_that_is_locked_while_somebody_writes_stays(versioned: Any) -> None:
    versioned.buckets.retention.put_default(BUCKET, None)
    stored = versioned.put("k", b"x", lock=Lock(legal_hold=True))
    versioned.put("k", b"y")
    outcome = versioned.delete_version("k", stored.version_id, bypass=True)
    assert isinstance(outcome.refused, AccessDenied)

"""The chore that applies lifecycle rules: what it removes, what it never removes, and that it may die on the way."""

from __future__ import annotations

import random
from typing import Any

import pytest

from opentrail.buckets import expiry
from opentrail.buckets.faults import InvalidBucketState, NoSuchKey
from opentrail.buckets.lifecycle import DAY, Filter, Lifecycle, Rule, Transition
from opentrail.buckets.values import Lock, Writing

BUCKET = "example-logs"


def configure(simulated: Any, *rules: Rule) -> None:
    simulated.buckets.configurations.put_lifecycle(BUCKET, Lifecycle(rules=list(rules)))


def work(simulated: Any) -> int:
    steps = 0
    while simulated.buckets.expiry.step():
        steps += 1
    return steps


def rule(**facts: Any) -> Rule:
    return Rule(id=facts.pop("id", "r"), enabled=True, **facts)


def test_without_versions_what_expires_is_gone(simulated: Any) -> None:
    configure(simulated, rule(days=1, filter=Filter(prefix="tmp/")))
    simulated.put("tmp/a", b"x")
    simulated.put("kept", b"x")
    work(simulated)
    assert simulated.get("tmp/a") == b"x"
    simulated.clock.advance(2 * DAY)
    work(simulated)
    with pytest.raises(NoSuchKey):
        simulated.get("tmp/a")
    assert simulated.files() == {f"{BUCKET}/kept"}


def test_with_versions_it_goes_step_by_step_until_nothing_is_left(simulated: Any) -> None:
    simulated.buckets.retention.put_versioning(BUCKET, "Enabled", None)
    configure(simulated, rule(days=1, noncurrent_days=1))
    simulated.put("k", b"one")
    seen = []
    for _ in range(8):
        simulated.clock.advance(DAY)
        work(simulated)
        seen.append([stored.marker for stored in simulated.versions()])
    assert [once for at, once in enumerate(seen) if at == 0 or once != seen[at - 1]] == [[False], [True, False], [True], []]
    assert simulated.files() == set()


def test_nothing_that_is_locked_is_removed(simulated: Any) -> None:
    simulated.buckets.create("locked-logs", account_id="1", region="us-east-1", object_lock=True)
    until = simulated.clock.time() + 50 * DAY
    simulated.put("held", b"held", bucket="locked-logs", lock=Lock(legal_hold=True))
    simulated.put("kept", b"kept", bucket="locked-logs", lock=Lock(mode="GOVERNANCE", until=until))
    simulated.buckets.configurations.put_lifecycle("locked-logs", Lifecycle(rules=[rule(days=1, noncurrent_days=1)]))
    for _ in range(10):
        simulated.clock.advance(4 * DAY)
        work(simulated)
    versions = [stored for stored in simulated.versions("locked-logs") if not stored.marker]
    assert {simulated.get(one.key, "locked-logs", one.version_id) for one in versions} == {b"held", b"kept"}
    simulated.clock.advance(20 * DAY)
    work(simulated)
    assert [one.key for one in simulated.versions("locked-logs") if not one.marker] == ["held"]


def test_only_so_many_noncurrent_versions_are_kept(simulated: Any) -> None:
    simulated.buckets.retention.put_versioning(BUCKET, "Enabled", None)
    configure(simulated, rule(noncurrent_days=1, kept=2))
    for number in range(6):
        simulated.put("k", bytes([number]))
    simulated.clock.advance(3 * DAY)
    work(simulated)
    assert [simulated.get("k", version_id=one.version_id) for one in simulated.versions()] == [b"\5", b"\4", b"\3"]


def test_unfinished_uploads_are_given_up(simulated: Any) -> None:
    for key in ("a", "b"):
        writing = Writing(bucket=BUCKET, key=key, owner="1")
        simulated.buckets.uploads.create(writing, initiator="", checksum_algorithm=None, checksum_type=None)
    configure(simulated, rule(abort_days=7, filter=Filter(prefix="a")))
    simulated.clock.advance(9 * DAY)
    work(simulated)
    left = simulated.buckets.uploads.list(BUCKET, prefix="", delimiter="", after=None, after_id=None, limit=9).entries
    assert [upload.key for upload in left] == ["b"]


def test_a_storage_class_is_noted_and_the_data_stay(simulated: Any) -> None:
    configure(simulated, rule(transitions=[Transition(storage_class="STANDARD_IA", days=30)], filter=Filter(larger_than=1)))
    simulated.put("k", b"data")
    simulated.clock.advance(40 * DAY)
    work(simulated)
    assert simulated.buckets.objects.find(BUCKET, "k").attributes.storage_class == "STANDARD_IA"
    assert simulated.get("k") == b"data"


def test_each_bucket_is_gone_through_once_a_day_and_after_a_change(simulated: Any) -> None:
    configure(simulated, rule(days=3))
    simulated.put("k", b"")
    assert (work(simulated), work(simulated)) == (1, 0)
    configure(simulated, rule(days=2))
    assert work(simulated) == 1
    simulated.clock.advance(DAY)
    assert (work(simulated), work(simulated)) == (1, 0)


def test_work_is_done_in_stretches_and_goes_on_after_a_restart(simulated: Any, process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "AT_ONCE", 5)
    for number in range(23):
        simulated.put(f"k{number:02}", b"x")
    configure(simulated, rule(days=1))
    simulated.clock.advance(3 * DAY)
    assert simulated.buckets.expiry.step()
    assert len(simulated.files()) == 18
    later = process(simulated.folder)
    later.clock.at = simulated.clock.at
    work(later)
    assert later.files() == set()
    later.close()


def test_data_that_are_gone_keep_no_others_from_going(simulated: Any, caplog: pytest.LogCaptureFixture) -> None:
    simulated.buckets.retention.put_versioning(BUCKET, "Enabled", None)
    for key in "abc":
        simulated.put(key, b"x")
    (simulated.folder / "buckets" / BUCKET / "b").unlink()
    configure(simulated, rule(days=1))
    simulated.clock.advance(3 * DAY)
    work(simulated)
    assert [stored.key for stored in simulated.versions() if stored.marker] == ["a", "c"]
    assert f"{BUCKET}/b" in caplog.text


def test_rules_that_change_between_the_look_and_the_deed_count_as_they_are(simulated: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated.put("k", b"x")
    configure(simulated, rule(days=1))
    simulated.clock.advance(3 * DAY)
    apply = expiry.Expiry._apply

    def meanwhile(chore: Any, *arguments: Any) -> None:
        simulated.buckets.configurations.put_lifecycle(BUCKET, None)
        apply(chore, *arguments)

    monkeypatch.setattr(expiry.Expiry, "_apply", meanwhile)
    simulated.buckets.expiry.step()
    assert simulated.get("k") == b"x"


def test_many_versions_of_many_keys_over_many_pages(simulated: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "AT_ONCE", 3)
    simulated.buckets.retention.put_versioning(BUCKET, "Enabled", None)
    chance = random.Random(4)
    for _ in range(30):
        key = chance.choice("abcd")
        simulated.put(key, b"x") if chance.random() < 0.7 else simulated.delete([key])
    configure(simulated, rule(noncurrent_days=1))
    simulated.clock.advance(3 * DAY)
    work(simulated)
    assert [stored.superseded for stored in simulated.versions()] == [None] * len({stored.key for stored in simulated.versions()})


def test_mfa_delete_and_lifecycle_rules_exclude_each_other(simulated: Any) -> None:
    configure(simulated, rule(days=1))
    with pytest.raises(InvalidBucketState):
        simulated.buckets.retention.put_versioning(BUCKET, "Enabled", True)
    simulated.buckets.configurations.put_lifecycle(BUCKET, None)
    simulated.buckets.retention.put_versioning(BUCKET, "Enabled", True)
    with pytest.raises(InvalidBucketState):
        configure(simulated, rule(days=1))

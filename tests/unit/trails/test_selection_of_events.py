"""Who wants which data events: asked once per call, and always of the trails as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.events.categories import DATA, NETWORK_ACTIVITY
from opentrail.storage.database import Database
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.selection import FRESHNESS, Selection
from simulators.trails import ACCOUNT, HOME, REGIONS, Buckets

OTHER = "999999999999"
S3, LAMBDA = "s3.amazonaws.com", "lambda.amazonaws.com"


@dataclass
class Process:
    """A front over the state that all share."""

    database: Database
    clock: ManualClock
    selection: Selection = field(init=False)
    trails: Trails = field(init=False)

    def __post_init__(self) -> None:
        self.selection = Selection(self.database, self.clock)
        self.trails = Trails(
            self.database, self.clock, buckets=Buckets(self.clock), regions=REGIONS, head=lambda: 0, changed=self.selection.changed
        )

    def trail(self, name: str = "audit", *, account: str = ACCOUNT, basic: Any = None, advanced: Any = None, **settings: Any) -> None:
        self.trails.create(account, HOME, name, Wanted(s3_bucket_name="logs", **settings), {})
        self.trails.put_event_selectors(account, HOME, name, basic, advanced)
        self.trails.start_logging(account, HOME, name)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database.at(tmp_path / "state.db")
    yield made
    made.close()


@pytest.fixture
def process(database: Database) -> Process:
    return Process(database, ManualClock())


def objects(*values: str, **more: Any) -> list[dict[str, Any]]:
    return [{"DataResources": [{"Type": "AWS::S3::Object", "Values": list(values)}], **more}]


def record(arn: str, *, account: str = ACCOUNT, region: str = HOME, name: str = "GetObject", **more: Any) -> bytes:
    members = {
        "eventCategory": "Data", "eventSource": S3, "eventName": name, "awsRegion": region, "eventTime": "2026-01-05T10:11:12Z",
        "recipientAccountId": account, "readOnly": True, "resources": [{"type": "AWS::S3::Object", "ARN": arn}],
    }  # fmt: skip
    return json.dumps({**members, **more}).encode()


def test_nobody_wants_anything_without_selectors(process: Process) -> None:
    process.trails.create(ACCOUNT, HOME, "audit", Wanted(s3_bucket_name="logs"), {})
    process.trails.start_logging(ACCOUNT, HOME, "audit")
    assert not process.selection.may(DATA, S3, "GetObject")
    assert not process.selection.takes(ACCOUNT, record("arn:aws:s3:::data/a"))


def test_what_is_selected_is_wanted_in_its_account_only(process: Process) -> None:
    process.trail(basic=objects("arn:aws:s3:::data/"))
    selection = process.selection
    assert selection.may(DATA, S3, "GetObject")
    assert not selection.may(DATA, LAMBDA, "Invoke")
    assert not selection.may(NETWORK_ACTIVITY, S3, "GetObject")
    assert selection.may_in(ACCOUNT, DATA, S3, "GetObject")
    assert not selection.may_in(OTHER, DATA, S3, "GetObject")
    assert selection.takes(ACCOUNT, record("arn:aws:s3:::data/a"))
    assert not selection.takes(ACCOUNT, record("arn:aws:s3:::elsewhere/a"))
    assert not selection.takes(OTHER, record("arn:aws:s3:::data/a", account=OTHER))


def test_what_is_read_only_is_told_before_the_call(process: Process) -> None:
    process.trail(basic=objects("arn:aws:s3", ReadWriteType="WriteOnly"))
    assert not process.selection.may(DATA, S3, "GetObject")
    assert process.selection.may(DATA, S3, "PutObject")


def test_only_a_trail_that_is_logging_counts_and_every_change_is_seen_at_once(process: Process) -> None:
    trails, selection = process.trails, process.selection

    def wanted() -> bool:
        return selection.may(DATA, S3, "GetObject")

    trails.create(ACCOUNT, HOME, "audit", Wanted(s3_bucket_name="logs"), {})
    trails.put_event_selectors(ACCOUNT, HOME, "audit", objects("arn:aws:s3"), None)
    seen = [wanted()]
    for change in (
        lambda: trails.start_logging(ACCOUNT, HOME, "audit"),
        lambda: trails.stop_logging(ACCOUNT, HOME, "audit", "r"),
        lambda: trails.start_logging(ACCOUNT, HOME, "audit"),
        lambda: trails.put_event_selectors(ACCOUNT, HOME, "audit", [{}], None),
        lambda: trails.put_event_selectors(ACCOUNT, HOME, "audit", objects("arn:aws:s3"), None),
        lambda: trails.delete(ACCOUNT, HOME, "audit", "r"),
    ):
        change()
        seen.append(wanted())
    assert seen == [False, True, False, True, False, True, False]


def test_a_change_by_another_process_is_seen_soon(process: Process, database: Database) -> None:
    other = Process(database, process.clock)
    assert not process.selection.may(DATA, S3, "GetObject")
    other.trail(basic=objects("arn:aws:s3"))
    process.clock.advance(FRESHNESS)
    assert process.selection.may(DATA, S3, "GetObject")


def test_a_restart_knows_what_was_selected(process: Process, database: Database) -> None:
    process.trail(basic=objects("arn:aws:s3"))
    assert Process(database, process.clock).selection.takes(ACCOUNT, record("arn:aws:s3:::data/a"))


@pytest.mark.parametrize(("multi", "taken"), [(False, False), (True, True)])
def test_a_trail_takes_the_regions_it_covers(process: Process, multi: bool, taken: bool) -> None:
    process.trail(basic=objects("arn:aws:s3"), is_multi_region_trail=multi)
    assert process.selection.takes(ACCOUNT, record("arn:aws:s3:::data/a", region="eu-west-1")) is taken
    assert process.selection.takes(ACCOUNT, record("arn:aws:s3:::data/a"))


def test_deliveries_are_not_taken_without_recursive_logging(process: Process) -> None:
    process.trail(basic=objects("arn:aws:s3"), recursive_logging=False)
    own = record("arn:aws:s3:::logs/a", name="PutObject", userIdentity={"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"})
    assert not process.selection.takes(ACCOUNT, own)
    assert process.selection.takes(ACCOUNT, record("arn:aws:s3:::logs/a", name="PutObject"))


def test_what_is_no_record_is_not_taken(process: Process) -> None:
    process.trail(basic=objects("arn:aws:s3"))
    assert not process.selection.takes(ACCOUNT, b'{"eventCategory":"Data"}')


def test_network_activity_is_wanted_by_its_source(process: Process) -> None:
    fields = [{"Field": "eventCategory", "Equals": ["NetworkActivity"]}, {"Field": "eventSource", "Equals": [S3]}]
    process.trail(advanced=[{"FieldSelectors": fields}])
    assert process.selection.may_in(ACCOUNT, NETWORK_ACTIVITY, S3, "GetObject")
    assert not process.selection.may_in(ACCOUNT, NETWORK_ACTIVITY, LAMBDA, "Invoke")
    assert not process.selection.may(DATA, S3, "GetObject")

"""What data events cost when nobody selects them, and when somebody does: microseconds per decision, beside the record itself. And how
many records a second are matched on one core, from their bytes (decoded, then matched), by selectors of several kinds.

    python bench/selection.py

The decision before the call is on the path of every call; the one after it (record and match) only of calls that somebody may want.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from measure import ratio

from opentrail.api.recording import Recording
from opentrail.clock import SystemClock
from opentrail.events.selectors import DEFAULT, Matcher, checked_advanced, checked_basic, compiled
from opentrail.identity.principals import Principal
from opentrail.recorder import Observation, Recorder
from opentrail.storage.database import Database
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.facts import facts
from opentrail.trails.regions import known_regions
from opentrail.trails.selection import Selection
from opentrail.wire.models import Catalogue

ACCOUNT = "111122223333"
MOST = 20.0
"""Microseconds that an unselected call may cost."""
CALLS = 20_000
PEERS = 220_000
"""Records a second that published matchers of event patterns, in compiled languages, reach at least; the fastest some 680,000."""


class AnyBucket:
    """Lets every trail deliver."""

    def check(self, **_: Any) -> None: ...
    def put(self, **_: Any) -> None: ...


def microseconds(work: Callable[[], object]) -> float:
    """The best of five rounds."""
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(CALLS):
            work()
        best = min(best, (time.perf_counter() - begun) / CALLS)
    return best * 1e6


def selectors(buckets: int) -> list[dict[str, Any]]:
    """Basic selectors of that many buckets."""
    return [{"DataResources": [{"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::bucket-{number}/" for number in range(buckets)]}]}]


def observed(bucket: str) -> Observation:
    arn = f"arn:aws:iam::{ACCOUNT}:user/ana"
    caller = Principal(type="IAMUser", account_id=ACCOUNT, principal_id="AIDA1", arn=arn, access_key_id="AKIA1")
    return Observation(
        service="s3",
        operation="GetObject",
        principal=caller,
        account_id=ACCOUNT,
        region="us-east-1",
        request_id="EXAMPLEREQ000001",
        source_ip="198.51.100.21",
        user_agent="Boto3/1.44.5",
        time=1_767_607_872.25,
        parameters={"Bucket": bucket, "Key": "reports/a.csv"},
        host="localhost:4747",
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database, clock = Database.at(Path(folder) / "state.db"), SystemClock()
        selection = Selection(database, clock)
        trails = Trails(database, clock, buckets=AnyBucket(), regions=known_regions(), head=lambda: 0, changed=selection.changed)
        trails.create(ACCOUNT, "us-east-1", "audit", Wanted(s3_bucket_name="logs"), {})
        recorder = Recorder(Catalogue())
        recording = Recording(recorder=recorder, journal=None, selection=selection, is_account=lambda _: True)  # type: ignore[arg-type]
        trails.start_logging(ACCOUNT, "us-east-1", "audit")
        nobody = microseconds(lambda: recording.expects("s3", "GetObject"))
        trails.put_event_selectors(ACCOUNT, "us-east-1", "audit", selectors(250), None)
        assert recording.expects("s3", "GetObject")
        assert not recording.expects("lambda", "Invoke")
        others = microseconds(lambda: recording.expects("lambda", "Invoke"))
        somebody = microseconds(lambda: recording.expects("s3", "GetObject"))
        text = recorder.describe(observed("bucket-99"))
        print(f"decision before the call: nobody {nobody:.2f} µs, others only {others:.2f} µs, somebody may {somebody:.2f} µs")
        describing = microseconds(lambda: recorder.describe(observed("bucket-99")))
        matching = microseconds(lambda: selection.takes(ACCOUNT, text))
        print(f"after the call: record {describing:.1f} µs, match among 250 prefixes {matching:.1f} µs")
        database.close()
        met = ratio(f"an unselected call costs, of {MOST:g} µs", max(nobody, others), MOST, 1, at_most=True)
        rates = {name: 1e6 / microseconds(partial(matched, compiled(stored), text)) for name, stored in MATCHED.items()}
        decoding = 1e6 / microseconds(lambda: facts(text))
        print(f"records of {len(text)} bytes a second and core: decoded {decoding:,.0f}")
        for name, rate in rates.items():
            print(f"  decoded and matched, {name}: {rate:,.0f}")
        met &= ratio(f"records matched per second and core, of {PEERS:,}", rates["250 prefixes"], PEERS, 1)
    raise SystemExit(0 if met else 1)


MATCHED: dict[str, dict[str, Any]] = {
    "management events": {"EventSelectors": [DEFAULT]},
    "250 prefixes": {"EventSelectors": checked_basic(selectors(250))},
    "5 advanced selectors of 5 fields": {
        "AdvancedEventSelectors": checked_advanced(
            [
                {
                    "FieldSelectors": [
                        {"Field": "eventCategory", "Equals": ["Data"]},
                        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
                        {"Field": "readOnly", "Equals": ["true"]},
                        {"Field": "eventName", "StartsWith": ["Get", "Head"], "NotEquals": ["GetObjectAcl"]},
                        {"Field": "resources.ARN", "StartsWith": [f"arn:aws:s3:::team-{number}/"], "NotEndsWith": [".tmp"]},
                    ]
                }
                for number in range(5)
            ],
            owner="trail",
        )
    },
}


def matched(matcher: Matcher, text: bytes) -> bool:
    """As a follower does it: what decides is taken from the bytes, then asked."""
    found = facts(text)
    return found is not None and matcher.matches(found)


if __name__ == "__main__":
    main()

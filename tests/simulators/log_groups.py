"""Log groups without a door: one data folder, a clock that is moved by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from opentrail.clock import ManualClock
from opentrail.identity import Identities
from opentrail.kms import KeyManagement
from opentrail.kms.keys import Wanted
from opentrail.kms.specs import SPECS
from opentrail.kms.values import Key
from opentrail.monitoring.logs import LogGroups
from opentrail.monitoring.logs.reading import Range
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox

ACCOUNT = "123456789012"
REGION = "us-east-1"
HERE = (ACCOUNT, REGION)


class LogHouse:
    """One data folder with log groups; `reopened` is the same after a restart."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.folder = folder
        self.clock = clock
        self.state = Database.at(folder / "state.db")
        self.monitoring = Database.at(folder / "monitoring.db")
        outbox = Outbox(self.state)
        self.identities = Identities(self.state, folder / "keys", clock, account_id=ACCOUNT, outbox=outbox)
        self.kms = KeyManagement(self.state, folder / "keys", clock, outbox=outbox, identities=self.identities)
        self.logs = LogGroups(self.monitoring, clock, keys=self.kms.service_keys)

    @property
    def now(self) -> int:
        """Milliseconds since 1970."""
        return int(self.clock.time() * 1000)

    def close(self) -> None:
        self.logs.close()
        self.monitoring.close()
        self.state.close()

    def reopened(self) -> LogHouse:
        self.close()
        return LogHouse(self.folder, self.clock)

    def group(self, name: str = "g", *streams: str, kms_key_id: str | None = None) -> None:
        """A group with streams."""
        self.logs.control.create_group(*HERE, name, partition="aws", kms_key_id=kms_key_id)
        for stream in streams or ("s",):
            self.logs.control.create_stream(*HERE, name, stream)

    def put(self, messages: Sequence[tuple[int, str]], *, group: str = "g", stream: str = "s") -> dict[str, int]:
        """Put messages, each with its distance from now in milliseconds."""
        events = [{"timestamp": self.now + offset, "message": message} for offset, message in messages]
        return dict(self.logs.putting.put(*HERE, group, stream, events))

    def all(self, *, group: str = "g", pattern: str = "", limit: int = 10_000, newest_first: bool = False, prefix: str = "") -> list[str]:
        """Every message by FilterLogEvents, page by page."""
        found: list[str] = []
        token: str | None = None
        while True:
            events, token = self.logs.reading.filter(
                *HERE, group, Range(), pattern=pattern, limit=limit, token=token, from_head=not newest_first, prefix=prefix
            )
            found += [event.message for event in events]
            if token is None:
                return found

    def key(self, *, principal: str | None = "logs.us-east-1.amazonaws.com") -> Key:
        """A key, with what the user guide has for log groups in its policy."""
        root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
        service = {
            "Effect": "Allow",
            "Principal": {"Service": principal},
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g"}},
        }
        policy = {"Version": "2012-10-17", "Statement": [root, service] if principal else [root]}
        wanted = Wanted(
            account_id=ACCOUNT, region=REGION, policy=json.dumps(policy), spec=SPECS["SYMMETRIC_DEFAULT"], usage="ENCRYPT_DECRYPT"
        )
        return self.kms.keys.create(wanted)

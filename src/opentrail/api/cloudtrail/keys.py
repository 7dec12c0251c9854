"""ListPublicKeys (reference of delivery, §10.5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.signing import SigningKeys
from opentrail.trails.faults import InvalidTimeRangeException, InvalidTokenException


class KeyOperations:
    """The public keys with which digests are verified."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys
        self.operations: Mapping[str, Handler] = {"ListPublicKeys": self.list_public_keys}

    def list_public_keys(self, call: Call) -> Mapping[str, Any]:
        if call.parameters.get("NextToken"):
            raise InvalidTokenException
        start = call.parameters.get("StartTime", call.time)
        end = call.parameters.get("EndTime", call.time)
        if start > end:
            raise InvalidTimeRangeException
        found = self._keys.public_keys(call.region, start.timestamp(), end.timestamp())
        return {
            "PublicKeyList": [
                {
                    "Value": key.value,
                    "ValidityStartTime": datetime.fromtimestamp(key.start, UTC),
                    "ValidityEndTime": datetime.fromtimestamp(key.end, UTC),
                    "Fingerprint": key.fingerprint,
                }
                for key in found
            ]
        }

"""Tags of keys: TagResource, UntagResource, ListResourceTags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.kms import pages
from opentrail.api.kms.naming import Operation, key_of
from opentrail.kms import KeyManagement, tags


class TagOperations:
    """One handler for each operation on tags."""

    def __init__(self, kms: KeyManagement) -> None:
        self._kms = kms
        self.operations: Mapping[str, Operation] = {
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListResourceTags": self.list_resource_tags,
        }

    def tag_resource(self, call: Call) -> None:
        self._kms.keys.tag(key_of(self._kms, call), tags.checked(pairs(call.parameters["Tags"])))

    def untag_resource(self, call: Call) -> None:
        self._kms.keys.untag(key_of(self._kms, call), call.parameters["TagKeys"])

    def list_resource_tags(self, call: Call) -> Result:
        page = pages.asked(call, default=50, most=50)
        found = sorted(key_of(self._kms, call).tags.items())
        return pages.whole("Tags", found, page, lambda tag: {"TagKey": tag[0], "TagValue": tag[1]}, lambda tag: tag[0])


def pairs(given: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The tags of a request."""
    return [(tag["TagKey"], tag["TagValue"]) for tag in given]

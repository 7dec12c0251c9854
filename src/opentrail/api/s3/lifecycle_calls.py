"""Lifecycle configurations, and the headers that tell what they do to an object."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from opentrail.api.call import Call, Handler
from opentrail.api.s3 import shapes
from opentrail.api.s3.bucket_calls import required
from opentrail.api.s3.lifecycle_rules import rules_of
from opentrail.api.s3.part import ServicePart
from opentrail.buckets.configurations import Access
from opentrail.buckets.faults import InvalidRequest
from opentrail.buckets.lifecycle import Filter, Lifecycle, Rule, Transition, abortion, expiration
from opentrail.buckets.values import StoredObject

MINIMUM_SIZES = ("all_storage_classes_128K", "varies_by_storage_class")


class LifecycleCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        return {
            "GetBucketLifecycleConfiguration": self.get_lifecycle,
            "PutBucketLifecycleConfiguration": self.put_lifecycle,
            "DeleteBucketLifecycle": self.delete_lifecycle,
        }

    def get_lifecycle(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchLifecycleConfiguration`."""
        found = self.buckets.configurations.lifecycle(self._bucket(call).bucket.name)
        return {"Rules": [_members(rule) for rule in found.rules], "TransitionDefaultMinimumObjectSize": found.minimum_size}

    def put_lifecycle(self, call: Call) -> Mapping[str, Any]:
        """Faults: `lifecycle_rules.rules_of`, `InvalidBucketState` (MFA delete)."""
        name = self._bucket(call).bucket.name
        minimum = call.parameters.get("TransitionDefaultMinimumObjectSize") or MINIMUM_SIZES[0]
        if minimum not in MINIMUM_SIZES:
            raise InvalidRequest(f"TransitionDefaultMinimumObjectSize must be one of {', '.join(MINIMUM_SIZES)}.")
        rules = rules_of(required(call.parameters.get("LifecycleConfiguration")).get("Rules"))
        self.buckets.configurations.put_lifecycle(name, Lifecycle(rules=rules, minimum_size=minimum))
        return {"TransitionDefaultMinimumObjectSize": minimum}

    def delete_lifecycle(self, call: Call) -> None:
        """Also when there is none."""
        self.buckets.configurations.put_lifecycle(self._bucket(call).bucket.name, None)


def expiration_member(access: Access, stored: StoredObject) -> dict[str, str]:
    """The `Expiration` of an answer about an object, when a rule says so."""
    found = None if access.lifecycle is None or not stored.current else expiration(access.lifecycle.rules, stored)
    if found is None:
        return {}
    at, rule = found
    return {
        "Expiration": f'expiry-date="{format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)}", rule-id="{quote(rule, safe="")}"'
    }


def abort_members(access: Access, key: str, initiated: float) -> dict[str, Any]:
    """`AbortDate` and `AbortRuleId` of an answer about an upload, when a rule says so."""
    found = None if access.lifecycle is None else abortion(access.lifecycle.rules, key, initiated)
    return {} if found is None else {"AbortDate": shapes.moment(found[0]), "AbortRuleId": found[1]}


def _members(rule: Rule) -> dict[str, Any]:
    members: dict[str, Any] = {"ID": rule.id, "Status": "Enabled" if rule.enabled else "Disabled", **_filter(rule)}
    if rule.days is not None:
        members["Expiration"] = {"Days": rule.days}
    elif rule.date is not None:
        members["Expiration"] = {"Date": shapes.moment(rule.date)}
    elif rule.markers is not None:
        members["Expiration"] = {"ExpiredObjectDeleteMarker": rule.markers}
    if rule.noncurrent_days is not None:
        kept = {} if rule.kept is None else {"NewerNoncurrentVersions": rule.kept}
        members["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule.noncurrent_days, **kept}
    if rule.transitions:
        members["Transitions"] = [_transition(move) for move in rule.transitions]
    if rule.noncurrent_transitions:
        members["NoncurrentVersionTransitions"] = [
            {"NoncurrentDays": move.days, "StorageClass": move.storage_class}
            | ({"NewerNoncurrentVersions": move.kept} if move.kept else {})
            for move in rule.noncurrent_transitions
        ]
    if rule.abort_days is not None:
        members["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": rule.abort_days}
    return members


def _transition(move: Transition) -> dict[str, Any]:
    when = {"Days": move.days} if move.date is None else {"Date": shapes.moment(move.date)}
    return {**when, "StorageClass": move.storage_class}


def _filter(rule: Rule) -> dict[str, Any]:
    given: Filter = rule.filter
    if rule.form == "Prefix":
        return {"Prefix": given.prefix}
    sizes = {"ObjectSizeGreaterThan": given.larger_than, "ObjectSizeLessThan": given.smaller_than}
    conditions: dict[str, Any] = {name: value for name, value in sizes.items() if value is not None}
    if given.prefix or rule.form == "Filter/Prefix":
        conditions["Prefix"] = given.prefix
    tags = shapes.tag_set(given.tags)
    if rule.form == "And":
        return {"Filter": {"And": {**conditions, **({"Tags": tags} if tags else {})}}}
    return {"Filter": {**conditions, **({"Tag": tags[0]} if tags else {})}}

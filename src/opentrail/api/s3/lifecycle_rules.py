"""Lifecycle rules as a request writes them, checked. Pure; rules of the S3 API reference ("PutBucketLifecycleConfiguration")."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opentrail.api.s3.requests import tag_set
from opentrail.buckets.faults import InvalidArgument, InvalidRequest, MalformedXML, NotServed
from opentrail.buckets.lifecycle import DAY, STORAGE_CLASSES, Filter, Rule, Transition

MAX_RULES = 1000
MAX_ID = 255
MAX_DAYS = 2**31 - 1
MAX_KEPT = 100
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
_THIRTY_DAYS = ("STANDARD_IA", "ONEZONE_IA")
_ACTIONS = (
    "Expiration",
    "Transitions",
    "NoncurrentVersionTransitions",
    "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
)
Members = Mapping[str, Any]


def rules_of(given: Sequence[Members] | None) -> list[Rule]:
    """The rules of a configuration; those without an id get one.

    Raises `MalformedXML`, `InvalidArgument`, `InvalidRequest`; `NotServed` for storage classes that need a restore.
    """
    if not given or len(given) > MAX_RULES:
        raise MalformedXML()
    rules = [_rule(one) for one in given]
    ids = [rule.id for rule in rules]
    if len(set(ids)) < len(ids):
        raise InvalidArgument("Rule ID must be unique. Found same ID for more than one rule", ArgumentName="ID")
    return rules


def _rule(given: Members) -> Rule:
    name = given.get("ID") or secrets.token_hex(24)
    if len(name) > MAX_ID:
        raise InvalidArgument("ID length should not exceed allowed limit of 255", ArgumentName="ID", ArgumentValue=name)
    if given.get("Status") not in ("Enabled", "Disabled"):
        raise MalformedXML()
    if not any(given.get(action) is not None for action in _ACTIONS):
        raise InvalidRequest("At least one action needs to be specified in a rule")
    filter_, form = _filter(given)
    days, date, markers = _expiration(given.get("Expiration"))
    noncurrent_days, kept = _noncurrent_expiration(given.get("NoncurrentVersionExpiration"))
    abort_days = _abort(given.get("AbortIncompleteMultipartUpload"))
    by_size = filter_.larger_than is not None or filter_.smaller_than is not None
    if markers is not None and (filter_.tags or by_size):
        raise InvalidRequest("ExpiredObjectDeleteMarker cannot be specified with a filter on tags or object sizes.")
    if abort_days is not None and (filter_.tags or by_size):
        raise InvalidRequest("AbortIncompleteMultipartUpload cannot be specified with a filter on tags or object sizes.")
    transitions = [_transition(one) for one in given.get("Transitions") or []]
    noncurrent_transitions = [_noncurrent_transition(one) for one in given.get("NoncurrentVersionTransitions") or []]
    _check_order(transitions, days, date, "Expiration", filter_.prefix)
    _check_order(noncurrent_transitions, noncurrent_days, None, "NoncurrentVersionExpiration", filter_.prefix)
    return Rule(
        id=name,
        enabled=given["Status"] == "Enabled",
        filter=filter_,
        form=form,
        days=days,
        date=date,
        markers=markers,
        noncurrent_days=noncurrent_days,
        kept=kept,
        transitions=transitions,
        noncurrent_transitions=noncurrent_transitions,
        abort_days=abort_days,
    )


def _filter(given: Members) -> tuple[Filter, str]:
    """The filter of a rule, and how it was written."""
    prefix, filter_ = given.get("Prefix"), given.get("Filter")
    if (prefix is None) == (filter_ is None):
        raise MalformedXML()
    if filter_ is None:
        return Filter(prefix=_prefix(prefix or "")), "Prefix"
    if len(filter_) > 1:
        raise MalformedXML()
    both = filter_.get("And")
    if both is None:
        tags = [filter_["Tag"]] if filter_.get("Tag") is not None else []
        return _conditions(filter_, tags), "Filter/Prefix" if "Prefix" in filter_ else "Filter"
    tags = both.get("Tags") or []
    if len(tags) + sum(both.get(name) is not None for name in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan")) < 2:
        raise MalformedXML()
    return _conditions(both, tags), "And"


def _conditions(given: Members, tags: Sequence[Mapping[str, str]]) -> Filter:
    larger, smaller = given.get("ObjectSizeGreaterThan"), given.get("ObjectSizeLessThan")
    if larger is not None and larger < 0:
        raise InvalidRequest("'ObjectSizeGreaterThan' must not be negative")
    if smaller is not None and smaller < 1:
        raise InvalidRequest("'ObjectSizeLessThan' must be a positive integer")
    if larger is not None and smaller is not None and larger >= smaller:
        raise InvalidRequest("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.")
    return Filter(
        prefix=_prefix(given.get("Prefix") or ""),
        tags=tag_set(tags, limit=10),
        larger_than=larger,
        smaller_than=smaller,
    )


def _prefix(text: str) -> str:
    if len(text.encode(errors="surrogatepass")) > 1024:
        raise InvalidRequest("The maximum size of a prefix is 1024.")
    return text


def _expiration(given: Members | None) -> tuple[int | None, float | None, bool | None]:
    """Days, date and whether lone markers go: exactly one of them."""
    if given is None:
        return None, None, None
    if sum(given.get(name) is not None for name in ("Days", "Date", "ExpiredObjectDeleteMarker")) != 1:
        raise MalformedXML()
    days, date = given.get("Days"), given.get("Date")
    if days is not None:
        days = _days(days, "Days", "Expiration")
    return days, None if date is None else _midnight(date), given.get("ExpiredObjectDeleteMarker")


def _noncurrent_expiration(given: Members | None) -> tuple[int | None, int | None]:
    if given is None:
        return None, None
    if not given:
        raise MalformedXML()
    days, kept = _days(given.get("NoncurrentDays"), "NoncurrentDays", "NoncurrentVersionExpiration"), given.get("NewerNoncurrentVersions")
    _check_kept(kept, "NoncurrentVersionExpiration")
    return days, kept


def _abort(given: Members | None) -> int | None:
    if given is None:
        return None
    if given.get("DaysAfterInitiation") is None:
        raise MalformedXML()
    return _days(given["DaysAfterInitiation"], "DaysAfterInitiation", "AbortIncompleteMultipartUpload")


def _transition(given: Members) -> Transition:
    days, date = given.get("Days"), given.get("Date")
    if (days is None) == (date is None):
        raise MalformedXML()
    storage_class = _storage_class(given)
    if date is not None:
        return Transition(storage_class=storage_class, date=_midnight(date))
    return Transition(storage_class=storage_class, days=_transition_days(given["Days"], "Days", "Transition", storage_class))


def _noncurrent_transition(given: Members) -> Transition:
    if given.get("NoncurrentDays") is None:
        raise MalformedXML()
    storage_class = _storage_class(given)
    kept = given.get("NewerNoncurrentVersions")
    _check_kept(kept, "NoncurrentVersionTransition")
    days = _transition_days(given["NoncurrentDays"], "NoncurrentDays", "NoncurrentVersionTransition", storage_class)
    return Transition(storage_class=storage_class, days=days, kept=kept or 0)


def _storage_class(given: Members) -> str:
    name = given.get("StorageClass")
    if name in _ARCHIVES:
        raise NotServed(f"OpenTrail does not serve the storage class {name} yet.")
    if name not in STORAGE_CLASSES[1:]:
        raise MalformedXML()
    return str(name)


def _days(value: int | None, member: str, action: str) -> int:
    if value is None or not 1 <= value <= MAX_DAYS:
        raise InvalidArgument(f"'{member}' for {action} action must be a positive integer", ArgumentName=member, ArgumentValue=value)
    return value


def _transition_days(value: int, member: str, action: str, storage_class: str) -> int:
    if not 0 <= value <= MAX_DAYS:
        raise InvalidArgument(f"'{member}' in {action} action must be nonnegative", ArgumentName=member, ArgumentValue=value)
    if storage_class in _THIRTY_DAYS and value < 30:
        raise InvalidArgument(
            f"'{member}' in {action} action must be greater than or equal to 30 for storageClass '{storage_class}'",
            ArgumentName=member,
            ArgumentValue=value,
        )
    return value


def _midnight(date: datetime) -> float:
    moment = date.timestamp()
    if moment % DAY:
        raise InvalidArgument("'Date' must be at midnight GMT", ArgumentName="Date", ArgumentValue=date.isoformat())
    return moment


def _check_kept(kept: int | None, action: str) -> None:
    if kept is not None and not 1 <= kept <= MAX_KEPT:
        raise InvalidArgument(
            f"'NewerNoncurrentVersions' for {action} action must be a positive integer of at most {MAX_KEPT}",
            ArgumentName="NewerNoncurrentVersions",
            ArgumentValue=kept,
        )


def _check_order(transitions: Sequence[Transition], days: int | None, date: float | None, action: str, prefix: str) -> None:
    """What goes has to go after its last transition; days and dates do not mix."""
    classes = [move.storage_class for move in transitions]
    if len(set(classes)) < len(classes):
        raise InvalidRequest("'StorageClass' must be different for 'Transition' actions in same 'Rule'")
    dated = [move.date is not None for move in transitions] + ([] if days is None and date is None else [date is not None])
    if len(set(dated)) > 1:
        raise InvalidRequest("Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule")
    latest = max((move.date if move.date is not None else move.days or 0 for move in transitions), default=None)
    end = days if days is not None else date
    if latest is not None and end is not None and end <= latest:
        current = action == "Expiration"
        unit = "NoncurrentDays" if not current else "Date" if date is not None else "Days"
        place, transition = (f" for prefix '{prefix}'", "Transition") if current else ("", "NoncurrentVersionTransition")
        raise InvalidArgument(
            f"'{unit}' in the {action} action{place} must be greater than '{unit}' in the {transition} action", ArgumentName=unit
        )

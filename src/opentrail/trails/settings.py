"""The settings that CreateTrail and UpdateTrail are given, and the selectors of PutEventSelectors: what can be said of them by themselves
(reference of trails, §2, §6, §7). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opentrail.events import selectors
from opentrail.trails import names
from opentrail.trails.faults import InvalidEventSelectorsException, InvalidParameterCombinationException
from opentrail.trails.store import Trail

_DEFAULTS: Mapping[str, Any] = {
    "include_global_service_events": True,
    "is_multi_region_trail": False,
    "log_file_validation_enabled": False,
    "recursive_logging": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Settings given to CreateTrail or UpdateTrail; `None` where the caller did not give one. `""` clears an optional one."""

    s3_bucket_name: str | None = None
    s3_key_prefix: str | None = None
    include_global_service_events: bool | None = None
    is_multi_region_trail: bool | None = None
    enable_log_file_validation: bool | None = None
    recursive_logging: bool | None = None
    sns_topic_name: str | None = None
    """Name or ARN of a topic; `""` for none."""
    kms_key_id: str | None = None
    """Key ID, key ARN, alias name or alias ARN; `""` for none."""
    log_group_arn: str | None = None
    role_arn: str | None = None
    is_organization_trail: bool | None = None


def for_new(wanted: Wanted) -> dict[str, Any]:
    """The columns of a new trail, defaults filled in.

    Raises `InvalidS3BucketNameException`, `InvalidS3PrefixException`, `InvalidSnsTopicNameException`, `InvalidKmsKeyIdException`,
    `InvalidParameterCombinationException`.
    """
    values = {**_DEFAULTS, **_columns(wanted)}
    _check_combination(values)
    return values


def for_change(wanted: Wanted, trail: Trail) -> dict[str, Any]:
    """The columns of `trail` that `wanted` changes. Raises as `for_new` does.

    A trail that becomes multi-Region takes global service events from then on, unless that is refused in the same call.
    """
    values = _columns(wanted)
    if values.get("is_multi_region_trail") and not trail.is_multi_region_trail:
        values.setdefault("include_global_service_events", True)
    now = {"is_multi_region_trail": trail.is_multi_region_trail, "include_global_service_events": trail.include_global_service_events}
    _check_combination({**now, **values})
    return values


def checked_selectors(basic: Sequence[Mapping[str, Any]] | None, advanced: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """The one kind of event selectors that is given, as it is stored. Raises `InvalidEventSelectorsException`."""
    if bool(basic) == bool(advanced):
        raise InvalidEventSelectorsException("Specify either EventSelectors or AdvancedEventSelectors.")
    try:
        if basic:
            return {"EventSelectors": selectors.checked_basic(basic)}
        return {"AdvancedEventSelectors": selectors.checked_advanced(advanced or (), owner="trail")}
    except selectors.SelectorError as error:
        raise InvalidEventSelectorsException(str(error)) from error


def _columns(wanted: Wanted) -> dict[str, Any]:
    """What `wanted` gives, checked one by one; topic, key and log group are for the neighbours to say."""
    given = {
        "include_global_service_events": wanted.include_global_service_events,
        "is_multi_region_trail": wanted.is_multi_region_trail,
        "log_file_validation_enabled": wanted.enable_log_file_validation,
        "recursive_logging": wanted.recursive_logging,
    }
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if wanted.s3_bucket_name is not None:
        names.check_bucket_name(wanted.s3_bucket_name)
        values["s3_bucket_name"] = wanted.s3_bucket_name
    if wanted.s3_key_prefix is not None:
        names.check_prefix(wanted.s3_key_prefix)
        values["s3_key_prefix"] = wanted.s3_key_prefix or None
    if wanted.sns_topic_name:
        names.check_topic(wanted.sns_topic_name)
    if wanted.kms_key_id:
        names.check_kms_key_id(wanted.kms_key_id)
    return values


def _check_combination(values: Mapping[str, Any]) -> None:
    if values["is_multi_region_trail"] and not values["include_global_service_events"]:
        raise InvalidParameterCombinationException("Multi-Region trail must include global service events.")

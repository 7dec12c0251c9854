"""Log groups: CreateLogGroup … AssociateKmsKey, retention, deletion protection."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from opentrail.api.call import Call, Handler, Result
from opentrail.api.logs.naming import partition_of, required_group
from opentrail.monitoring.faults import InvalidParameterException
from opentrail.monitoring.logs import LogGroups
from opentrail.monitoring.logs.names import group_of_arn
from opentrail.monitoring.logs.values import Group

PAGE: Final = 50
"""Groups and streams of one page."""


class GroupOperations:
    """One handler for each operation on groups."""

    def __init__(self, logs: LogGroups) -> None:
        self._control = logs.control
        self.operations: Mapping[str, Handler] = {
            "CreateLogGroup": self.create_log_group,
            "DeleteLogGroup": self.delete_log_group,
            "DescribeLogGroups": self.describe_log_groups,
            "ListLogGroups": self.list_log_groups,
            "PutLogGroupDeletionProtection": self.put_log_group_deletion_protection,
            "PutRetentionPolicy": self.put_retention_policy,
            "DeleteRetentionPolicy": self.delete_retention_policy,
            "AssociateKmsKey": self.associate_kms_key,
            "DisassociateKmsKey": self.disassociate_kms_key,
        }

    def create_log_group(self, call: Call) -> Result:
        given = call.parameters
        self._control.create_group(
            call.account_id,
            call.region,
            given["logGroupName"],
            partition=partition_of(call.region),
            log_group_class=given.get("logGroupClass", "STANDARD"),
            kms_key_id=given.get("kmsKeyId"),
            tags=given.get("tags"),
            deletion_protection=bool(given.get("deletionProtectionEnabled")),
        )
        return {}

    def delete_log_group(self, call: Call) -> Result:
        self._control.delete_group(call.account_id, call.region, call.parameters["logGroupName"])
        return {}

    def describe_log_groups(self, call: Call) -> Result:
        given = call.parameters
        prefix, pattern = given.get("logGroupNamePrefix", ""), given.get("logGroupNamePattern", "")
        if prefix and pattern:
            raise InvalidParameterException("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        if wanted := given.get("logGroupIdentifiers"):
            if prefix or pattern:
                raise InvalidParameterException("LogGroup identifiers cannot be combined with a prefix or a pattern.")
            return {"logGroups": self._identified(call, wanted)}
        if any(account != call.account_id for account in given.get("accountIdentifiers") or ()):
            raise InvalidParameterException("Cross-account observability is not served here: accountIdentifiers must be your own account.")
        limit = given.get("limit", PAGE)
        after = read_token(given.get("nextToken"), "groups")
        found, sizes = self._control.groups(call.account_id, call.region, prefix=prefix, contains=pattern, after=after, limit=limit + 1)
        wanted_class = given.get("logGroupClass")
        shown = [group for group in found[:limit] if wanted_class in (None, group.log_group_class)]
        answer: dict[str, Any] = {"logGroups": [described(group, sizes.get(group.id, 0)) for group in shown]}
        if len(found) > limit:
            answer["nextToken"] = token(found[limit - 1].name, "groups")
        return answer

    def _identified(self, call: Call, wanted: list[str]) -> list[dict[str, Any]]:
        names = {group_of_arn(one, call.account_id, call.region) if one.startswith("arn:") else one for one in wanted}
        groups = [self._control.group(call.account_id, call.region, name) for name in sorted(name for name in names if name)]
        shown = []
        for group in groups:
            _, sizes = self._control.groups(call.account_id, call.region, prefix=group.name, limit=1)
            shown.append(described(group, sizes.get(group.id, 0)))
        return shown

    def list_log_groups(self, call: Call) -> Result:
        given = call.parameters
        limit, after = given.get("limit", PAGE), read_token(given.get("nextToken"), "list")
        found, _ = self._control.groups(
            call.account_id, call.region, contains=given.get("logGroupNamePattern", "").lstrip("^"), after=after, limit=limit + 1
        )
        answer: dict[str, Any] = {
            "logGroups": [
                {"logGroupName": group.name, "logGroupArn": group.arn, "logGroupClass": group.log_group_class} for group in found[:limit]
            ]
        }
        if len(found) > limit:
            answer["nextToken"] = token(found[limit - 1].name, "list")
        return answer

    def put_log_group_deletion_protection(self, call: Call) -> Result:
        self._control.protect(
            call.account_id, call.region, required_group(call), protected=bool(call.parameters["deletionProtectionEnabled"])
        )
        return {}

    def put_retention_policy(self, call: Call) -> Result:
        given = call.parameters
        self._control.set_retention(call.account_id, call.region, given["logGroupName"], given["retentionInDays"])
        return {}

    def delete_retention_policy(self, call: Call) -> Result:
        self._control.set_retention(call.account_id, call.region, call.parameters["logGroupName"], None)
        return {}

    def associate_kms_key(self, call: Call) -> Result:
        self._control.set_key(call.account_id, call.region, _keyed(call), call.parameters["kmsKeyId"])
        return {}

    def disassociate_kms_key(self, call: Call) -> Result:
        self._control.set_key(call.account_id, call.region, _keyed(call), None)
        return {}


def described(group: Group, size: int) -> dict[str, Any]:
    """The shape `LogGroup`."""
    optional = {"retentionInDays": group.retention_in_days, "kmsKeyId": group.kms_key_id}
    return {
        "logGroupName": group.name,
        "creationTime": group.creation_time,
        **{name: value for name, value in optional.items() if value is not None},
        "metricFilterCount": 0,
        "arn": f"{group.arn}:*",
        "storedBytes": size,
        "logGroupClass": group.log_group_class,
        "logGroupArn": group.arn,
        "deletionProtectionEnabled": group.deletion_protection,
    }


def token(last: str, kind: str) -> str:
    """The token behind the name `last` in a list of this kind."""
    return base64.urlsafe_b64encode(f"{kind}\n{last}".encode()).decode()


def read_token(given: str | None, kind: str) -> str:
    """The name behind which to read on; `""` without a token. Raises `InvalidParameterException`."""
    if given is None:
        return ""
    try:
        found, _, last = base64.b64decode(given, altchars=b"-_", validate=True).decode().partition("\n")
    except (binascii.Error, ValueError):
        found, last = "", ""
    if found != kind or not last:
        raise InvalidParameterException("The specified nextToken is invalid.")
    return last


def _keyed(call: Call) -> str:
    """The group of AssociateKmsKey, named in one of two ways."""
    name, identifier = call.parameters.get("logGroupName"), call.parameters.get("resourceIdentifier")
    if (name is None) == (identifier is None):
        raise InvalidParameterException("Specify either logGroupName or resourceIdentifier.")
    found = name if name is not None else group_of_arn(identifier or "", call.account_id, call.region)
    if found is None:
        raise InvalidParameterException("Query results are not kept here, so they have no key: name a log group.")
    return str(found)

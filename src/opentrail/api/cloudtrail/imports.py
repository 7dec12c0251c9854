"""StartImport, StopImport, GetImport, ListImports, ListImportFailures (reference of Lake, §5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opentrail.api.call import Call, Handler, Need
from opentrail.api.cloudtrail.lake_needs import LakeNeeds
from opentrail.lake.faults import InvalidParameterException
from opentrail.lake.imports.control import PAGE, Imports, Wanted
from opentrail.lake.imports.values import Failure, Import
from opentrail.lake.names import Place

_NEW = ("Destinations", "ImportSource", "StartEventTime", "EndEventTime")


class ImportOperations:
    """The operations on imports."""

    def __init__(self, imports: Imports, needs: LakeNeeds, place: Callable[[str, str], Place]) -> None:
        """`place` of an account and a Region."""
        self._imports = imports
        self._needs = needs
        self._of = place
        self.operations: Mapping[str, Handler] = {
            "StartImport": self.start_import,
            "StopImport": self.stop_import,
            "GetImport": self.get_import,
            "ListImports": self.list_imports,
            "ListImportFailures": self.list_import_failures,
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """StartImport is allowed on the store, with the role passed to CloudTrail; the others have no resource of their own."""
        action = f"cloudtrail:{call.operation}"
        if call.operation != "StartImport":
            return [Need(action=action)]
        given = call.parameters.get("Destinations") or ()
        needs = [self._needs.of_store(call, action, one) for one in given] or [Need(action=action)]
        role = call.parameters.get("ImportSource", {}).get("S3", {}).get("S3BucketAccessRoleArn")
        if role:
            needs.append(Need(action="iam:PassRole", resource=role, context={"iam:PassedToService": ("cloudtrail.amazonaws.com",)}))
        return needs

    def start_import(self, call: Call) -> Mapping[str, Any]:
        """StartImport, of a new one or of one that failed."""
        given = call.parameters
        if import_id := given.get("ImportId"):
            if any(given.get(name) is not None for name in _NEW):
                raise InvalidParameterException("ImportId retries an import as it was: leave the other parameters out.")
            return _started(self._imports.retry(call.account_id, call.region, import_id))
        destinations = given.get("Destinations") or []
        if len(destinations) != 1 or not given.get("ImportSource"):
            raise InvalidParameterException(
                "A new import needs Destinations, with exactly one event data store, and ImportSource; a retry needs ImportId."
            )
        source = given["ImportSource"]["S3"]
        wanted = Wanted(
            destination=destinations[0],
            location=source["S3LocationUri"],
            bucket_region=source["S3BucketRegion"],
            role_arn=source["S3BucketAccessRoleArn"],
            start_event_time=_time(given.get("StartEventTime")),
            end_event_time=_time(given.get("EndEventTime")),
        )
        return _started(self._imports.start(self._place(call), wanted))

    def stop_import(self, call: Call) -> Mapping[str, Any]:
        """StopImport"""
        return _described(self._imports.stop(call.account_id, call.region, call.parameters["ImportId"]))

    def get_import(self, call: Call) -> Mapping[str, Any]:
        """GetImport"""
        return _described(self._imports.get(call.account_id, call.region, call.parameters["ImportId"]))

    def list_imports(self, call: Call) -> Mapping[str, Any]:
        """ListImports"""
        given = call.parameters
        found, token = self._imports.list(
            self._place(call),
            destination=given.get("Destination"),
            status=given.get("ImportStatus"),
            size=given.get("MaxResults", PAGE),
            token=given.get("NextToken"),
        )
        return {"Imports": [_listed(one) for one in found]} | ({"NextToken": token} if token else {})

    def list_import_failures(self, call: Call) -> Mapping[str, Any]:
        """ListImportFailures"""
        given = call.parameters
        found, token = self._imports.failures(
            call.account_id, call.region, given["ImportId"], size=given.get("MaxResults", PAGE), token=given.get("NextToken")
        )
        return {"Failures": [_failure(one) for one in found]} | ({"NextToken": token} if token else {})

    def _place(self, call: Call) -> Place:
        return self._of(call.account_id, call.region)


def _time(given: datetime | None) -> float | None:
    return None if given is None else given.timestamp()


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _listed(one: Import) -> dict[str, Any]:
    return {
        "ImportId": one.id,
        "ImportStatus": one.status,
        "Destinations": [one.destination],
        "CreatedTimestamp": _moment(one.created_timestamp),
        "UpdatedTimestamp": _moment(one.updated_timestamp),
    }


def _started(one: Import) -> dict[str, Any]:
    source = {"S3LocationUri": one.location, "S3BucketRegion": one.bucket_region, "S3BucketAccessRoleArn": one.role_arn}
    window = {"StartEventTime": one.start_event_time, "EndEventTime": one.end_event_time}
    return {**_listed(one), "ImportSource": {"S3": source}, **{name: _moment(at) for name, at in window.items() if at is not None}}


def _described(one: Import) -> dict[str, Any]:
    counted = one.statistics
    return {
        **_started(one),
        "ImportStatistics": {
            "PrefixesFound": counted.prefixes_found,
            "PrefixesCompleted": counted.prefixes_completed,
            "FilesCompleted": counted.files_completed,
            "EventsCompleted": counted.events_completed,
            "FailedEntries": counted.failed_entries,
        },
    }


def _failure(one: Failure) -> dict[str, Any]:
    return {
        "Location": one.location,
        "Status": one.status,
        "ErrorType": one.error_type,
        "ErrorMessage": one.error_message,
        "LastUpdatedTime": _moment(one.last_updated_time),
    }

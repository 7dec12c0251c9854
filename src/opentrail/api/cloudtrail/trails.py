"""The operations on trails: wire members to settings and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.api.cloudtrail import trail_pages
from opentrail.api.cloudtrail.digests import with_digests
from opentrail.clock import iso_seconds
from opentrail.events import selectors
from opentrail.trails import tags
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.store import Trail

_OWN = {
    "S3BucketName": "s3_bucket_name",
    "S3KeyPrefix": "s3_key_prefix",
    "IncludeGlobalServiceEvents": "include_global_service_events",
    "IsMultiRegionTrail": "is_multi_region_trail",
    "EnableLogFileValidation": "enable_log_file_validation",
    "RecursiveLogging": "recursive_logging",
    "SnsTopicName": "sns_topic_name",
    "KmsKeyId": "kms_key_id",
    "CloudWatchLogsLogGroupArn": "log_group_arn",
    "CloudWatchLogsRoleArn": "role_arn",
    "IsOrganizationTrail": "is_organization_trail",
}


class TrailOperations:
    """CreateTrail … GetTrailStatus, the event selectors and the tags."""

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self.operations: Mapping[str, Handler] = {
            "CreateTrail": self.create_trail,
            "UpdateTrail": self.update_trail,
            "DeleteTrail": self.delete_trail,
            "GetTrail": self.get_trail,
            "DescribeTrails": self.describe_trails,
            "ListTrails": self.list_trails,
            "StartLogging": self.start_logging,
            "StopLogging": self.stop_logging,
            "GetTrailStatus": with_digests(trails, self.get_trail_status),
            "GetEventSelectors": self.get_event_selectors,
            "PutEventSelectors": self.put_event_selectors,
        }

    def create_trail(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        tagged = tags.checked(given.get("TagsList") or ())
        trail = self._trails.create(call.account_id, call.region, given["Name"], Wanted(**_members(given, _OWN)), tagged)
        return _settings(trail)

    def update_trail(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        return _settings(self._trails.update(call.account_id, call.region, given["Name"], Wanted(**_members(given, _OWN))))

    def delete_trail(self, call: Call) -> Mapping[str, Any]:
        self._trails.delete(call.account_id, call.region, call.parameters["Name"], call.request_id)
        return {}

    def get_trail(self, call: Call) -> Mapping[str, Any]:
        return {"Trail": _described(self._trails.get(call.account_id, call.region, call.parameters["Name"]))}

    def describe_trails(self, call: Call) -> Mapping[str, Any]:
        shadows = call.parameters.get("includeShadowTrails")
        wanted = call.parameters.get("trailNameList") or ()
        found = self._trails.describe(call.account_id, call.region, wanted, include_shadows=shadows is not False)
        return {"trailList": [_described(trail) for trail in found]}

    def list_trails(self, call: Call) -> Mapping[str, Any]:
        return trail_pages.page(self._trails.list(call.account_id), call.parameters.get("NextToken"))

    def start_logging(self, call: Call) -> Mapping[str, Any]:
        self._trails.start_logging(call.account_id, call.region, call.parameters["Name"])
        return {}

    def stop_logging(self, call: Call) -> Mapping[str, Any]:
        self._trails.stop_logging(call.account_id, call.region, call.parameters["Name"], call.request_id)
        return {}

    def get_trail_status(self, call: Call) -> Mapping[str, Any]:
        trail, status = self._trails.status(call.account_id, call.region, call.parameters["Name"])
        logs = self._trails.log_status(trail)
        times = {
            "LatestCloudWatchLogsDeliveryTime": logs.delivered_at,
            "LatestDeliveryTime": status.delivered_at,
            "StartLoggingTime": trail.started_at,
            "StopLoggingTime": trail.stopped_at,
            "LatestDigestDeliveryTime": status.digest_delivered_at,
            "LatestNotificationTime": status.notified_at,
        }
        errors = {
            "LatestCloudWatchLogsDeliveryError": logs.error,
            "LatestDeliveryError": status.delivery_error,
            "LatestDigestDeliveryError": status.digest_error,
            "LatestNotificationError": status.notification_error,
        }
        return {
            "IsLogging": trail.is_logging,
            **{name: datetime.fromtimestamp(at, UTC) for name, at in times.items() if at is not None},
            **{name: error for name, error in errors.items() if error is not None},
            "LatestDeliveryAttemptTime": _text(status.attempted_at),
            "LatestNotificationAttemptTime": _text(status.notification_attempted_at),
            "LatestNotificationAttemptSucceeded": _text(status.notified_at),
            "LatestDeliveryAttemptSucceeded": _text(status.delivered_at),
            "TimeLoggingStarted": _text(trail.started_at),
            "TimeLoggingStopped": _text(trail.stopped_at),
        }

    def get_event_selectors(self, call: Call) -> Mapping[str, Any]:
        return _selectors(self._trails.at_home(call.account_id, call.region, call.parameters["TrailName"]))

    def put_event_selectors(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        basic, advanced = given.get("EventSelectors"), given.get("AdvancedEventSelectors")
        return _selectors(self._trails.put_event_selectors(call.account_id, call.region, given["TrailName"], basic, advanced))


def _members(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: given[theirs] for theirs, ours in names.items() if given.get(theirs) is not None}


def _settings(trail: Trail) -> dict[str, Any]:
    """What CreateTrail and UpdateTrail answer; settings that are not there are left out."""
    optional = {
        "S3KeyPrefix": trail.s3_key_prefix,
        "SnsTopicName": trail.sns_topic_arn and trail.sns_topic_arn.rpartition(":")[2],
        "SnsTopicARN": trail.sns_topic_arn,
        "KmsKeyId": trail.kms_key_id,
        "CloudWatchLogsLogGroupArn": trail.cloud_watch_logs_log_group_arn,
        "CloudWatchLogsRoleArn": trail.cloud_watch_logs_role_arn,
    }
    return {
        "Name": trail.name,
        "S3BucketName": trail.s3_bucket_name,
        **{name: value for name, value in optional.items() if value},
        "IncludeGlobalServiceEvents": trail.include_global_service_events,
        "IsMultiRegionTrail": trail.is_multi_region_trail,
        "TrailARN": trail.arn,
        "LogFileValidationEnabled": trail.log_file_validation_enabled,
        "IsOrganizationTrail": trail.organization_id is not None,
        "RecursiveLogging": trail.recursive_logging,
    }


def _described(trail: Trail) -> dict[str, Any]:
    """What GetTrail and DescribeTrails answer."""
    return {
        **_settings(trail),
        "HomeRegion": trail.home_region,
        "HasCustomEventSelectors": trail.event_selectors is not None,
        "HasInsightSelectors": trail.insight_selectors is not None,
    }


def _selectors(trail: Trail) -> dict[str, Any]:
    return {"TrailARN": trail.arn, **(trail.event_selectors or {"EventSelectors": [dict(selectors.DEFAULT)]})}


def _text(at: float | None) -> str:
    return iso_seconds(at) if at is not None else ""

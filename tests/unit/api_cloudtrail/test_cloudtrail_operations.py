"""CloudTrail's operations as the endpoint calls them: members in, members out, permissions needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from opentrail.api.call import Call
from opentrail.api.cloudtrail import CloudTrailService
from opentrail.identity.principals import Principal
from opentrail.trails import faults
from opentrail.wire.faults import Fault
from opentrail.wire.http import Request
from simulators.trails import ACCOUNT, HOME, World

MODEL = botocore.session.get_session().get_service_model("cloudtrail")
ARN = "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit"
STORES = "arn:aws:cloudtrail:us-east-1:111122223333:eventdatastore/"


class Api:
    """A service over a world; checks requests and answers against botocore's model."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.service = CloudTrailService(self.world.trails, self.world.keys, {"LookupEvents": lambda call: {"Events": []}})

    def call_of(self, operation: str, region: str = HOME, **parameters: Any) -> Call:
        report = ParamValidator().validate(parameters, MODEL.operation_model(operation).input_shape)
        assert not report.has_errors(), report.generate_report()
        return self.unchecked(operation, region, parameters)

    def unchecked(self, operation: str, region: str, parameters: Mapping[str, Any]) -> Call:
        return Call(
            service="cloudtrail",
            operation=operation,
            parameters=parameters,
            caller=Principal(type="Root", account_id=ACCOUNT),
            account_id=ACCOUNT,
            region=region,
            request_id=f"request-{operation}",
            source_ip="127.0.0.1",
            user_agent="test",
            time=self.world.clock.now(),
            secure=False,
            request=Request(method="POST", path="/"),
        )

    def __call__(self, operation: str, region: str = HOME, **parameters: Any) -> dict[str, Any]:
        answer = self.service.operations[operation](self.call_of(operation, region, **parameters))
        assert isinstance(answer, Mapping)
        members = MODEL.operation_model(operation).output_shape.members
        assert set(answer) <= set(members)
        report = ParamValidator().validate(dict(answer), MODEL.operation_model(operation).output_shape)
        assert not report.has_errors(), report.generate_report()
        return dict(answer)

    def fault(self, operation: str, region: str = HOME, **parameters: Any) -> tuple[str, str]:
        with pytest.raises(Fault) as raised:
            self(operation, region, **parameters)
        return raised.value.code, raised.value.message


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    made = Api(tmp_path)
    yield made
    made.world.close()


def test_every_fault_is_one_of_the_model() -> None:
    known = {shape.name for shape in MODEL.error_shapes} | {"OperationNotPermittedException"}
    own = {kind.code for kind in vars(faults).values() if isinstance(kind, type) and issubclass(kind, Fault) and kind is not Fault}
    assert own <= known


def test_create_answers_the_settings_and_describe_shows_more(api: Api) -> None:
    answer = api("CreateTrail", Name="audit", S3BucketName="logs", TagsList=[{"Key": "team", "Value": "sec"}])
    settings = {
        "Name": "audit",
        "S3BucketName": "logs",
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": False,
        "TrailARN": ARN,
        "LogFileValidationEnabled": False,
        "IsOrganizationTrail": False,
        "RecursiveLogging": True,
    }
    assert answer == settings
    shown = {**settings, "HomeRegion": "us-east-1", "HasCustomEventSelectors": False, "HasInsightSelectors": False}
    assert api("GetTrail", Name="audit") == {"Trail": shown}
    assert api("DescribeTrails") == {"trailList": [shown]}
    assert api("DescribeTrails", "eu-west-1") == {"trailList": []}
    assert api("ListTrails", "eu-west-1") == {"Trails": [{"TrailARN": ARN, "Name": "audit", "HomeRegion": "us-east-1"}]}
    assert api("ListTags", ResourceIdList=[ARN]) == {
        "ResourceTagList": [{"ResourceId": ARN, "TagsList": [{"Key": "team", "Value": "sec"}]}]
    }
    updated = api("UpdateTrail", Name=ARN, S3KeyPrefix="p", IsMultiRegionTrail=True, SnsTopicName="", KmsKeyId="")
    assert updated == {**settings, "S3KeyPrefix": "p", "IsMultiRegionTrail": True}
    assert len(api("DescribeTrails", "eu-west-1")["trailList"]) == 1
    assert api("DescribeTrails", "eu-west-1", includeShadowTrails=False) == {"trailList": []}


NEIGHBOURS = [
    ({"SnsTopicName": "no topic"}, ("InvalidSnsTopicNameException", None)),
    ({"KmsKeyId": "alias/mine"}, ("KmsKeyNotFoundException", None)),
    ({"KmsKeyId": "mine"}, ("InvalidKmsKeyIdException", None)),
    (
        {"CloudWatchLogsLogGroupArn": "arn:aws:logs:us-east-1:111122223333:log-group:g:*"},
        ("InvalidCloudWatchLogsRoleArnException", "You must specify a role ARN as well as a log group."),
    ),
    (
        {
            "CloudWatchLogsLogGroupArn": "arn:aws:logs:us-east-1:111122223333:log-group:g:*",
            "CloudWatchLogsRoleArn": "arn:aws:iam::111122223333:role/r",
        },
        ("InvalidCloudWatchLogsLogGroupArnException", "Check the log group ARN: CloudTrail can't validate it."),
    ),
    ({"IsOrganizationTrail": True}, ("OrganizationsNotInUseException", None)),
]


@pytest.mark.parametrize(("given", "expected"), NEIGHBOURS)
def test_what_is_not_served_is_never_an_invented_success(api: Api, given: dict[str, Any], expected: tuple[str, str | None]) -> None:
    code, message = expected
    found = api.fault("CreateTrail", Name="audit", S3BucketName="logs", **given)
    assert found[0] == code
    assert message in (None, found[1])
    assert api("ListTrails") == {"Trails": []}
    api("CreateTrail", Name="audit", S3BucketName="logs")
    assert api.fault("UpdateTrail", Name="audit", **given)[0] == code
    assert api.fault("UpdateTrail", Name="absent", **given)[0] == "TrailNotFoundException"


def test_status_from_creation_to_deletion(api: Api) -> None:
    api("CreateTrail", Name="audit", S3BucketName="logs", EnableLogFileValidation=True)
    nothing = {
        "LatestDeliveryAttemptTime": "",
        "LatestNotificationAttemptTime": "",
        "LatestNotificationAttemptSucceeded": "",
        "LatestDeliveryAttemptSucceeded": "",
        "TimeLoggingStarted": "",
        "TimeLoggingStopped": "",
    }
    assert api("GetTrailStatus", Name="audit") == {"IsLogging": False, **nothing}
    began = api.world.clock.now()
    api("StartLogging", Name="audit")
    started = api("GetTrailStatus", Name="audit")
    assert started == {"IsLogging": True, "StartLoggingTime": began, **nothing, "TimeLoggingStarted": "2026-01-05T10:11:12Z"}
    api.world.happen()
    api.world.run(3600, by=60)
    later = api("GetTrailStatus", Name=ARN)
    assert later["LatestDeliveryTime"] == began + timedelta(seconds=60)
    assert later["LatestDeliveryAttemptTime"] == later["LatestDeliveryAttemptSucceeded"] == "2026-01-05T10:12:12Z"
    assert later["LatestDigestDeliveryTime"] >= datetime(2026, 1, 5, 11, tzinfo=UTC)
    api("StopLogging", Name="audit")
    stopped = api("GetTrailStatus", Name="audit")
    assert (stopped["IsLogging"], stopped["StopLoggingTime"]) == (False, api.world.clock.now())
    api("DeleteTrail", Name="audit")
    assert api.fault("GetTrailStatus", Name="audit") == (
        "TrailNotFoundException",
        f"Unknown trail: {ARN} for the user: 111122223333",
    )


def test_status_shows_errors_and_clears_them(api: Api) -> None:
    api("CreateTrail", Name="audit", S3BucketName="logs")
    api("StartLogging", Name="audit")
    api.world.buckets.denied.add("logs")
    api.world.happen()
    api.world.run(61)
    failing = api("GetTrailStatus", Name="audit")
    assert (failing["IsLogging"], failing["LatestDeliveryError"]) == (True, "AccessDenied")
    assert (failing["LatestDeliveryAttemptSucceeded"], bool(failing["LatestDeliveryAttemptTime"])) == ("", True)
    api.world.buckets.denied.clear()
    api.world.run(100)
    assert "LatestDeliveryError" not in api("GetTrailStatus", Name="audit")


def test_event_selectors(api: Api) -> None:
    api("CreateTrail", Name="audit", S3BucketName="logs")
    default = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": []}
    assert api("GetEventSelectors", TrailName="audit") == {"TrailARN": ARN, "EventSelectors": [default]}
    answer = api("PutEventSelectors", TrailName="audit", EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    assert answer == {"TrailARN": ARN, "EventSelectors": [{**default, "ReadWriteType": "WriteOnly"}]}
    assert api("GetEventSelectors", TrailName=ARN) == answer
    assert api("GetTrail", Name="audit")["Trail"]["HasCustomEventSelectors"] is True
    advanced = [{"Name": "all", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]
    assert api("PutEventSelectors", TrailName="audit", AdvancedEventSelectors=advanced) == {
        "TrailARN": ARN,
        "AdvancedEventSelectors": advanced,
    }
    assert api("GetEventSelectors", TrailName="audit") == {"TrailARN": ARN, "AdvancedEventSelectors": advanced}
    chosen = [("Data", "resources.type", "AWS::SQS::Queue"), ("NetworkActivity", "eventSource", "s3.amazonaws.com")]
    wider = advanced + [
        {"FieldSelectors": [{"Field": "eventCategory", "Equals": [category]}, {"Field": field, "Equals": [value]}]}
        for category, field, value in chosen
    ]
    assert api("PutEventSelectors", TrailName="audit", AdvancedEventSelectors=wider)["AdvancedEventSelectors"] == wider
    objects = {**default, "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::work/"]}]}
    assert api("PutEventSelectors", TrailName="audit", EventSelectors=[objects]) == {"TrailARN": ARN, "EventSelectors": [objects]}
    assert api("GetEventSelectors", TrailName="audit") == {"TrailARN": ARN, "EventSelectors": [objects]}


def test_insights_selectors(api: Api) -> None:
    api("CreateTrail", Name="audit", S3BucketName="logs")
    assert api.fault("GetInsightSelectors", TrailName="audit") == (
        "InsightNotEnabledException",
        f"Trail {ARN} does not have Insights enabled. Edit the trail settings to enable Insights, and then try the operation again.",
    )
    selectors = [{"InsightType": "ApiCallRateInsight"}, {"InsightType": "ApiErrorRateInsight", "EventCategories": ["Management"]}]
    answer = api("PutInsightSelectors", TrailName="audit", InsightSelectors=selectors)
    assert answer == {"TrailARN": ARN, "InsightSelectors": selectors}
    assert api("GetInsightSelectors", TrailName=ARN) == answer
    assert api("GetTrail", Name="audit")["Trail"]["HasInsightSelectors"] is True
    assert api("PutInsightSelectors", TrailName="audit", InsightSelectors=[]) == {"TrailARN": ARN, "InsightSelectors": []}
    assert api("DescribeTrails")["trailList"][0]["HasInsightSelectors"] is False


def test_event_configuration(api: Api) -> None:
    api("CreateTrail", Name="audit", S3BucketName="logs")
    assert api("GetEventConfiguration", TrailName="audit") == {"TrailARN": ARN, "AggregationConfigurations": []}
    advanced = [("eventCategory", "Data"), ("resources.type", "AWS::S3::Object")]
    fields = [{"Field": field, "Equals": [value]} for field, value in advanced]
    api("PutEventSelectors", TrailName="audit", AdvancedEventSelectors=[{"FieldSelectors": fields}])
    aggregated = [{"Templates": ["USER_ACTIONS", "API_ACTIVITY"], "EventCategory": "Data"}]
    answer = api("PutEventConfiguration", TrailName=ARN, AggregationConfigurations=aggregated)
    assert answer == {"TrailARN": ARN, "AggregationConfigurations": aggregated}
    assert api("GetEventConfiguration", TrailName="audit") == answer
    assert api("PutEventConfiguration", TrailName="audit", AggregationConfigurations=[])["AggregationConfigurations"] == []


WHOSE = [
    # operation, parameters, fault: a trail or an event data store, and of the latter there is none yet
    ("GetInsightSelectors", {}, "InvalidParameterCombinationException"),
    ("GetInsightSelectors", {"TrailName": "audit", "EventDataStore": "some"}, "InvalidParameterCombinationException"),
    ("GetInsightSelectors", {"EventDataStore": "some"}, "InvalidParameterException"),
    ("GetInsightSelectors", {"TrailName": "absent"}, "TrailNotFoundException"),
    ("GetInsightSelectors", {"TrailName": "a"}, "InvalidTrailNameException"),
    ("PutInsightSelectors", {"InsightSelectors": []}, "InvalidParameterCombinationException"),
    ("PutInsightSelectors", {"EventDataStore": "some", "InsightSelectors": [{}]}, "InvalidParameterCombinationException"),
    ("PutInsightSelectors", {"TrailName": "audit", "InsightsDestination": "some", "InsightSelectors": []}, "InvalidParameterCombinationE"),
    ("PutInsightSelectors", {"EventDataStore": "some", "InsightsDestination": "some", "InsightSelectors": []}, "InvalidParameterException"),
    ("GetEventConfiguration", {}, "InvalidParameterCombinationException"),
    ("GetEventConfiguration", {"EventDataStore": "some"}, "EventDataStoreNotFoundException"),
    ("PutEventConfiguration", {"TrailName": "audit", "EventDataStore": "some"}, "InvalidParameterCombinationException"),
    ("PutEventConfiguration", {"EventDataStore": "some", "MaxEventSize": "Large"}, "EventDataStoreNotFoundException"),
    ("PutEventConfiguration", {"TrailName": "audit", "MaxEventSize": "Large"}, "InvalidParameterCombinationException"),
]


@pytest.mark.parametrize(("operation", "parameters", "code"), WHOSE)
def test_insights_and_configurations_are_a_trail_s_or_a_store_s(api: Api, operation: str, parameters: dict[str, Any], code: str) -> None:
    api("CreateTrail", Name="audit", S3BucketName="logs")
    assert api.fault(operation, **parameters)[0].startswith(code)


AWAY = {
    "UpdateTrail": "Name",
    "DeleteTrail": "Name",
    "StartLogging": "Name",
    "StopLogging": "Name",
    "PutEventSelectors": "TrailName",
    "PutInsightSelectors": "TrailName",
    "PutEventConfiguration": "TrailName",
}
MORE: dict[str, dict[str, Any]] = {
    "PutEventSelectors": {"EventSelectors": [{}]},
    "PutInsightSelectors": {"InsightSelectors": []},
    "PutEventConfiguration": {"AggregationConfigurations": []},
}


@pytest.mark.parametrize("operation", AWAY)
def test_a_shadow_is_never_edited(api: Api, operation: str) -> None:
    api("CreateTrail", Name="audit", S3BucketName="logs", IsMultiRegionTrail=True)
    before = api("GetTrail", Name="audit")
    for name in ("audit", ARN):
        code, message = api.fault(operation, "eu-west-1", **{AWAY[operation]: name}, **MORE.get(operation, {}))
        assert code == "InvalidHomeRegionException"
        assert "us-east-1" in message
    assert api.fault(operation, "cn-north-1", **{AWAY[operation]: "audit"}, **MORE.get(operation, {}))[0] == "TrailNotFoundException"
    assert api("GetTrail", "eu-west-1", Name=ARN) == before


@pytest.mark.parametrize("operation", ["GetEventSelectors", "GetInsightSelectors", "GetEventConfiguration"])
def test_selectors_are_told_at_home_only(api: Api, operation: str) -> None:
    api("CreateTrail", Name="audit", S3BucketName="logs", IsMultiRegionTrail=True)
    assert api.fault(operation, "eu-west-1", TrailName=ARN) == (
        "CloudTrailARNInvalidException",
        "Region in ARN is wrong, you can only access resources in region eu-west-1.",
    )
    assert api.fault(operation, "eu-west-1", TrailName="audit")[0] == "TrailNotFoundException"


def test_public_keys(api: Api) -> None:
    now = api.world.clock.now()
    (key,) = api("ListPublicKeys")["PublicKeyList"]
    assert set(key) == {"Value", "ValidityStartTime", "ValidityEndTime", "Fingerprint"}
    assert key["ValidityEndTime"] - key["ValidityStartTime"] == timedelta(days=30)
    hour = timedelta(hours=1)
    assert api("ListPublicKeys", StartTime=now - hour, EndTime=now + hour) == {"PublicKeyList": [key]}
    assert api("ListPublicKeys", StartTime=now - 2 * hour, EndTime=now - hour) == {"PublicKeyList": []}
    assert api.fault("ListPublicKeys", StartTime=now, EndTime=now - hour)[0] == "InvalidTimeRangeException"
    assert api.fault("ListPublicKeys", NextToken="x")[0] == "InvalidTokenException"


def test_tag_operations(api: Api) -> None:
    api("CreateTrail", Name="audit", S3BucketName="logs")
    assert api("AddTags", ResourceId=ARN, TagsList=[{"Key": "a", "Value": "1"}, {"Key": "b"}]) == {}
    assert api("RemoveTags", ResourceId=ARN, TagsList=[{"Key": "a"}]) == {}
    assert api("ListTags", ResourceIdList=[ARN]) == {"ResourceTagList": [{"ResourceId": ARN, "TagsList": [{"Key": "b"}]}]}
    assert api.fault("ListTags", ResourceIdList=[ARN], NextToken="x")[0] == "InvalidTokenException"


NEEDS = [
    ("CreateTrail", {"Name": "audit", "S3BucketName": "logs"}, [("cloudtrail:CreateTrail", ARN)]),
    (
        "CreateTrail",
        {"Name": "audit", "S3BucketName": "logs", "TagsList": [{"Key": "k"}]},
        [("cloudtrail:CreateTrail", ARN), ("cloudtrail:AddTags", ARN)],
    ),
    ("StopLogging", {"Name": ARN}, [("cloudtrail:StopLogging", ARN)]),
    ("GetTrailStatus", {"Name": "audit"}, [("cloudtrail:GetTrailStatus", ARN)]),
    ("PutEventSelectors", {"TrailName": "audit"}, [("cloudtrail:PutEventSelectors", ARN)]),
    ("GetInsightSelectors", {"TrailName": "audit"}, [("cloudtrail:GetInsightSelectors", ARN)]),
    ("PutInsightSelectors", {"TrailName": ARN, "InsightSelectors": []}, [("cloudtrail:PutInsightSelectors", ARN)]),
    ("GetEventConfiguration", {"EventDataStore": "some"}, [("cloudtrail:GetEventConfiguration", STORES + "some")]),
    ("PutEventConfiguration", {"EventDataStore": STORES + "some"}, [("cloudtrail:PutEventConfiguration", STORES + "some")]),
    ("PutEventConfiguration", {}, [("cloudtrail:PutEventConfiguration", STORES + "*")]),
    ("AddTags", {"ResourceId": ARN, "TagsList": []}, [("cloudtrail:AddTags", ARN)]),
    ("ListTags", {"ResourceIdList": [ARN, ARN + "2"]}, [("cloudtrail:ListTags", ARN), ("cloudtrail:ListTags", ARN + "2")]),
    ("ListTags", {"ResourceIdList": []}, [("cloudtrail:ListTags", "*")]),
    ("DescribeTrails", {}, [("cloudtrail:DescribeTrails", "*")]),
    ("ListTrails", {}, [("cloudtrail:ListTrails", "*")]),
    ("ListPublicKeys", {}, [("cloudtrail:ListPublicKeys", "*")]),
    ("LookupEvents", {}, [("cloudtrail:LookupEvents", "*")]),
]


@pytest.mark.parametrize(("operation", "parameters", "expected"), NEEDS)
def test_what_an_operation_needs(api: Api, operation: str, parameters: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    needs = api.service.needs(api.call_of(operation, **parameters))
    assert [(need.action, need.resource) for need in needs] == expected


def test_tags_are_condition_keys(api: Api) -> None:
    tagged = [{"Key": "team", "Value": "sec"}, {"Key": "bare"}]
    (create, add) = api.service.needs(api.call_of("CreateTrail", Name="audit", S3BucketName="logs", TagsList=tagged))
    assert dict(create.context) == {
        "aws:TagKeys": ("team", "bare"),
        "aws:RequestTag/team": ("sec",),
        "aws:RequestTag/bare": ("",),
    }
    assert add.context == create.context
    api("CreateTrail", Name="audit", S3BucketName="logs", TagsList=tagged)
    (need,) = api.service.needs(api.call_of("StopLogging", Name="audit"))
    assert dict(need.context) == {"aws:ResourceTag/team": ("sec",), "aws:ResourceTag/bare": ("",)}
    (need,) = api.service.needs(api.call_of("RemoveTags", ResourceId=ARN, TagsList=[{"Key": "team"}]))
    assert need.context["aws:TagKeys"] == ("team",)
    assert "aws:RequestTag/team" not in need.context


def test_other_handlers_can_be_added(api: Api) -> None:
    assert api("LookupEvents") == {"Events": []}
    assert "CreateEventDataStore" not in api.service.operations


MISSING = [
    ("CreateTrail", {}, ["name", "s3BucketName"]),
    ("StopLogging", {}, ["name"]),
    ("AddTags", {"ResourceId": ARN, "TagsList": [{"Key": "a"}, {"Value": "b"}, None]}, ["tagsList.2.member.key", "tagsList.3.member"]),
    (
        "PutEventSelectors",
        {"TrailName": "audit", "AdvancedEventSelectors": [{"FieldSelectors": [{"Equals": ["x"]}]}]},
        ["advancedEventSelectors.1.member.fieldSelectors.1.member.field"],
    ),
    ("DescribeTrails", {"trailNameList": [None]}, ["trailNameList.1.member"]),
]


@pytest.mark.parametrize(("operation", "parameters", "missing"), MISSING)
def test_a_request_without_what_it_requires(api: Api, operation: str, parameters: dict[str, Any], missing: list[str]) -> None:
    with pytest.raises(Fault) as raised:
        api.service.needs(api.unchecked(operation, HOME, parameters))
    assert raised.value.code == "ValidationException"
    assert [part.split("'")[1] for part in raised.value.message.split("; ")] == missing

"""Log groups, metrics and alarms, event buses as a stranger uses them: each operation once well and often badly, and without permission.

What is refused is refused with a code that botocore's model of the operation knows, or one that every operation of the service may answer
with; nothing is answered with a 500, and the server writes no traceback.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from simulators.running import RunningOpenTrail, wait_for

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
GROUP: Final = "/table/group"
GROUP_ARN: Final = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}"
ALARM_ARN: Final = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:table"
RULE_ARN: Final = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/table"
QUEUE: Final = f"arn:aws:sqs:{REGION}:{ACCOUNT}:table"
NOW: Final = int(time.time() * 1000)
EVENT: Final = {"id": "1", "account": ACCOUNT, "source": "a", "time": "2026-01-05T10:11:12Z", "region": REGION, "resources": []}
PERMISSION: Final = {"Action": "events:PutEvents", "Principal": "111122223333", "StatementId": "s"}
POLICY: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "logs:PutLogEvents", "Resource": "*"}],
}
METRIC: Final = {"Namespace": "table", "MetricName": "m"}
HOUR: Final = {"StartTime": NOW / 1000 - 3600, "EndTime": NOW / 1000 + 60}
STAT: Final = {"Metric": METRIC, "Period": 60, "Stat": "Sum"}
KEY: Final = {"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v-hidden"}}

Row = tuple[str, dict[str, Any], str | None]
"""Operation, parameters, and a member that the answer has."""
TABLE: Final[Mapping[str, list[Row]]] = {
    "logs": [
        ("CreateLogGroup", {"logGroupName": GROUP, "tags": {"a": "b"}}, None),
        ("DescribeLogGroups", {"logGroupNamePrefix": GROUP}, "logGroups"),
        ("CreateLogStream", {"logGroupName": GROUP, "logStreamName": "s"}, None),
        ("DescribeLogStreams", {"logGroupName": GROUP}, "logStreams"),
        (
            "PutLogEvents",
            {"logGroupName": GROUP, "logStreamName": "s", "logEvents": [{"timestamp": NOW, "message": '{"a": 1}'}]},
            "nextSequenceToken",
        ),
        ("GetLogEvents", {"logGroupName": GROUP, "logStreamName": "s"}, "nextForwardToken"),
        ("FilterLogEvents", {"logGroupName": GROUP, "filterPattern": "{ $.a = 1 }"}, "events"),
        ("PutRetentionPolicy", {"logGroupName": GROUP, "retentionInDays": 7}, None),
        ("DeleteRetentionPolicy", {"logGroupName": GROUP}, None),
        (
            "PutMetricFilter",
            {
                "logGroupName": GROUP,
                "filterName": "f",
                "filterPattern": "{ $.a = 1 }",
                "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
            },
            None,
        ),
        ("DescribeMetricFilters", {"logGroupName": GROUP}, "metricFilters"),
        ("TestMetricFilter", {"filterPattern": "{ $.a = 1 }", "logEventMessages": ['{"a": 1}']}, "matches"),
        ("DeleteMetricFilter", {"logGroupName": GROUP, "filterName": "f"}, None),
        ("DescribeSubscriptionFilters", {"logGroupName": GROUP}, "subscriptionFilters"),
        ("PutResourcePolicy", {"policyName": "p", "policyDocument": json.dumps(POLICY)}, "resourcePolicy"),
        ("DescribeResourcePolicies", {}, "resourcePolicies"),
        ("DeleteResourcePolicy", {"policyName": "p"}, None),
        ("TagResource", {"resourceArn": GROUP_ARN, "tags": {"c": "d"}}, None),
        ("ListTagsForResource", {"resourceArn": GROUP_ARN}, "tags"),
        ("UntagResource", {"resourceArn": GROUP_ARN, "tagKeys": ["c"]}, None),
        ("TagLogGroup", {"logGroupName": GROUP, "tags": {"c": "d"}}, None),
        ("ListTagsLogGroup", {"logGroupName": GROUP}, "tags"),
        ("UntagLogGroup", {"logGroupName": GROUP, "tags": ["c"]}, None),
        ("DisassociateKmsKey", {"logGroupName": GROUP}, None),
        ("DeleteLogStream", {"logGroupName": GROUP, "logStreamName": "s"}, None),
        ("DeleteLogGroup", {"logGroupName": GROUP}, None),
    ],
    "cloudwatch": [
        ("PutMetricData", {"Namespace": "table", "MetricData": [{"MetricName": "m", "Value": 2.5}]}, None),
        ("GetMetricStatistics", {**METRIC, **HOUR, "Period": 60, "Statistics": ["Sum"]}, "Datapoints"),
        ("GetMetricData", {**HOUR, "MetricDataQueries": [{"Id": "q", "MetricStat": STAT}]}, "MetricDataResults"),
        ("ListMetrics", {"Namespace": "table"}, "Metrics"),
        (
            "PutMetricAlarm",
            {
                "AlarmName": "table",
                **METRIC,
                "Statistic": "Sum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 1.0,
                "ComparisonOperator": "GreaterThanThreshold",
            },
            None,
        ),
        ("PutCompositeAlarm", {"AlarmName": "both", "AlarmRule": "ALARM(table)"}, None),
        ("DescribeAlarms", {"AlarmNames": ["table"]}, "MetricAlarms"),
        ("DescribeAlarmsForMetric", METRIC, "MetricAlarms"),
        ("DescribeAlarmHistory", {"AlarmName": "table"}, "AlarmHistoryItems"),
        ("DisableAlarmActions", {"AlarmNames": ["table"]}, None),
        ("EnableAlarmActions", {"AlarmNames": ["table"]}, None),
        ("SetAlarmState", {"AlarmName": "table", "StateValue": "OK", "StateReason": "r"}, None),
        ("TagResource", {"ResourceARN": ALARM_ARN, "Tags": [{"Key": "a", "Value": "b"}]}, None),
        ("ListTagsForResource", {"ResourceARN": ALARM_ARN}, "Tags"),
        ("UntagResource", {"ResourceARN": ALARM_ARN, "TagKeys": ["a"]}, None),
        ("DeleteAlarms", {"AlarmNames": ["both"]}, None),
        ("DeleteAlarms", {"AlarmNames": ["table"]}, None),
    ],
    "events": [
        ("CreateEventBus", {"Name": "table"}, "EventBusArn"),
        ("DescribeEventBus", {"Name": "table"}, "Arn"),
        ("ListEventBuses", {}, "EventBuses"),
        ("PutPermission", {"EventBusName": "table", **PERMISSION}, None),
        ("RemovePermission", {"EventBusName": "table", "StatementId": "s"}, None),
        ("PutRule", {"Name": "table", "EventPattern": '{"source": ["a"]}'}, "RuleArn"),
        ("DescribeRule", {"Name": "table"}, "EventPattern"),
        ("ListRules", {"NamePrefix": "table"}, "Rules"),
        ("DisableRule", {"Name": "table"}, None),
        ("EnableRule", {"Name": "table"}, None),
        ("PutTargets", {"Rule": "table", "Targets": [{"Id": "q", "Arn": QUEUE}]}, "FailedEntryCount"),
        ("ListTargetsByRule", {"Rule": "table"}, "Targets"),
        ("ListRuleNamesByTarget", {"TargetArn": QUEUE}, "RuleNames"),
        ("RemoveTargets", {"Rule": "table", "Ids": ["q"]}, "FailedEntryCount"),
        ("TestEventPattern", {"EventPattern": '{"source": ["a"]}', "Event": json.dumps(EVENT | {"detail-type": "t"})}, "Result"),
        ("PutEvents", {"Entries": [{"Source": "a", "DetailType": "t", "Detail": "{}", "EventBusName": "table"}]}, "Entries"),
        ("TagResource", {"ResourceARN": RULE_ARN, "Tags": [{"Key": "a", "Value": "b"}]}, None),
        ("ListTagsForResource", {"ResourceARN": RULE_ARN}, "Tags"),
        ("UntagResource", {"ResourceARN": RULE_ARN, "TagKeys": ["a"]}, None),
        ("CreateConnection", {"Name": "table", "AuthorizationType": "API_KEY", "AuthParameters": KEY}, "ConnectionArn"),
        ("DescribeConnection", {"Name": "table"}, "ConnectionArn"),
        ("DeleteConnection", {"Name": "table"}, "ConnectionState"),
        ("DeleteRule", {"Name": "table"}, None),
        ("DeleteEventBus", {"Name": "table"}, None),
    ],
}
COMMON: Final[Mapping[str, frozenset[str]]] = {
    # what every operation of the service may answer with ("Common Errors" of its API reference; EventBridge, CloudWatch: ValidationError)
    "logs": frozenset({"InvalidParameterException", "SerializationException", "ResourceNotFoundException", "AccessDeniedException"}),
    "cloudwatch": frozenset({"ValidationError", "SerializationException", "InvalidParameterValue", "MalformedInput", "MissingParameter"}),
    "events": frozenset({"ValidationException", "SerializationException"}),
}
HOSTILE: Final = ("", "../..", "a\0b", "x" * 10_000, "\U0001f600", "' OR 1=1 --", "arn:aws:x")


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    running = RunningOpenTrail(tmp_path_factory.mktemp("watch-services"), settings={"trails.delivery_interval": 0.5})
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module", params=sorted(TABLE))
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refusal(client: Any, operation: str, given: Any) -> tuple[int, str]:
    """Status and code of the answer; 200 and no text when the call succeeds."""
    try:
        client._make_api_call(operation, given)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return 200, ""


def known(client: Any, operation: str) -> frozenset[str]:
    """Codes with which the operation may refuse."""
    model = client.meta.service_model
    shapes = model.operation_model(operation).error_shapes
    return COMMON[model.service_name] | {shape.metadata.get("error", {}).get("code") or shape.name for shape in shapes}


def spoilt(given: dict[str, Any], needed: list[str], *, types: bool) -> Iterator[dict[str, Any]]:
    """The parameters with each text in turn replaced by each hostile one, with each needed member left out, and of a wrong type."""
    for member, value in given.items():
        if member in needed:
            yield {name: kept for name, kept in given.items() if name != member}
        if isinstance(value, str):
            yield from ({**given, member: text} for text in HOSTILE)
        if types:
            yield from ({**given, member: wrong} for wrong in (5, True, -1, 10**30, None) if not isinstance(value, list | dict))


def test_each_operation_works_and_refuses_what_is_wrong(opentrail: RunningOpenTrail, service: str) -> None:
    well = opentrail.client(service)
    badly = opentrail.client(service, parameter_validation=False)
    wrong: list[Any] = []
    for operation, given, member in TABLE[service]:
        codes = known(well, operation)
        needed = well.meta.service_model.operation_model(operation).input_shape.required_members
        # The older protocols of CloudWatch are written by boto3 from the model, which fails by itself on a wrong type.
        for bad in spoilt(given, needed, types=service != "cloudwatch"):
            status, code = refusal(badly, operation, bad)
            if status >= 500 or (code and code not in codes):
                wrong.append((operation, str(bad)[:200], status, code))
        if operation == "PutResourcePolicy":  # an account has ten; some of the names that were tried can be
            for policy in well.describe_resource_policies()["resourcePolicies"]:
                well.delete_resource_policy(policyName=policy["policyName"])
        answer = well._make_api_call(operation, given)
        if member is not None and member not in answer:
            wrong.append((operation, "lacks", member))
    assert not wrong
    assert "Traceback" not in opentrail.log.read_text()


def test_pages_go_on_where_they_ended_and_tokens_of_others_are_refused(opentrail: RunningOpenTrail) -> None:
    logs, watch, events = (opentrail.client(name) for name in ("logs", "cloudwatch", "events"))
    for number in range(5):
        logs.create_log_group(logGroupName=f"/pages/{number}")
        watch.put_metric_alarm(
            AlarmName=f"pages-{number}", **METRIC, Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        events.put_rule(Name=f"pages-{number}", ScheduleExpression="rate(1 day)")
    groups = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/pages/", PaginationConfig={"PageSize": 2})
    assert [len(page["logGroups"]) for page in groups] == [2, 2, 1]
    alarms = watch.get_paginator("describe_alarms").paginate(AlarmNamePrefix="pages-", PaginationConfig={"PageSize": 2})
    assert [alarm["AlarmName"] for page in alarms for alarm in page["MetricAlarms"]] == [f"pages-{number}" for number in range(5)]
    rules = events.get_paginator("list_rules").paginate(NamePrefix="pages-", PaginationConfig={"PageSize": 2})
    assert [rule["Name"] for page in rules for rule in page["Rules"]] == [f"pages-{number}" for number in range(5)]
    for token in ("nonsense", "../..", "x" * 1000):
        assert refusal(logs, "DescribeLogGroups", {"nextToken": token})[1] == "InvalidParameterException"
        assert refusal(watch, "DescribeAlarms", {"NextToken": token})[1] in ("InvalidNextToken", "ValidationError")
        assert refusal(events, "ListRules", {"NextToken": token})[1] == "ValidationException"


def user(opentrail: RunningOpenTrail, name: str, *statements: dict[str, Any]) -> tuple[str, str]:
    """A key of a new user with these permissions."""
    iam = opentrail.client("iam")
    iam.create_user(UserName=name)
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_what_is_denied_is_recorded_as_denied(opentrail: RunningOpenTrail) -> None:
    nobody = user(opentrail, "nobody")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    denied = {"logs": "DescribeLogGroups", "cloudwatch": "DescribeAlarms", "events": "ListRules"}
    actions = [f"{service}:{name}" for service, name in denied.items()]
    almost = user(opentrail, "almost", everything, {"Effect": "Deny", "Action": actions, "Resource": "*"})
    others = {"logs": "DescribeResourcePolicies", "cloudwatch": "ListMetrics", "events": "ListEventBuses"}
    for service, operation in denied.items():
        for key in (nobody, almost):
            status, code = refusal(opentrail.client(service, key=key), operation, {})
            assert status in (400, 403)
            assert code in ("AccessDeniedException", "AccessDenied")
        assert refusal(opentrail.client(service, key=almost), others[service], {}) == (200, "")
        assert refusal(opentrail.client(service, key=nobody), others[service], {})[0] in (400, 403)

    def recorded(key: str) -> set[tuple[str, str]]:
        """Who was denied what, as the event history knows it."""
        pages = opentrail.client("cloudtrail").get_paginator("lookup_events")
        found = pages.paginate(LookupAttributes=[{"AttributeKey": "AccessKeyId", "AttributeValue": key}])
        records = [json.loads(event["CloudTrailEvent"]) for page in found for event in page["Events"]]
        return {(record["eventName"], record["errorCode"]) for record in records if "errorCode" in record}

    expected = {(name, "AccessDenied") for name in denied.values()}
    for key in (nobody, almost):
        assert wait_for(lambda key=key: expected <= (seen := recorded(key[0])) and seen)


def test_log_lines_and_secrets_of_connections_are_in_no_record(opentrail: RunningOpenTrail) -> None:
    logs, events = opentrail.client("logs"), opentrail.client("events")
    logs.create_log_group(logGroupName="/quiet")
    logs.create_log_stream(logGroupName="/quiet", logStreamName="s")
    for _ in range(3):
        logs.put_log_events(logGroupName="/quiet", logStreamName="s", logEvents=[{"timestamp": NOW, "message": "line-hidden"}])
    logs.get_log_events(logGroupName="/quiet", logStreamName="s")
    logs.test_metric_filter(filterPattern="line", logEventMessages=["line-hidden"])
    tested = EVENT | {"detail-type": "t", "detail": {"a": "detail-hidden"}}
    events.test_event_pattern(EventPattern='{"source": ["a"]}', Event=json.dumps(tested))
    parameters = {"BasicAuthParameters": {"Username": "u", "Password": "word-hidden"}}
    parameters["InvocationHttpParameters"] = {"HeaderParameters": [{"Key": "h", "Value": "header-hidden", "IsValueSecret": True}]}  # type: ignore[dict-item]
    events.create_connection(Name="quiet", AuthorizationType="BASIC", AuthParameters=parameters)
    events.put_events(Entries=[{"Source": "a", "DetailType": "t", "Detail": '{"a": "detail-hidden"}'}])
    watch = opentrail.client("cloudtrail")

    def names() -> dict[str, str]:
        pages = watch.get_paginator("lookup_events").paginate()
        return {event["EventName"]: event["CloudTrailEvent"] for page in pages for event in page["Events"]}

    found = wait_for(lambda: (seen := names()).get("CreateConnection") and seen)
    assert "GetLogEvents" in found
    assert "PutLogEvents" not in found
    assert {"TestMetricFilter", "TestEventPattern"} <= set(found)
    secrets = ("line-hidden", "word-hidden", "header-hidden", "detail-hidden")
    assert [(name, secret) for name, record in found.items() for secret in secrets if secret in record] == []


def test_the_health_page_and_the_status_verb_show_the_watch(opentrail: RunningOpenTrail) -> None:
    watch = wait_for(lambda: (found := opentrail.health()["watch"])["status"] == "ok" and found)
    assert watch["followers"]
    shown = opentrail.opentrail("status").stdout
    assert "Watch: ok" in shown
    assert all(name in shown for name in watch["followers"])


def test_what_belongs_to_others_or_is_nowhere_is_refused(opentrail: RunningOpenTrail) -> None:
    opentrail.client("logs").create_log_group(logGroupName="/mine")
    other = GROUP_ARN.replace(ACCOUNT, "111122223333")
    nowhere = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:none"
    rows = [
        ("logs", "FilterLogEvents", {"logGroupIdentifier": other}),
        ("logs", "TagResource", {"resourceArn": other, "tags": {"a": "b"}}),
        ("logs", "AssociateKmsKey", {"logGroupName": "/mine", "kmsKeyId": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/none"}),
        (
            "logs",
            "PutSubscriptionFilter",
            {"logGroupName": "/mine", "filterName": "f", "filterPattern": "", "destinationArn": nowhere},
        ),
        ("logs", "DeleteSubscriptionFilter", {"logGroupName": "/mine", "filterName": "f"}),
        ("events", "DescribeRule", {"Name": "r", "EventBusName": f"arn:aws:events:{REGION}:111122223333:event-bus/default"}),
        ("events", "DescribeEventBus", {"Name": f"arn:aws:events:{REGION}:111122223333:event-bus/default"}),
        ("cloudwatch", "ListTagsForResource", {"ResourceARN": ALARM_ARN.replace(ACCOUNT, "111122223333")}),
        ("cloudwatch", "SetAlarmState", {"AlarmName": "none", "StateValue": "OK", "StateReason": "r"}),
    ]
    for service, operation, given in rows:
        client = opentrail.client(service)
        status, code = refusal(client, operation, given)
        assert (operation, status) in ((operation, 400), (operation, 403), (operation, 404))
        assert code in known(client, operation) | {"AccessDenied", "AccessDeniedException"}, (operation, code)

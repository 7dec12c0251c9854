"""Insights end to end: a week of calls lies in the journal, then a burst. What is told of it, where, and by which numbers."""

from __future__ import annotations

import calendar
import gzip
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.buckets import trail_policy
from simulators.call_history import ACCOUNT, REGION, call, fill, times
from simulators.running import RunningOpenTrail, wait_for

TRAIL_ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/audit"
ALL_OF_S3 = {"Field": "resources.type", "Equals": ["AWS::S3::Object"]}
BOTH = [
    {"InsightType": "ApiCallRateInsight", "EventCategories": ["Management", "Data"]},
    {"InsightType": "ApiErrorRateInsight"},
]
INTRUDER = {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/somebody", "accountId": ACCOUNT}
DAY = 86_400.0


class World:
    """The server, and the stores that take part."""

    def __init__(self, running: RunningOpenTrail) -> None:
        self.running = running
        self.cloudtrail = running.client("cloudtrail")
        self.s3 = running.client("s3")
        self.source, self.destination, self.bystander = "", "", ""
        self.burst = 0.0
        self.calls = 0

    def switch_on(self) -> None:
        """A trail on management and data events, an event data store on management events."""
        for name in ("audit", "plain"):
            arn = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{name}"
            self.s3.create_bucket(Bucket=f"{name}-logs")
            self.s3.put_bucket_policy(Bucket=f"{name}-logs", Policy=json.dumps(trail_policy(f"{name}-logs", arn, ACCOUNT)))
            self.cloudtrail.create_trail(Name=name, S3BucketName=f"{name}-logs")
        data = {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}, ALL_OF_S3]}
        management = {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}
        self.cloudtrail.put_event_selectors(TrailName="audit", AdvancedEventSelectors=[management, data])
        self.cloudtrail.put_insight_selectors(TrailName="audit", InsightSelectors=BOTH)
        self.cloudtrail.start_logging(Name="audit")
        self.cloudtrail.start_logging(Name="plain")
        insights = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Insight"]}]}]
        self.source = self.cloudtrail.create_event_data_store(Name="calls")["EventDataStoreArn"]
        for name in ("destination", "bystander"):
            made = self.cloudtrail.create_event_data_store(Name=name, AdvancedEventSelectors=insights)
            setattr(self, name, made["EventDataStoreArn"])
        self.cloudtrail.put_insight_selectors(
            EventDataStore=self.source,
            InsightsDestination=self.destination,
            InsightSelectors=[{"InsightType": "ApiCallRateInsight"}],
        )

    def history(self) -> list[dict[str, Any]]:
        """Seven quiet days and a half, then five minutes in which a role deletes keys, and writes objects, as fast as it can."""
        now = time.time()
        self.burst = now - now % 60 - 30 * 60
        begin, end = self.burst - 7.5 * DAY, now
        made = [call(at, "iam.amazonaws.com", "DeleteAccessKey") for at in times(begin, end, 0.1, seed=1)]
        made += [call(at, "s3.amazonaws.com", "PutObject", **_DATA) for at in times(begin, end, 0.1, seed=2)]
        calls = list(times(self.burst, self.burst + 300, 60, seed=3))
        in_burst = [one for one in made if one["eventName"] == "DeleteAccessKey" and self.burst <= _epoch(one) < self.burst + 300]
        self.calls = len(in_burst) + len(calls)
        for at in calls:
            made.append(call(at, "iam.amazonaws.com", "DeleteAccessKey", userIdentity=INTRUDER, userAgent="script/1.0"))
            made.append(call(at, "s3.amazonaws.com", "PutObject", userIdentity=INTRUDER, userAgent="script/1.0", **_DATA))
        return made

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The answer, as soon as the limit of requests allows it."""

        def answer() -> Any:
            try:
                return getattr(self.cloudtrail, operation)(**parameters)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ThrottlingException":
                    raise
                return None

        found: dict[str, Any] = wait_for(answer, pause=0.2)
        return found

    def found(self, **parameters: Any) -> list[dict[str, Any]]:
        """The Insights records that LookupEvents shows, oldest first."""
        events = self.cloudtrail.lookup_events(EventCategory="insight", **parameters)["Events"]
        return [json.loads(event["CloudTrailEvent"]) for event in reversed(events)]

    def query(self, store_arn: str, columns: str) -> list[list[dict[str, str]]]:
        """What the Lake answers."""
        statement = f"SELECT {columns} FROM {store_arn.rpartition('/')[2]}"
        query = self.cloudtrail.start_query(QueryStatement=statement)["QueryId"]
        wait_for(lambda: self.cloudtrail.describe_query(QueryId=query)["QueryStatus"] not in ("QUEUED", "RUNNING"))
        rows: list[list[dict[str, str]]] = self.cloudtrail.get_query_results(QueryId=query)["QueryResultRows"]
        return rows


_DATA: dict[str, Any] = {
    "eventCategory": "Data",
    "managementEvent": False,
    "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::somewhere/a"}],
}


def _epoch(record: dict[str, Any]) -> float:
    return calendar.timegm(time.strptime(record["eventTime"], "%Y-%m-%dT%H:%M:%SZ"))


def _iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


@pytest.fixture(scope="module")
def world(opentrail: RunningOpenTrail) -> World:
    made = World(opentrail)
    made.switch_on()
    opentrail.stop()
    fill(opentrail.data, made.history())
    opentrail.start()
    # Start and end of both: of management events in the history, of data events at the trail.
    wait_for(lambda: len(made.found()) >= 2, patience=120)
    wait_for(lambda: len(made.ask("list_insights_data", InsightSource=TRAIL_ARN, DataType="InsightsEvents")["Events"]) >= 2, patience=120)
    return made


def test_the_event_history_tells_of_start_and_end(world: World) -> None:
    start, end = world.found(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "DeleteAccessKey"}])
    assert (start["eventTime"], end["eventTime"]) == (_iso(world.burst), _iso(world.burst + 300))
    assert start["sharedEventID"] == end["sharedEventID"]
    assert start["eventID"] != end["eventID"]
    details = start["insightDetails"]
    assert (details["state"], details["insightType"]) == ("Start", "ApiCallRateInsight")
    assert (details["eventSource"], details["sourceEventCategory"]) == ("iam.amazonaws.com", "Management")
    assert "insightSource" not in details
    statistics = details["insightContext"]["statistics"]
    assert 0.08 < statistics["baseline"]["average"] < 0.12
    assert statistics["insight"]["average"] > 40
    assert statistics["baselineDuration"] >= 10_080
    callers, agents, codes = details["insightContext"]["attributions"]
    assert (callers["attribute"], agents["attribute"], codes["attribute"]) == ("userIdentityArn", "userAgent", "errorCode")
    assert callers["insight"][0]["value"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer"
    assert [one["value"] for one in callers["baseline"]] == [f"arn:aws:iam::{ACCOUNT}:user/anna"]
    assert [one["value"] for one in codes["insight"]] == ["null"]
    assert end["insightDetails"]["insightContext"]["statistics"]["insightDuration"] == 5


def test_the_usual_history_does_not_have_them(world: World) -> None:
    ids = {record["eventID"] for record in world.found()}
    events = [
        event["EventId"]
        for page in world.cloudtrail.get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "iam.amazonaws.com"}], PaginationConfig={"MaxItems": 400}
        )
        for event in page["Events"]
    ]
    assert len(events) == 400
    assert not ids & set(events)


def test_the_bucket_gets_them_where_the_trail_asked_for_them(world: World) -> None:
    wanted = {record["eventID"] for record in world.found()}

    def records() -> list[dict[str, Any]]:
        prefix = f"AWSLogs/{ACCOUNT}/CloudTrail-Insight/{REGION}/"
        listed = world.s3.list_objects_v2(Bucket="audit-logs", Prefix=prefix).get("Contents", [])
        bodies = [world.s3.get_object(Bucket="audit-logs", Key=one["Key"])["Body"].read() for one in listed]
        return [record for body in bodies for record in json.loads(gzip.decompress(body))["Records"]]

    of_data = {event["EventId"] for event in world.ask("list_insights_data", InsightSource=TRAIL_ARN, DataType="InsightsEvents")["Events"]}
    assert wait_for(lambda: {record["eventID"] for record in records()} == wanted | of_data or None)
    assert {record["eventCategory"] for record in records()} == {"Insight"}
    assert "Contents" not in world.s3.list_objects_v2(Bucket="plain-logs", Prefix=f"AWSLogs/{ACCOUNT}/CloudTrail-Insight/")


def test_insights_of_data_events_are_the_trails_own(world: World) -> None:
    asked = {"InsightSource": TRAIL_ARN, "DataType": "InsightsEvents"}
    first = world.ask("list_insights_data", **asked, MaxResults=1)
    second = world.ask("list_insights_data", **asked, MaxResults=1, NextToken=first["NextToken"])
    assert "NextToken" not in second
    end, start = first["Events"][0], second["Events"][0]
    assert (end["EventName"], end["EventSource"]) == ("PutObject", "s3.amazonaws.com")
    details = json.loads(start["CloudTrailEvent"])["insightDetails"]
    assert (details["state"], details["sourceEventCategory"], details["insightSource"]) == ("Start", "Data", TRAIL_ARN)
    found = world.ask("list_insights_data", **asked, Dimensions={"EventId": start["EventId"]})["Events"]
    assert [event["EventId"] for event in found] == [start["EventId"]]
    assert all(record["insightDetails"]["eventName"] != "PutObject" for record in world.found())
    with pytest.raises(ClientError, match="InvalidParameterException"):
        world.ask("list_insights_data", **{**asked, "InsightSource": TRAIL_ARN + "x"})


def test_the_destination_of_the_store_gets_what_was_found_in_it(world: World) -> None:
    columns = "insightState, insightEventName, insightSource, insightContext.insightAverage, sharedEventID"
    rows = wait_for(lambda: found if len(found := world.query(world.destination, columns)) == 2 else None)
    states = [{name: value for cell in row for name, value in cell.items()} for row in rows]
    assert {row["insightState"] for row in states} == {"Start", "End"}
    assert {(row["insightEventName"], row["insightSource"]) for row in states} == {("DeleteAccessKey", world.source)}
    assert len({row["sharedEventID"] for row in states}) == 1
    assert world.query(world.bystander, "insightState") == []


def test_metric_data_shows_the_counts(world: World) -> None:
    asked = {"EventSource": "iam.amazonaws.com", "EventName": "DeleteAccessKey", "InsightType": "ApiCallRateInsight"}
    told = world.running.aws(
        "cloudtrail", "list-insights-metric-data", "--event-source", asked["EventSource"], "--event-name", asked["EventName"],
        "--insight-type", asked["InsightType"], "--period", "60", "--start-time", _iso(world.burst), "--end-time", _iso(world.burst + 300),
    ).stdout  # fmt: skip
    page = json.loads(told)
    assert len(page["Timestamps"]) == len(page["Values"]) == 5
    assert min(page["Values"]) > 30
    assert round(sum(page["Values"])) == world.calls
    filled = world.ask("list_insights_metric_data", **asked, DataType="FillWithZeros", Period=3600)
    assert len(filled["Values"]) in (24 * 90, 24 * 90 + 1)
    assert sum(value > 0 for value in filled["Values"]) >= 7 * 24
    none = world.ask("list_insights_metric_data", **{**asked, "EventName": "CreateUser"})
    assert none["Values"] == []
    of_trail = world.ask(
        "list_insights_metric_data",
        TrailName="audit",
        EventSource="s3.amazonaws.com",
        EventName="PutObject",
        InsightType="ApiCallRateInsight",
    )
    assert of_trail["TrailARN"] == TRAIL_ARN
    assert max(of_trail["Values"]) > 4
    with pytest.raises(ClientError, match="InvalidParameterException"):
        world.ask("list_insights_metric_data", **{**asked, "InsightType": "ApiErrorRateInsight"})


def test_selectors_come_and_go(world: World) -> None:
    plain = {"TrailName": "plain"}
    with pytest.raises(ClientError, match="does not have Insights enabled") as raised:
        world.cloudtrail.get_insight_selectors(**plain)
    assert raised.value.response["Error"]["Code"] == "InsightNotEnabledException"
    with pytest.raises(ClientError, match="InvalidInsightSelectorsException"):
        world.cloudtrail.put_insight_selectors(
            **plain, InsightSelectors=[{"InsightType": "ApiCallRateInsight", "EventCategories": ["Data"]}]
        )
    made = world.cloudtrail.put_insight_selectors(**plain, InsightSelectors=[{"InsightType": "ApiErrorRateInsight"}])
    assert made["InsightSelectors"] == [{"InsightType": "ApiErrorRateInsight"}]
    assert world.cloudtrail.get_trail(Name="plain")["Trail"]["HasInsightSelectors"] is True
    world.s3.delete_bucket_policy(Bucket="plain-logs")
    with pytest.raises(ClientError, match="InsufficientS3BucketPolicyException"):
        world.cloudtrail.put_insight_selectors(**plain, InsightSelectors=[{"InsightType": "ApiCallRateInsight"}])
    world.cloudtrail.put_insight_selectors(**plain, InsightSelectors=[])
    assert world.cloudtrail.get_trail(Name="plain")["Trail"]["HasInsightSelectors"] is False

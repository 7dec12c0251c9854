"""Dashboards, sample queries and questions in words, told by boto3 and the AWS CLI against a running OpenTrail."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import select, update

from opentrail.lake.dashboards.store import DASHBOARDS
from opentrail.server.folder import DataFolder
from opentrail.storage.database import Database
from simulators.dashboards import policy, widget
from simulators.running import RunningOpenTrail, wait_for


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    running = RunningOpenTrail(tmp_path_factory.mktemp("dashboards")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def cloudtrail(opentrail: RunningOpenTrail) -> Any:
    return opentrail.client("cloudtrail")


@pytest.fixture(scope="module")
def store(opentrail: RunningOpenTrail, cloudtrail: Any) -> str:
    """ARN of a store with a few calls in it; the user `looker` is older."""
    iam = opentrail.client("iam")
    iam.create_user(UserName="looker")
    arn: str = cloudtrail.create_event_data_store(Name="all-events", TerminationProtectionEnabled=False)["EventDataStoreArn"]
    for name in ("alice", "bob"):
        iam.create_user(UserName=name)
    return arn


def rows(cloudtrail: Any, query_id: str) -> list[dict[str, str]]:
    """What a query gives, once it has ended."""
    wait_for(lambda: cloudtrail.describe_query(QueryId=query_id)["QueryStatus"] not in ("QUEUED", "RUNNING"))
    answer = cloudtrail.get_query_results(QueryId=query_id)
    assert answer["QueryStatus"] == "FINISHED", answer
    return [{name: value for cell in row for name, value in cell.items()} for row in answer["QueryResultRows"]]


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_custom_dashboard_from_its_making_to_the_rows_of_a_refresh(cloudtrail: Any, store: str) -> None:
    store_id = store.rpartition("/")[2]
    counted = widget(
        f"SELECT eventName, COUNT(*) AS n FROM {store_id} WHERE eventTime > '?' AND eventName LIKE 'CreateU%' GROUP BY 1",
        ["$StartTime$"],
        View="BarChart",
        LabelColumn="eventName",
        ValueColumn="n",
    )
    made = cloudtrail.create_dashboard(Name="users-made", Widgets=[counted], TagsList=[{"Key": "team", "Value": "a"}])
    assert made["Type"] == "CUSTOM"
    assert made["TagsList"] == [{"Key": "team", "Value": "a"}]
    assert cloudtrail.list_tags(ResourceIdList=[made["DashboardArn"]])["ResourceTagList"][0]["TagsList"] == made["TagsList"]
    (alias,) = [one["QueryAlias"] for one in made["Widgets"]]

    refresh = cloudtrail.start_dashboard_refresh(DashboardId="users-made", QueryParameterValues={"$StartTime$": "2024-11-05T10:45:24Z"})
    assert re.fullmatch(r"\d{10,20}", refresh["RefreshId"])
    query = cloudtrail.describe_query(QueryAlias=alias, RefreshId=refresh["RefreshId"])
    assert rows(cloudtrail, query["QueryId"]) == [{"eventName": "CreateUser", "n": "2"}]
    shown = cloudtrail.get_dashboard(DashboardId=made["DashboardArn"])
    assert (shown["Status"], shown["LastRefreshId"]) == ("CREATED", refresh["RefreshId"])

    started = cloudtrail.start_query(QueryAlias=alias, QueryParameters=["2024-11-05"])
    assert rows(cloudtrail, started["QueryId"]) == [{"eventName": "CreateUser", "n": "2"}]

    with pytest.raises(ClientError) as refused:
        cloudtrail.update_dashboard(DashboardId="users-made", Widgets=[widget(f"SELECT nothing FROM {store_id}")])
    assert code(refused) == "InvalidQueryStatementException"
    changed = cloudtrail.update_dashboard(DashboardId="users-made", TerminationProtectionEnabled=True)
    assert changed["UpdatedTimestamp"] >= changed["CreatedTimestamp"]
    with pytest.raises(ClientError) as refused:
        cloudtrail.delete_dashboard(DashboardId="users-made")
    assert code(refused) == "ConflictException"
    cloudtrail.update_dashboard(DashboardId="users-made", TerminationProtectionEnabled=False)
    cloudtrail.delete_dashboard(DashboardId="users-made")
    with pytest.raises(ClientError) as refused:
        cloudtrail.get_dashboard(DashboardId="users-made")
    assert code(refused) == "ResourceNotFoundException"


def test_a_managed_dashboard_is_listed_and_refreshed(opentrail: RunningOpenTrail, cloudtrail: Any, store: str) -> None:
    listed = json.loads(opentrail.aws("cloudtrail", "list-dashboards", "--type", "MANAGED", "--name-prefix", "AWSCloudTrail-O").stdout)
    (overview,) = [one["DashboardArn"] for one in listed["Dashboards"] if one["DashboardArn"].endswith("-Overview")]
    shown = cloudtrail.get_dashboard(DashboardId=overview)
    refresh = cloudtrail.start_dashboard_refresh(DashboardId=overview, QueryParameterValues={"$EventDataStoreId$": store})["RefreshId"]
    wait_for(lambda: _described(cloudtrail, shown["Widgets"], refresh))
    services = next(one for one in shown["Widgets"] if one["ViewProperties"]["Title"] == "Top services")
    query = cloudtrail.describe_query(QueryAlias=services["QueryAlias"], RefreshId=refresh)
    assert any(row["eventSource"] == "iam.amazonaws.com" for row in rows(cloudtrail, query["QueryId"]))


def _described(cloudtrail: Any, widgets: list[dict[str, Any]], refresh: str) -> bool:
    """Whether the query of every widget has finished."""
    try:
        found = [cloudtrail.describe_query(QueryAlias=one["QueryAlias"], RefreshId=refresh)["QueryStatus"] for one in widgets]
    except ClientError:
        return False
    assert set(found) <= {"QUEUED", "RUNNING", "FINISHED"}, found
    return set(found) == {"FINISHED"}


def test_pages_of_the_list_belong_to_their_request(cloudtrail: Any) -> None:
    first = cloudtrail.list_dashboards(MaxResults=4)
    second = cloudtrail.list_dashboards(MaxResults=4, NextToken=first["NextToken"])
    arns = [one["DashboardArn"] for one in first["Dashboards"] + second["Dashboards"]]
    assert len(set(arns)) == 8
    with pytest.raises(ClientError) as refused:
        cloudtrail.list_dashboards(MaxResults=4, Type="CUSTOM", NextToken=first["NextToken"])
    assert code(refused) == "InvalidNextTokenException"


def test_a_schedule_runs_when_its_time_has_come_and_the_policies_let_it(opentrail: RunningOpenTrail, cloudtrail: Any, store: str) -> None:
    users = f"SELECT count(*) AS n FROM {store.rpartition('/')[2]} WHERE eventName = 'CreateUser'"
    made = cloudtrail.create_dashboard(
        Name="scheduled", Widgets=[widget(users)], RefreshSchedule={"Frequency": {"Unit": "HOURS", "Value": 1}}
    )
    assert made["RefreshSchedule"]["Status"] == "ENABLED"
    arn = made["DashboardArn"]
    database = Database.at(DataFolder(opentrail.data).state)

    def shown(member: str) -> str | None:
        found: str | None = cloudtrail.get_dashboard(DashboardId=arn).get(member)
        return found

    def let_the_hour_come() -> None:
        with database.begin() as connection:
            connection.execute(update(DASHBOARDS).where(DASHBOARDS.c.name == "scheduled").values(due=time.time() - 1))

    def next_due() -> float:
        with database.read() as connection:
            found: float = connection.scalars(select(DASHBOARDS.c.due).where(DASHBOARDS.c.name == "scheduled")).one()
            return found

    try:
        let_the_hour_come()
        wait_for(lambda: "StartDashboardRefresh" in (shown("LastRefreshFailureReason") or ""))
        assert shown("LastRefreshId") is None
        put = cloudtrail.put_resource_policy(ResourceArn=arn, ResourcePolicy=policy("cloudtrail:StartDashboardRefresh", arn, arn))
        assert cloudtrail.get_resource_policy(ResourceArn=arn)["ResourcePolicy"] == put["ResourcePolicy"]
        let_the_hour_come()
        wait_for(lambda: "StartQuery" in (shown("LastRefreshFailureReason") or ""))
        cloudtrail.put_resource_policy(ResourceArn=store, ResourcePolicy=policy("cloudtrail:StartQuery", store, arn))
        let_the_hour_come()
        refresh = wait_for(lambda: shown("LastRefreshId"))
        (alias,) = [one["QueryAlias"] for one in made["Widgets"]]
        query = wait_for(lambda: _query(cloudtrail, alias, refresh))
        assert rows(cloudtrail, query) == [{"n": "2"}]
        wait_for(lambda: not shown("LastRefreshFailureReason"))
        wait_for(lambda: time.time() < next_due() <= time.time() + 3600)
        assert next_due() % 3600 == 0
    finally:
        database.close()
    cloudtrail.delete_dashboard(DashboardId="scheduled")
    with pytest.raises(ClientError) as refused:
        cloudtrail.get_resource_policy(ResourceArn=arn)
    assert code(refused) == "ResourceNotFoundException"
    cloudtrail.delete_resource_policy(ResourceArn=store)


def _query(cloudtrail: Any, alias: str, refresh: str) -> str | None:
    """The id of a widget's query once it was started."""
    try:
        found: str = cloudtrail.describe_query(QueryAlias=alias, RefreshId=refresh)["QueryId"]
    except ClientError:
        return None
    return found


def test_sample_queries_are_found_page_by_page(opentrail: RunningOpenTrail, cloudtrail: Any) -> None:
    told = json.loads(opentrail.aws("cloudtrail", "search-sample-queries", "--search-phrase", "who created access keys").stdout)
    assert told["SearchResults"][0]["Name"] == "Access keys created"
    assert 0 < told["SearchResults"][0]["Relevance"] <= 1
    assert len(told["SearchResults"]) == 10
    more = cloudtrail.search_sample_queries(SearchPhrase="who created access keys", NextToken=told["NextToken"])
    assert not {one["Name"] for one in more["SearchResults"]} & {one["Name"] for one in told["SearchResults"]}


def test_a_question_becomes_a_query_that_is_started_by_its_alias(cloudtrail: Any, store: str) -> None:
    made = cloudtrail.generate_query(EventDataStores=[store], Prompt="How many users were created in the last hour?")
    assert re.fullmatch(r"AWSCloudTrail-[0-9a-f-]{36}", made["QueryAlias"])
    assert store.rpartition("/")[2] in made["QueryStatement"]
    started = cloudtrail.start_query(QueryAlias=made["QueryAlias"])["QueryId"]
    assert rows(cloudtrail, started) == [{"events": "2"}]
    assert cloudtrail.describe_query(QueryId=started)["Prompt"] == "How many users were created in the last hour?"
    with pytest.raises(ClientError, match="weather") as refused:
        cloudtrail.generate_query(EventDataStores=[store], Prompt="What is the weather in Paris?")
    assert code(refused) == "GenerateResponseException"


def test_a_caller_without_the_permission_to_query_cannot_refresh(opentrail: RunningOpenTrail, cloudtrail: Any, store: str) -> None:
    cloudtrail.create_dashboard(Name="closed", Widgets=[widget(f"SELECT eventName FROM {store.rpartition('/')[2]}")])
    iam = opentrail.client("iam")
    allowed = {"Effect": "Allow", "Action": ["cloudtrail:StartDashboardRefresh", "cloudtrail:GetDashboard"], "Resource": "*"}
    iam.put_user_policy(UserName="looker", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    key = iam.create_access_key(UserName="looker")["AccessKey"]
    looker = opentrail.client("cloudtrail", key=(key["AccessKeyId"], key["SecretAccessKey"]))
    assert looker.get_dashboard(DashboardId="closed")["Type"] == "CUSTOM"
    with pytest.raises(ClientError, match="StartQuery") as refused:
        looker.start_dashboard_refresh(DashboardId="closed")
    assert code(refused) == "AccessDeniedException"
    cloudtrail.delete_dashboard(DashboardId="closed")

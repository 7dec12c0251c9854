"""The operations on queries, as the endpoint calls them: members in, members out, permissions needed."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from opentrail.api.call import Call
from opentrail.api.cloudtrail.queries import QueryOperations
from opentrail.clock import SystemClock
from opentrail.identity.principals import Principal
from opentrail.lake.queries import store as rows
from opentrail.lake.sql.scanning import store_ids
from opentrail.wire.faults import Fault, fault
from simulators.query_lake import Lake, Make
from simulators.query_tables import ACCOUNT, OTHER, REGION, STORE, store

MODEL = botocore.session.get_session().get_service_model("cloudtrail")
STRANGER = "222222222222"
ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:eventdatastore/{STORE}"


class Aliases:
    """Two aliases of the default account."""

    def statement(self, alias: str, account_id: str, region: str) -> str | None:
        known = {"Widget": f"/* id */ SELECT eventid FROM {STORE} WHERE eventname = '?' AND ? ORDER BY eventtime"}
        return known.get(alias) if account_id == ACCOUNT else None

    def prompt(self, alias: str, account_id: str, region: str) -> str | None:
        return "Which events?" if alias == "Widget" else None


class Api:
    """The operations over a lake; checks requests and answers against botocore's model."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.head = 41
        self.operations = QueryOperations(
            lake.database,
            stores=lake.tables,
            aliases=Aliases(),
            bucket=lake.bucket,
            store_ids=store_ids,
            ask=self._ask,
            head=lambda: self.head,
            folder=lake.folder,
            secret=b"secret",
        )

    async def _ask(self, name: str, payload: Any) -> Any:
        answers: Mapping[str, Callable[[Any], Any]] = {"start_query": self.lake.queries.start, "cancel_query": self.lake.queries.cancel}
        return await asyncio.to_thread(answers[name], payload)

    def call(self, operation: str, account: str = ACCOUNT, region: str = REGION, **parameters: Any) -> Call:
        return Call(
            service="cloudtrail",
            operation=operation,
            parameters=parameters,
            caller=Principal(type="Root", account_id=account),
            account_id=account,
            region=region,
            request_id=f"request-{operation}",
            source_ip="127.0.0.1",
            user_agent="test",
            time=SystemClock().now(),
            secure=False,
            request=None,  # type: ignore[arg-type]
        )

    def __call__(self, operation: str, account: str = ACCOUNT, region: str = REGION, **parameters: Any) -> dict[str, Any]:
        answer = self.operations.operations[operation](self.call(operation, account, region, **parameters))
        if inspect.isawaitable(answer):
            answer = asyncio.run(answer)  # type: ignore[arg-type]
        assert isinstance(answer, Mapping)
        shape = MODEL.operation_model(operation).output_shape
        assert shape is not None
        assert set(answer) <= set(shape.members)
        told = {name: value for name, value in answer.items() if value is not None}
        rows = told.pop("QueryResultRows", [])
        assert all(isinstance(column, dict) and len(column) == 1 for row in rows for column in row)
        report = ParamValidator().validate(told, shape)
        assert not report.has_errors(), report.generate_report()
        return {**told, "QueryResultRows": rows} if operation == "GetQueryResults" else told

    def code(self, operation: str, *given: Any, **parameters: Any) -> str:
        with pytest.raises(Fault) as raised:
            self(operation, *given, **parameters)
        return raised.value.code

    def needs(self, operation: str, account: str = ACCOUNT, **parameters: Any) -> list[tuple[str, str]]:
        return [(need.action, need.resource) for need in self.operations.needs(self.call(operation, account, **parameters))]

    def start(self, statement: str, **parameters: Any) -> str:
        query_id: str = self("StartQuery", QueryStatement=statement, **parameters)["QueryId"]
        self.lake.ended(query_id)
        return query_id


@pytest.fixture
def api(make: Make) -> Api:
    lake = make()
    lake.tables.fill(25)
    return Api(lake)


SELECT = f"/* eventID, error */ SELECT eventid, errorcode FROM {STORE} ORDER BY eventtime"


def test_a_query_from_start_to_results(api: Api) -> None:
    query_id = api.start(SELECT)
    assert api.lake.tables.at_least == [41]
    described = api("DescribeQuery", QueryId=query_id)
    statistics = described.pop("QueryStatistics")
    assert described == {"QueryId": query_id, "QueryString": SELECT, "QueryStatus": "FINISHED"}
    assert (statistics["EventsScanned"], statistics["EventsMatched"]) == (25, 25)
    assert statistics["BytesScanned"] > 0
    assert statistics["ExecutionTimeInMillis"] > 0
    assert abs(statistics["CreationTime"] - datetime.now(UTC)) < timedelta(minutes=5)
    first = api("GetQueryResults", QueryId=query_id, MaxQueryResults=20)
    assert first["QueryStatus"] == "FINISHED"
    assert first["QueryStatistics"] == {"ResultsCount": 20, "TotalResultsCount": 25, "BytesScanned": statistics["BytesScanned"]}
    assert first["QueryResultRows"][0] == [{"eventID": "event-0"}, {"error": None}]
    last = api("GetQueryResults", QueryId=query_id, MaxQueryResults=20, NextToken=first["NextToken"])
    assert [row[0]["eventID"] for row in last["QueryResultRows"]] == [f"event-{number}" for number in range(20, 25)]
    assert "NextToken" not in last
    assert api.code("GetQueryResults", QueryId=query_id, MaxQueryResults=21, NextToken=first["NextToken"]) == "InvalidNextTokenException"
    assert api.code("GetQueryResults", QueryId=query_id, MaxQueryResults=0) == "InvalidMaxResultsException"
    assert api.code("CancelQuery", QueryId=query_id) == "InactiveQueryException"


def test_an_alias_with_its_parameters(api: Api) -> None:
    first = api("StartQuery", QueryAlias="Widget", QueryParameters=["Name1", "true"])["QueryId"]
    api.lake.ended(first)
    query_id = api("StartQuery", QueryAlias="Widget", QueryParameters=["Name3", "eventid <> '?'"])["QueryId"]
    api.lake.ended(query_id)
    described = api("DescribeQuery", QueryAlias="Widget")
    assert described["QueryId"] == query_id
    assert described["Prompt"] == "Which events?"
    assert described["QueryString"].endswith("WHERE eventname = 'Name3' AND eventid <> '?' ORDER BY eventtime")
    assert len(api("GetQueryResults", QueryId=query_id)["QueryResultRows"]) == 5
    with api.lake.database.begin() as connection:
        rows.measured(connection, first, {"refresh_id": "1234567890"})
    assert api("DescribeQuery", QueryAlias="Widget", RefreshId="1234567890")["QueryId"] == first
    assert api.code("DescribeQuery", QueryAlias="Widget", RefreshId="9999999999") == "QueryIdNotFoundException"
    assert api.code("StartQuery", QueryAlias="Widget", QueryParameters=["one"]) == "InvalidParameterException"
    assert api.code("StartQuery", QueryAlias="Nobody") == "InvalidParameterException"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "InvalidParameterException"),
        ({"QueryStatement": SELECT, "QueryAlias": "Widget"}, "InvalidParameterException"),
        ({"QueryStatement": SELECT, "QueryParameters": ["x"]}, "InvalidParameterException"),
        ({"QueryAlias": "Widget", "QueryParameters": ["x"] * 11}, "InvalidParameterException"),
        ({"QueryAlias": "Widget", "QueryParameters": ["x" * 1025, "y"]}, "InvalidParameterException"),
        ({"QueryAlias": "no alias"}, "InvalidParameterException"),
        ({"QueryStatement": ""}, "InvalidQueryStatementException"),
        ({"QueryStatement": SELECT + " " * 10_000}, "InvalidQueryStatementException"),
        ({"QueryStatement": "SELECT 1"}, "InvalidQueryStatementException"),
        ({"QueryStatement": f"refuse {STORE}"}, "InvalidQueryStatementException"),
        ({"QueryStatement": f"/* a */ SELECT 1 FROM {OTHER}"}, "EventDataStoreNotFoundException"),
        ({"QueryStatement": SELECT, "EventDataStoreOwnerAccountId": STRANGER}, "EventDataStoreNotFoundException"),
        ({"QueryStatement": SELECT, "EventDataStoreOwnerAccountId": "me"}, "InvalidParameterException"),
        ({"QueryStatement": SELECT, "DeliveryS3Uri": "results"}, "InvalidParameterException"),
        ({"QueryStatement": SELECT, "DeliveryS3Uri": "s3://Results"}, "InvalidS3BucketNameException"),
        ({"QueryStatement": SELECT, "DeliveryS3Uri": "s3://results/" + "x" * 300}, "InvalidS3PrefixException"),
    ],
)
def test_what_cannot_be_started(api: Api, parameters: dict[str, Any], code: str) -> None:
    assert api.code("StartQuery", **parameters) == code
    assert api("ListQueries", EventDataStore=STORE) == {"Queries": []}


def test_other_regions_have_other_stores(api: Api) -> None:
    assert api.code("StartQuery", ACCOUNT, "eu-west-1", QueryStatement=SELECT) == "EventDataStoreNotFoundException"
    query_id = api.start(SELECT)
    assert api.code("DescribeQuery", ACCOUNT, "eu-west-1", QueryId=query_id) == "QueryIdNotFoundException"


@pytest.mark.parametrize(
    ("code", "expected"), [("NoSuchBucket", "S3BucketDoesNotExistException"), ("AccessDenied", "InsufficientS3BucketPolicyException")]
)
def test_a_bucket_that_cannot_be_delivered_to(api: Api, code: str, expected: str) -> None:
    api.lake.bucket.refusals["check"] = fault(code, "no")
    assert api.code("StartQuery", QueryStatement=SELECT, DeliveryS3Uri="s3://results") == expected


def test_delivery_is_described(api: Api) -> None:
    query_id = api.start(SELECT, DeliveryS3Uri="s3://results/here")
    described = api("DescribeQuery", QueryId=query_id)
    assert described["DeliveryS3Uri"] == "s3://results/here"
    assert described["DeliveryStatus"] in ("PENDING", "SUCCESS")


def test_a_query_that_failed_says_why(api: Api) -> None:
    query_id = api.start(f"/* n */ SELECT error('out of luck') FROM {STORE}")
    for operation in ("DescribeQuery", "GetQueryResults"):
        answer = api(operation, QueryId=query_id)
        assert (answer["QueryStatus"], answer["ErrorMessage"]) == ("FAILED", "out of luck")
    assert answer["QueryResultRows"] == []


def test_a_query_under_way_has_no_rows_and_can_be_cancelled(api: Api) -> None:
    api.lake.tables.is_late = True
    query_id = api("StartQuery", QueryStatement=SELECT)["QueryId"]
    answer = api("GetQueryResults", QueryId=query_id)
    assert (answer["QueryStatus"], answer["QueryResultRows"]) == ("QUEUED", [])
    assert api("CancelQuery", QueryId=query_id) == {"QueryId": query_id, "QueryStatus": "CANCELLED"}
    assert api("DescribeQuery", QueryId=query_id)["QueryStatus"] == "CANCELLED"


def test_queries_that_are_not_there(api: Api) -> None:
    missing = "00000000-0000-4000-8000-000000000000"
    for operation in ("DescribeQuery", "GetQueryResults", "CancelQuery"):
        assert api.code(operation, QueryId=missing) == "QueryIdNotFoundException"
    assert api.code("DescribeQuery", QueryAlias="Widget") == "QueryIdNotFoundException"
    assert api.code("DescribeQuery") == "InvalidParameterException"
    assert api.code("DescribeQuery", QueryId=missing, QueryAlias="Widget") == "InvalidParameterException"
    query_id = api.start(SELECT)
    assert api.code("DescribeQuery", QueryId=query_id, EventDataStore=OTHER) == "QueryIdNotFoundException"
    assert api("DescribeQuery", QueryId=query_id, EventDataStore=ARN)["QueryId"] == query_id


def test_the_list_of_queries(api: Api) -> None:
    api.lake.tables.stores[OTHER] = store(OTHER)
    ids = [api.start(SELECT) for _ in range(3)]
    both = api.start(f"/* n */ SELECT CAST(count(*) AS VARCHAR) FROM {STORE} a JOIN {OTHER} b ON a.eventid = b.eventid")
    failed = api.start(f"/* n */ SELECT error('x') FROM {STORE}")
    newest = [failed, both, *reversed(ids)]
    assert [query["QueryId"] for query in api("ListQueries", EventDataStore=ARN)["Queries"]] == newest
    first = api("ListQueries", EventDataStore=STORE, MaxResults=2)
    second = api("ListQueries", EventDataStore=STORE, MaxResults=2, NextToken=first["NextToken"])
    third = api("ListQueries", EventDataStore=STORE, MaxResults=2, NextToken=second["NextToken"])
    assert [query["QueryId"] for page in (first, second, third) for query in page["Queries"]] == newest
    assert "NextToken" not in third
    assert [query["QueryId"] for query in api("ListQueries", EventDataStore=OTHER)["Queries"]] == [both]
    (only,) = api("ListQueries", EventDataStore=STORE, QueryStatus="FAILED")["Queries"]
    assert (only["QueryId"], only["QueryStatus"]) == (failed, "FAILED")
    now = datetime.now(UTC)
    assert api("ListQueries", EventDataStore=STORE, StartTime=now + timedelta(hours=1))["Queries"] == []
    assert api("ListQueries", EventDataStore=STORE, EndTime=now - timedelta(hours=1))["Queries"] == []
    between = {"StartTime": now, "EndTime": now - timedelta(hours=1)}
    assert api.code("ListQueries", EventDataStore=STORE, **between) == "InvalidDateRangeException"
    assert api.code("ListQueries", EventDataStore=STORE, QueryStatus="DONE") == "InvalidQueryStatusException"
    assert api.code("ListQueries", EventDataStore=STORE, MaxResults=1001) == "InvalidMaxResultsException"
    assert api.code("ListQueries", EventDataStore=STORE, MaxResults=3, NextToken=first["NextToken"]) == "InvalidNextTokenException"
    assert api.code("ListQueries", EventDataStore="no store") == "EventDataStoreARNInvalidException"
    assert api.code("ListQueries", EventDataStore="00000000-0000-4000-8000-000000000000") == "EventDataStoreNotFoundException"


def test_a_store_that_is_about_to_be_deleted_answers_nothing(api: Api) -> None:
    query_id = api.start(SELECT)
    api.lake.tables.stores[STORE] = store(status="PENDING_DELETION")
    for operation in ("DescribeQuery", "GetQueryResults", "CancelQuery"):
        assert api.code(operation, QueryId=query_id) == "InactiveEventDataStoreException"
    assert api.code("ListQueries", EventDataStore=STORE) == "InactiveEventDataStoreException"
    assert api.code("StartQuery", QueryStatement=SELECT) == "InactiveEventDataStoreException"


def test_what_a_caller_must_be_allowed(api: Api) -> None:
    api.lake.tables.stores[OTHER] = store(OTHER, tags={"team": "blue"}, resource_policy="{}")
    other = ARN.replace(STORE, OTHER)
    text = f"SELECT 1 FROM {STORE} a, {OTHER} b"
    assert api.needs("StartQuery", QueryStatement=text) == [("cloudtrail:StartQuery", ARN), ("cloudtrail:StartQuery", other)]
    need = api.operations.needs(api.call("StartQuery", QueryStatement=text))[1]
    assert need.context == {"aws:ResourceTag/team": ("blue",)}
    assert (need.resource_policy, need.resource_account_id) == ("{}", ACCOUNT)
    assert api.needs("StartQuery", QueryAlias="Widget") == [("cloudtrail:StartQuery", ARN)]
    assert api.needs("StartQuery", QueryStatement="SELECT 1") == [("cloudtrail:StartQuery", "*")]
    query_id = api.start(SELECT)
    for operation in ("DescribeQuery", "GetQueryResults", "CancelQuery"):
        assert api.needs(operation, QueryId=query_id) == [(f"cloudtrail:{operation}", ARN)]
        assert api.needs(operation, QueryId="nobody's") == [(f"cloudtrail:{operation}", "*")]
    assert api.needs("ListQueries", EventDataStore=STORE) == [("cloudtrail:ListQueries", ARN)]


def test_another_account_asks_by_leave_of_the_store_s_policy(api: Api) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    api.lake.tables.stores[STORE] = store(resource_policy=policy)
    owned = {"EventDataStoreOwnerAccountId": ACCOUNT}
    need = api.operations.needs(api.call("StartQuery", STRANGER, QueryStatement=SELECT, **owned))[0]
    assert (need.resource, need.resource_policy, need.resource_account_id) == (ARN, policy, ACCOUNT)
    assert api.code("StartQuery", STRANGER, QueryStatement=SELECT) == "EventDataStoreNotFoundException"
    answer = api("StartQuery", STRANGER, QueryStatement=SELECT, **owned)
    assert answer["EventDataStoreOwnerAccountId"] == ACCOUNT
    query_id = answer["QueryId"]
    api.lake.ended(query_id)
    for operation in ("DescribeQuery", "GetQueryResults"):
        (need,) = api.operations.needs(api.call(operation, STRANGER, QueryId=query_id, **owned))
        assert need.resource_policy == policy
        assert api(operation, STRANGER, QueryId=query_id, **owned)["QueryStatus"] == "FINISHED"
        assert api.code(operation, STRANGER, QueryId=query_id) == "QueryIdNotFoundException"
        assert api.code(operation, "333333333333", QueryId=query_id, **owned) == "QueryIdNotFoundException"
    own = api.start(SELECT)
    assert api.code("DescribeQuery", STRANGER, QueryId=own, **owned) == "QueryIdNotFoundException"
    listed = [query["QueryId"] for query in api("ListQueries", STRANGER, EventDataStore=ARN)["Queries"]]
    assert listed == [query_id]
    assert len(api("ListQueries", EventDataStore=ARN)["Queries"]) == 2

"""Questions in words become the queries that they mean, or are refused with the words that were not understood."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.lake.faults import GenerateResponseException
from opentrail.lake.questions.answering import answer
from opentrail.lake.sql.scanning import store_ids
from simulators.lake_engine import STORE, Engine

GOLDEN = tomllib.loads((Path(__file__).parents[2] / "golden" / "questions.toml").read_text())
TODAY = date(2026, 1, 5)


def event(**members: Any) -> dict[str, Any]:
    """A record, with what a test says of it."""
    return {
        "eventVersion": "1.11",
        "eventTime": "2025-03-04T05:06:07Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "DeleteBucket",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "203.0.113.7",
        "userIdentity": {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::123456789012:user/alice"},
        "eventID": "e-1",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management",
        **members,
    }


@pytest.fixture(scope="module")
def empty() -> Engine:
    return Engine()


@pytest.fixture(scope="module")
def filled() -> Engine:
    return Engine(
        records=[
            event(requestParameters={"bucketName": "my-data"}),
            event(eventName="CreateBucket", requestParameters={"bucketName": "new"}, awsRegion="eu-central-1"),
            event(eventName="ListBuckets", readOnly=True, errorCode="AccessDenied", errorMessage="no", eventTime="2025-04-01T00:00:00Z"),
            event(
                eventSource="signin.amazonaws.com",
                eventName="ConsoleLogin",
                responseElements={"ConsoleLogin": "Failure"},
                userIdentity={"type": "IAMUser", "userName": "bob", "arn": "arn:aws:iam::123456789012:user/bob"},
            ),
            event(eventSource="ec2.amazonaws.com", eventName="RunInstances", userIdentity={"type": "Root"}),
        ]
    )


def test_there_are_as_many_questions_as_a_test_set_needs() -> None:
    assert len(GOLDEN["asked"]) >= 60
    assert len(GOLDEN["refused"]) >= 15


@pytest.mark.parametrize("case", GOLDEN["asked"], ids=lambda case: case["question"])
def test_a_question_means_this_query(case: dict[str, str]) -> None:
    assert answer(case["question"], "$EDS_ID", TODAY) == case["sql"]


@pytest.mark.parametrize("case", GOLDEN["asked"], ids=lambda case: case["question"])
def test_what_is_generated_runs(case: dict[str, str], empty: Engine, filled: Engine) -> None:
    statement = answer(case["question"], STORE, TODAY)
    assert store_ids(statement) == (STORE,)
    assert len(empty.rows(statement)) <= 1  # a count of nothing is a row
    filled.rows(statement)


@pytest.mark.parametrize("case", GOLDEN["refused"], ids=lambda case: case["question"])
def test_what_is_not_known_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(GenerateResponseException):
        answer(case["question"], STORE, TODAY)


def test_a_refusal_names_the_words_that_were_not_understood() -> None:
    with pytest.raises(GenerateResponseException, match="'weather'"):
        answer("What is the weather in Paris?", STORE, TODAY)


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("How many S3 buckets were deleted in March 2025?", [("1",)]),
        ("Who deleted the bucket my-data?", ["arn:aws:iam::123456789012:user/alice"]),
        ("How many events were there on 2025-04-01?", [("1",)]),
        ("Number of events per region", [("us-east-1", "4"), ("eu-central-1", "1")]),
        ("How many failed console logins?", [("1",)]),
        ("Which buckets were created in Frankfurt in 2025?", ["new"]),
        ("Show access denied errors by API", [("ListBuckets", "1")]),
        ("How many events did the root user make?", [("1",)]),
        ("How many calls were made by alice in April 2025?", [("1",)]),
        ("How many different users made calls?", [("2",)]),
        ("Most active users", [("arn:aws:iam::123456789012:user/alice", "3")]),
    ],
)
def test_the_answers_are_right(question: str, rows: list[Any], filled: Engine) -> None:
    found = filled.rows(answer(question, STORE, TODAY))
    for row in rows:
        assert row in found or any(row in one for one in found)


def test_a_value_cannot_leave_its_quotes(filled: Engine) -> None:
    statement = answer('Show all calls by user "x\' OR 1=1 --"', STORE, TODAY)
    assert "'x'' OR 1=1 --'" in statement
    assert filled.rows(statement) == []


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        ("in the last 24 hours", "eventTime > date_add('hour', -24, current_timestamp)"),
        ("in the past two weeks", "eventTime > date_add('day', -14, current_timestamp)"),
        ("last quarter", "eventTime > date_add('month', -3, current_timestamp)"),
        ("since 3 days ago", "eventTime > date_add('day', -3, current_timestamp)"),
        ("since 2025-02-01 10:30", "eventTime >= '2025-02-01 10:30:00'"),
        ("before 2025-02-01", "eventTime < '2025-02-01 00:00:00'"),
        ("in December", "eventTime >= '2025-12-01 00:00:00'"),
        ("in January", "eventTime >= '2026-01-01 00:00:00'"),
        ("during 2024", "eventTime < '2025-01-01 00:00:00'"),
        ("this week so far", "eventTime >= date_trunc('week', current_timestamp)"),
    ],
)
def test_times_in_words(words: str, condition: str) -> None:
    assert condition in answer(f"Show all errors {words}", STORE, TODAY)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=3, max_size=120))
def test_any_text_is_answered_or_refused(question: str) -> None:
    try:
        statement = answer(question, STORE, TODAY)
    except GenerateResponseException:
        return
    assert store_ids(statement) == (STORE,)
    assert re.match("SELECT", statement)


WORDS = (
    "who what which how many top most users events deleted created buckets by per service region error failed last week today alice in to "
    "not except excluding without between and or 5 20 "
    "2025-01-01 203.0.113.7 sg-0123456789abcdef0 RunInstances AccessDenied root role admin's 'bob'"
)


@given(st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=12).map(" ".join))
def test_known_words_in_any_order_give_a_statement_or_a_refusal(question: str) -> None:
    try:
        statement = answer(question, STORE, TODAY)
    except GenerateResponseException:
        return
    assert store_ids(statement) == (STORE,)
    assert statement.count("'") % 2 == 0

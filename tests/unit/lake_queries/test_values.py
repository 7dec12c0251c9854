"""The pure parts: statements of aliases, places of results, tokens, profiles of the engine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.lake.faults import (
    InvalidNextTokenException,
    InvalidParameterException,
    InvalidS3BucketNameException,
    InvalidS3PrefixException,
)
from opentrail.lake.queries import places, statements, tokens
from opentrail.lake.queries.profile import Cold, Hot, statistics
from opentrail.lake.queries.query import Statistics


def test_parameters_take_the_place_of_question_marks_even_in_quotes() -> None:
    filled = statements.filled("SELECT DATE_TRUNC('?', eventTime) FROM ? WHERE eventTime > '?'", ["hour", "id?", "2026-01-01"])
    assert filled == "SELECT DATE_TRUNC('hour', eventTime) FROM id? WHERE eventTime > '2026-01-01'"


@pytest.mark.parametrize("parameters", [[], ["a"], ["a", "b", "c"]])
def test_there_is_a_parameter_for_each_question_mark(parameters: list[str]) -> None:
    with pytest.raises(InvalidParameterException):
        statements.filled("? and ?", parameters)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://bucket", ("bucket", None)),
        ("s3://bucket/", ("bucket", None)),
        ("s3://my.bucket-1/some/where/", ("my.bucket-1", "some/where")),
    ],
)
def test_places(uri: str, expected: tuple[str, str | None]) -> None:
    assert places.bucket_and_prefix(uri) == expected


@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("bucket", InvalidParameterException),
        ("https://bucket", InvalidParameterException),
        ("s3://bucket/" + "x" * 1024, InvalidParameterException),
        ("s3://Bucket", InvalidS3BucketNameException),
        ("s3://", InvalidS3BucketNameException),
        ("s3://10.0.0.1", InvalidS3BucketNameException),
        ("s3://bucket/" + "x" * 201, InvalidS3PrefixException),
        ("s3://bucket/\n", InvalidS3PrefixException),
    ],
)
def test_no_places(uri: str, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        places.bucket_and_prefix(uri)


def test_keys_of_results() -> None:
    folder = places.folder("p", "123456789012", "id", 1_651_104_000.0)
    assert folder == "p/AWSLogs/123456789012/CloudTrail-Lake/Query/2022/04/28/id/"


@given(st.text(), st.text(), st.binary())
def test_a_token_opens_for_its_question_only(place: str, question: str, secret: bytes) -> None:
    token = tokens.seal(place, question, secret)
    assert tokens.unseal(token, question, secret) == place
    for other in ((token, question + "x", secret), (token, question, secret + b"x"), (token[:-1], question, secret)):
        with pytest.raises(InvalidNextTokenException):
            tokens.unseal(*other)


@given(st.text())
def test_what_is_no_token(text: str) -> None:
    with pytest.raises(InvalidNextTokenException):
        tokens.unseal(text, "question", b"secret")


def test_statistics_from_a_profile() -> None:
    profile = {
        "io": {"total_bytes_read": 1000},
        "operator": [
            {
                "type": "UNION",
                "children": [
                    {
                        "type": "TABLE_SCAN",
                        "intermediate_rows": 70,
                        "row_groups_scanned": 1,
                        "total_row_groups_to_scan": 4,
                        "extra_info": {"Function": "READ_PARQUET", "Filename(s)": "/a, /b"},
                    },
                    {
                        "type": "FILTER",
                        "intermediate_rows": 3,
                        "children": [
                            {
                                "type": "TABLE_SCAN",
                                "intermediate_rows": 10,
                                "extra_info": {"Function": "PYTHON_ARROW_SCAN", "Projections": ["eventid", "eventtime"]},
                            }
                        ],
                    },
                ],
            }
        ],
    }
    measured = statistics(
        profile, [Cold(files=["/a", "/b"], rows=400)], [Hot(rows=10, sizes={"eventid": 80, "eventtime": 20, "eventjson": 9999})]
    )
    assert measured == Statistics(events_scanned=110, events_matched=73, bytes_scanned=1100)

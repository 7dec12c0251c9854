"""Whatever is sent to the sign-in door: one answer in JSON, never an error of ours, nothing secret in a record."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.wire.http import Headers, Request
from simulators.sign_in import PASSWORD, SignInDesk

PATHS = st.sampled_from(
    [
        "/_opentrail/signin",
        "/_opentrail/signin/credentials",
        "/_opentrail/signin/switch-role",
        "/_opentrail/signin/exit-role",
        "/_opentrail/federation",
    ]
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40))
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3))
)
MEMBERS = st.sampled_from(
    ["account", "userName", "password", "accessKeyId", "secretAccessKey", "mfaCode", "loginTo", "region", "roleName", "redirectTo", "x"]
)
WORDS = st.sampled_from(["123456789012", "ana", PASSWORD, "wrong", "AKIANOBODYSKEY000000", "/console/", "us-east-1", "\0", "ä", "a" * 3000])
BODIES = st.one_of(
    st.binary(max_size=200),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(MEMBERS, st.one_of(WORDS, VALUES), max_size=8).map(lambda value: json.dumps(value).encode()),
    st.dictionaries(MEMBERS, WORDS, max_size=8).map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")),
)
FIELD = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40)
HEADERS = st.dictionaries(
    st.sampled_from(["host", "origin", "content-type", "cookie", "authorization", "user-agent", "sec-fetch-site", "x-amz-date"]),
    st.one_of(
        FIELD, st.sampled_from(["application/json", "127.0.0.1:4747", "http://127.0.0.1:4747", "opentrail-signin=AAAA", "same-origin"])
    ),
)
QUERIES = st.one_of(
    st.just(""),
    st.sampled_from(["Action=login", "Action=getSigninToken&Session={}", "Action=login&SigninToken=AAAA&Destination=/", "a&&=&%zz=%"]),
    st.text(max_size=60).map(lambda text: quote(text, safe="&=%")),
    VALUES.map(lambda value: "Action=getSigninToken&Session=" + quote(json.dumps(value))),
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignInDesk]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    made = SignInDesk(folder)
    yield made
    made.close()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["GET", "POST", "POST", "POST", "PUT", "HEAD", "OPTIONS"]), PATHS, QUERIES, HEADERS, BODIES)
def test_every_request_has_one_answer(
    desk: SignInDesk, caplog: pytest.LogCaptureFixture, method: str, path: str, query: str, headers: dict[str, Any], body: bytes
) -> None:
    caplog.clear()
    caplog.set_level(logging.WARNING)
    desk.clock.advance(60)
    lines = {"host": "127.0.0.1:4747", "content-type": "application/json"} | headers | {"content-length": str(len(body))}
    desk.journal.records.clear()
    answered = desk.ask(Request(method=method, path=path, query=query, headers=Headers(lines.items()), body=body))
    assert answered.status in (200, 302, 400, 401, 403, 405, 413, 414, 415, 429)
    assert caplog.records == []
    if answered.status not in (200, 302):
        assert set(json.loads(answered.body)) == {"code", "message"}
    for record in desk.records:
        assert record["eventType"] in ("AwsConsoleSignIn", "AwsApiCall")
        assert PASSWORD not in json.dumps(record)

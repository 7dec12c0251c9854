"""AWS's own SigV4 test suite, as botocore carries it: each signed request must verify, and each part of it must matter.

The suite is read from a checkout of botocore named by BOTOCORE_CHECKOUT; nothing of it is kept here.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from opentrail.wire import sigv4
from opentrail.wire.http import Headers, Request
from opentrail.wire.refusals import SignatureMismatch
from opentrail.wire.scope import basic_time

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = float(basic_time("20150830T123600Z") or 0)
CHECKOUT = os.environ.get("BOTOCORE_CHECKOUT")
SUITE = Path(CHECKOUT or "botocore") / "tests/unit/auth/aws4_testsuite"
CASES = sorted(path.parent for path in SUITE.rglob("*.authz"))

pytestmark = pytest.mark.skipif(CHECKOUT is None, reason="set BOTOCORE_CHECKOUT to a checkout of boto/botocore")


def read(case: Path, kind: str) -> str:
    return (case / f"{case.name}.{kind}").read_bytes().decode("latin-1").replace("\r\n", "\n")


def request_of(text: str) -> Request:
    """Read as an HTTP server reads: continuation lines are folded, octets stay octets."""
    head, _, body = text.partition("\n\n")
    line, *header_lines = re.sub(r"\n[ \t]+", " ", head).split("\n")
    method, target = line.removesuffix(" HTTP/1.1").split(" ", 1)
    path, _, query = target.partition("?")
    lines = (item.partition(":") for item in header_lines if item)
    return Request(
        method=method, path=path, query=query, headers=Headers((name, value) for name, _, value in lines), body=body.encode("latin-1")
    )


def token_of(case: Path) -> str | None:
    """The session token that the case signs."""
    found = re.search(r"^x-amz-security-token:(.*)$", read(case, "creq"), re.MULTILINE)
    return found[1] if found else None


def unsigned(case: Path) -> Request:
    plain = request_of(read(case, "req"))
    token = token_of(case)
    lines = [*plain.headers, *([("x-amz-security-token", token)] if token and "x-amz-security-token" not in plain.headers else [])]
    return replace(plain, headers=Headers(lines))


def signed(case: Path) -> Request:
    plain = unsigned(case)
    return replace(plain, headers=Headers([*plain.headers, ("authorization", read(case, "authz").strip())]))


def test_the_suite_is_there() -> None:
    assert len(CASES) > 25


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_signed_request_verifies(case: Path) -> None:
    request = signed(case)
    token = token_of(case)
    verified = sigv4.verify(request, secret=SECRET, session_token=token, now=NOW)
    assert verified.scope == sigv4.Scope(access_key_id="AKIDEXAMPLE", date="20150830", region="us-east-1", signing_name="service")
    assert verified.timestamp == "20150830T123600Z"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_part_of_the_request_matters(case: Path) -> None:
    request = signed(case)
    token = token_of(case)
    changes = {
        "method": replace(request, method="DELETE"),
        "path": replace(request, path=request.path + "x"),
        "query": replace(request, query=request.query + "&x=y"),
        "body": replace(request, body=request.body + b"x"),
        "host": replace(request, headers=Headers((n, "evil.example" if n == "host" else v) for n, v in request.headers)),
    }
    for changed in changes.values():
        with pytest.raises(SignatureMismatch):
            sigv4.verify(changed, secret=SECRET, session_token=token, now=NOW)
    with pytest.raises(SignatureMismatch):
        sigv4.verify(request, secret=SECRET + "x", session_token=token, now=NOW)


OURS = [case for case in CASES if "my-header" not in read(case, "authz")]  # we sign no headers that AWS does not know


@pytest.mark.parametrize("case", OURS, ids=lambda case: case.name)
def test_our_signature_is_that_of_the_suite(case: Path) -> None:
    signed_by_us = sigv4.sign(
        unsigned(case),
        access_key_id="AKIDEXAMPLE",
        secret_access_key=SECRET,
        session_token=token_of(case),
        region="us-east-1",
        signing_name="service",
        now=NOW,
    )
    assert signed_by_us.headers.get("authorization") == read(case, "authz").strip()

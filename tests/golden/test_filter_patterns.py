"""Each line of `filter_patterns/*.jsonl` is a claim about the filter patterns of CloudWatch Logs.

`cases`: a pattern, a message, whether it matches and, where it stands, what is extracted. `refused`: what is no pattern, and what the fault
says. `cis`: the pattern of each monitoring control of the CIS AWS Foundations Benchmark, what a record must differ in from `RECORD` for
the control to fire, and what it differs in when it stays silent. `!=` and the like, where AWS says nothing: decision 31.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opentrail.monitoring.faults import InvalidParameterException
from opentrail.monitoring.filter_patterns import Message, PatternSet, compiled

FOLDER = Path(__file__).parent / "filter_patterns"
RECORD = {
    "eventVersion": "1.11",
    "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE:kim", "accountId": "111122223333"},
    "eventTime": "2026-01-05T10:11:12Z",
    "eventSource": "ec2.amazonaws.com",
    "eventName": "DescribeInstances",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "198.51.100.7",
    "requestParameters": None,
    "responseElements": None,
    "readOnly": True,
    "eventType": "AwsApiCall",
    "managementEvent": True,
    "eventCategory": "Management",
}
_PLAIN = re.compile(r'"([\w.*]+)"')
_BARE = re.compile(r"(=\s*)([A-Za-z*][\w.*]*)")
_OPERATORS = re.compile(r"\s*(&&|\|\||!=|=|\(|\)|^\{|\}$)\s*")
VARIANTS: dict[str, Callable[[str], str]] = {
    "as published": lambda text: text,
    "no quotes": lambda text: _PLAIN.sub(r"\1", text),
    "all quotes": lambda text: _BARE.sub(r'\1"\2"', text),
    "no blanks": lambda text: _OPERATORS.sub(r"\1", text),
    "many blanks": lambda text: _OPERATORS.sub(r"  \1\t ", text),
}


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("row", _rows("cases"), ids=lambda row: row["name"])
def test_case(row: dict[str, Any]) -> None:
    pattern, message = compiled(row["pattern"]), Message(row["message"])
    assert pattern.matches(message) is row["matches"]
    assert PatternSet({"it": pattern}).matching(Message(row["message"])) == ["it"] * row["matches"]
    if "extracted" in row:
        assert pattern.extracted(message) == row["extracted"]


@pytest.mark.parametrize("row", _rows("refused"), ids=lambda row: row["pattern"][:40])
def test_refused(row: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterException) as refused:
        compiled(row["pattern"])
    assert row["says"] in refused.value.message


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("row", _rows("cis"), ids=lambda row: row["control"])
def test_control(row: dict[str, Any], variant: str) -> None:
    pattern = compiled(VARIANTS[variant](row["pattern"]))
    for differs in row["fires"]:
        assert pattern.matches(Message(json.dumps(RECORD | differs))), differs
    for differs in row["silent"]:
        assert not pattern.matches(Message(json.dumps(RECORD | differs))), differs


def test_all_controls_at_once() -> None:
    """A set says of each record what its patterns say one by one."""
    rows = _rows("cis")
    patterns = {number: compiled(row["pattern"]) for number, row in enumerate(rows)}
    together = PatternSet(patterns)
    for differs in [differs for row in rows for differs in row["fires"] + row["silent"]]:
        text = json.dumps(RECORD | differs)
        assert set(together.matching(Message(text))) == {key for key, one in patterns.items() if one.matches(Message(text))}

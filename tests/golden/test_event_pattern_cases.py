"""EventBridge's pattern language by its tables: `event_patterns/*.toml`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from opentrail.rules.faults import InvalidEventPatternException
from opentrail.rules.patterns import PatternSet, compiled

FOLDER = Path(__file__).with_name("event_patterns")


def table(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


TRUTH = table("truth_table")
EXAMPLES = table("examples")
CASES = [*table("operators")["case"], *EXAMPLES["alternatives"]]


def verdicts(pattern: str, events: list[dict[str, Any]]) -> list[bool]:
    """Whether each event matches; a set of patterns says the same as the pattern alone."""
    alone = compiled(pattern)
    among = PatternSet({"this": alone, "other": compiled('{"a":["other"]}')})
    found = [alone.matches(event) for event in events]
    assert ["this" in among.matching(event) for event in events] == found
    return found


@pytest.mark.parametrize(("row", "expected"), TRUTH["rows"].items())
def test_truth_table(row: str, expected: str) -> None:
    events = [{"a": json.loads(value)} for value in TRUTH["values"]] + [{}]
    assert "".join("T" if found else "-" for found in verdicts(f'{{"a":{row}}}', events)) == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.get("about", case["pattern"][:60]))
def test_operators(case: dict[str, Any]) -> None:
    for name, expected in (("matches", True), ("others", False)):
        texts = case[name]
        found = verdicts(case["pattern"], [json.loads(text) for text in texts])
        assert dict(zip(texts, found, strict=True)) == dict.fromkeys(texts, expected)


@pytest.mark.parametrize(("pattern", "expected"), [(text, name == "matches") for name in ("matches", "others") for text in EXAMPLES[name]])
def test_examples(pattern: str, expected: bool) -> None:
    assert verdicts(pattern, [json.loads(EXAMPLES["event"])]) == [expected]


@pytest.mark.parametrize("case", table("faults")["case"], ids=lambda case: case["pattern"][:50])
def test_faults(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidEventPatternException) as raised:
        compiled(case["pattern"])
    begin, place = raised.value.message.rsplit("; line: ", 1)
    shown = case["pattern"].replace("\t", "\\u0009")
    assert begin == f'Event pattern is not valid. Reason: {case["reason"]} at [Source: (String)"{shown}"'
    line, column = place.removesuffix("]").split(", column: ")
    assert case.get("place", f"{line}:{column}") == f"{line}:{column}"


def test_a_refused_pattern_answers_400() -> None:
    assert (InvalidEventPatternException.code, InvalidEventPatternException.status) == ("InvalidEventPatternException", 400)

"""`opentrail sql`: a question asked through the API, in every format, and at the prompt."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from opentrail.cli import formats
from opentrail.cli.failures import CallFailed
from opentrail.cli.prompt import Prompt
from opentrail.cli.question import Reply, ask, chosen, filled, size, stores, summary
from opentrail.errors import SettingError

ONE, OTHER = "0b6dbe34-4b23-4b3c-a6c1-7a3d3ad3ac01", "1c7ecf45-5c34-4c4d-b7d2-8b4e4be4bd02"
REPLY = Reply(
    query_id="q",
    columns=("eventName", "arn", "arn"),
    rows=(("GetObject", "a,b", None), ("Ümlaut", "", "x")),
    statistics={"EventsMatched": 2, "EventsScanned": 20_000, "BytesScanned": 1_234_567},
)


class Api:
    """The API of a Lake with `rows`, two of them to a page, that is done after `looks` looks."""

    def __init__(self, rows: int = 5, *, looks: int = 2, status: str = "FINISHED", interrupted: bool = False) -> None:
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self._rows = [[{"n": str(number)}, {"empty": None}] for number in range(rows)]
        self._looks, self._status, self._interrupted = looks, status, interrupted

    def cloudtrail(self, operation: str, parameters: Mapping[str, Any], region: str) -> dict[str, Any]:
        assert region == "us-east-1"
        self.calls.append((operation, dict(parameters)))
        found: dict[str, Any] = getattr(self, operation)(parameters)
        return found

    def ListEventDataStores(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        arn = "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/"
        if "NextToken" in parameters:
            return {"EventDataStores": [{"EventDataStoreArn": arn + OTHER, "Name": "second"}]}
        return {"EventDataStores": [{"EventDataStoreArn": arn + ONE, "Name": "first"}], "NextToken": "more"}

    def StartQuery(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {"QueryId": "q-1"}

    def DescribeQuery(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if self._interrupted:
            raise KeyboardInterrupt
        self._looks -= 1
        status = "RUNNING" if self._looks else self._status
        return {"QueryStatus": status, "QueryStatistics": {"EventsMatched": 5}, "ErrorMessage": "too large"}

    def CancelQuery(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {"QueryId": parameters["QueryId"], "QueryStatus": "CANCELLED"}

    def GetQueryResults(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        start = int(parameters.get("NextToken", "0"))
        page = {"QueryStatus": "FINISHED", "QueryResultRows": self._rows[start : start + 2]}
        return {**page, "NextToken": str(start + 2)} if start + 2 < len(self._rows) else page


def test_a_query_is_waited_for_and_read_to_its_end() -> None:
    api, waited = Api(looks=3), []
    reply = ask(api, "us-east-1", "SELECT 1", owner="222222222222", pause=waited.append)
    assert reply.columns == ("n", "empty")
    assert reply.rows == tuple((str(number), None) for number in range(5))
    assert len(waited) == 2
    assert all(call[1]["EventDataStoreOwnerAccountId"] == "222222222222" for call in api.calls)
    assert len(ask(Api(), "us-east-1", "SELECT 1", most=3, pause=waited.append).rows) == 3
    assert ask(Api(0), "us-east-1", "SELECT 1", pause=waited.append).rows == ()


def test_a_query_that_fails_says_why_and_one_that_ran_out_of_time_says_what_is_missing() -> None:
    with pytest.raises(CallFailed, match="The query has failed: too large"):
        ask(Api(status="FAILED"), "us-east-1", "SELECT 1", pause=lambda _: None)
    assert "ran out of time" in ask(Api(status="TIMED_OUT"), "us-east-1", "SELECT 1", pause=lambda _: None).note


def test_an_interruption_cancels_the_query() -> None:
    api = Api(interrupted=True)
    with pytest.raises(KeyboardInterrupt):
        ask(api, "us-east-1", "SELECT 1")
    assert api.calls[-1] == ("CancelQuery", {"QueryId": "q-1"})


def test_stores_are_meant_by_name_id_or_arn() -> None:
    known = stores(Api(), "us-east-1")
    assert known == {ONE: "first", OTHER: "second"}
    assert chosen("second", known) == chosen(OTHER, known) == chosen(f"arn:x/{OTHER}", known) == OTHER
    assert chosen(None, {ONE: "first"}) == ONE
    with pytest.raises(CallFailed, match=r"--store which event data store is meant\. There are: first, second"):
        chosen(None, known)
    with pytest.raises(CallFailed, match="no event data store 'third'"):
        chosen("third", known)


def test_the_store_is_only_looked_up_where_the_placeholder_stands() -> None:
    def never() -> str:
        raise AssertionError

    assert filled("SELECT 1 FROM x", never) == "SELECT 1 FROM x"
    assert filled("SELECT 1 FROM $EDS_ID", lambda: ONE) == f"SELECT 1 FROM {ONE}"


def test_every_format_carries_every_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    formats.write(REPLY, "json", None)
    assert json.loads(capsys.readouterr().out) == [
        {"eventName": "GetObject", "arn": "a,b", "arn_2": None},
        {"eventName": "Ümlaut", "arn": "", "arn_2": "x"},
    ]
    formats.write(REPLY, "csv", tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["eventName", "arn", "arn"], ["GetObject", "a,b", ""], ["Ümlaut", "", "x"]]
    formats.write(REPLY, "parquet", tmp_path / "rows.parquet")
    assert pq.read_table(tmp_path / "rows.parquet").to_pylist()[0] == {"eventName": "GetObject", "arn": "a,b", "arn_2": None}
    formats.write(REPLY, "table", None)
    assert [line.split() for line in capsys.readouterr().out.splitlines()][:2] == [["eventName", "arn", "arn"], ["GetObject", "a,b"]]


def test_a_file_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be written"):
        formats.write(REPLY, "csv", tmp_path / "absent" / "rows.csv")
    with pytest.raises(SettingError, match="--output"):
        formats.write(REPLY, "parquet", None)


def test_what_a_query_cost_is_told() -> None:
    assert summary(REPLY, 0.041) == "2 rows in 0.04 s, 2 of 20,000 events matched, 1.2 MB scanned."
    assert [size(count) for count in (0, 999, 1000, 5e9, 7e12)] == ["0 B", "999 B", "1.0 kB", "5.0 GB", "7.0 TB"]


class Session:
    """A prompt, and what it asked."""

    def __init__(self, answer: Callable[..., None] | None = None) -> None:
        self.asked: list[tuple[str, str, Path | None]] = []
        self.prompt = Prompt(answer or (lambda *words: self.asked.append(words)), lambda: {ONE: "first"})

    def type(self, *lines: str) -> None:
        for line in lines:
            self.prompt.line(line)


def test_a_statement_at_the_prompt_may_take_several_lines() -> None:
    session = Session()
    session.type("", "SELECT 1", "FROM x;", "\\f csv", "\\o rows.csv", "SELECT 2;")
    assert session.asked == [("SELECT 1\nFROM x;", "table", None), ("SELECT 2;", "csv", Path("rows.csv"))]
    session.type("SELECT")
    assert session.prompt.sign == "   -> "
    session.prompt.drop()
    assert session.prompt.sign == "lake> "
    session.type("\\q")
    assert session.prompt.ended


def test_the_prompt_goes_on_after_a_failure_and_after_an_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    answers: list[BaseException] = [CallFailed("no such column"), KeyboardInterrupt()]

    def answer(*_: object) -> None:
        raise answers.pop(0)

    Session(answer).type("SELECT 1;", "SELECT 2;")
    assert capsys.readouterr().err == "no such column\n\nThe query is cancelled.\n"


def test_the_prompt_tells_stores_columns_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    Session().type("\\s", "\\c activity", "\\c nothing", "\\?")
    told = capsys.readouterr()
    assert f"{ONE}  first" in told.out
    assert "metadata                       row(ingestiontime varchar, channelarn varchar)" in told.out
    assert "There is no family 'nothing'" in told.err
    assert "Ctrl-C cancels" in told.out

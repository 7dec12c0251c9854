"""The sample: laid out as CloudTrail delivers, believable, the same for the same seed, with an incident whose facts are told."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opentrail.lake.sample import MANIFEST, BadPlan, Plan, Summary, write

UNTIL = datetime(2026, 1, 6, tzinfo=UTC)
KEY = re.compile(
    r"AWSLogs/(\d{12})/CloudTrail/([a-z0-9-]+)/(\d{4})/(\d\d)/(\d\d)/\1_CloudTrail_\2_\3\4\5T(\d\d)(\d[05])Z_[A-Za-z0-9]{16}\.json\.gz"
)


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("sample") / "new"
    write(folder, Plan(until=UNTIL, events=3_000, seed=7))
    return folder


@pytest.fixture(scope="module", name="told")
def _told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return found


def _files(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        str(path.relative_to(folder)): json.loads(gzip.decompress(path.read_bytes()))["Records"]
        for path in sorted(folder.rglob("*.json.gz"))
    }


@pytest.fixture(scope="module", name="records")
def _records(folder: Path) -> list[dict[str, Any]]:
    return [record for records in _files(folder).values() for record in records]


def test_files_lie_where_cloudtrail_puts_them_and_hold_what_their_names_say(folder: Path, told: dict[str, Any]) -> None:
    files = _files(folder)
    assert len(files) == told["files"]
    for name, records in files.items():
        match = KEY.fullmatch(name)
        assert match is not None, name
        delivered = f"{match[3]}-{match[4]}-{match[5]}T{match[6]}:{match[7]}:00Z"
        for record in records:
            assert (record["recipientAccountId"], record["awsRegion"]) == (match[1], match[2])
            assert told["from"] <= record["eventTime"] < min(told["until"], delivered)


def test_as_many_events_as_asked_for_each_with_its_own_id(records: list[dict[str, Any]], told: dict[str, Any]) -> None:
    own = told["incident"]
    assert len(records) == told["events"]
    assert 3_000 + own["events"] < told["events"] < 3_010 + own["events"]
    assert len({record["eventID"] for record in records}) == len(records)


def test_many_kinds_of_events_and_callers(records: list[dict[str, Any]]) -> None:
    assert len({record["eventSource"] for record in records}) >= 12
    assert len({record["eventName"] for record in records}) >= 35
    assert {record["userIdentity"]["type"] for record in records} == {"AssumedRole", "IAMUser"}
    assert {record["eventCategory"] for record in records} == {"Management", "Data"}
    assert {record["eventType"] for record in records} == {"AwsApiCall", "AwsConsoleSignIn"}
    errors = Counter(record.get("errorCode") for record in records)
    assert len(errors) >= 8
    assert 0.01 < 1 - errors[None] / len(records) < 0.2
    assert all(isinstance(record["readOnly"], bool) for record in records)


def test_everything_is_invented(records: list[dict[str, Any]], told: dict[str, Any]) -> None:
    text = json.dumps(records)
    accounts = re.findall(r"(?:arn:aws:[a-z0-9-]*:[a-z0-9-]*:|ccountId\": \")(\d+)", text)
    assert set(accounts) == set(told["accounts"])
    assert all("EXAMPLE" in key for key in re.findall(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", text))
    addresses = {record["sourceIPAddress"] for record in records if record["sourceIPAddress"][0].isdigit()}
    assert all(re.match(r"10\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.", address) for address in addresses)
    assert set(re.findall(r"[a-z]+@[a-z.]+", text)) <= {f"{name}@example.com" for name in ("ana", "bo", "chidi", "dora", "emre", "fen")}


def test_the_facts_of_the_incident_are_what_the_records_say(records: list[dict[str, Any]], told: dict[str, Any]) -> None:
    facts = told["incident"]
    his = sorted(
        (record for record in records if record["sourceIPAddress"] == facts["source_ip_address"]), key=lambda one: str(one["eventTime"])
    )
    assert [his[0]["eventTime"], his[-1]["eventTime"]] == [facts["started"], facts["ended"]]
    assert {record["eventID"] for record in his} == set(facts["event_ids"])
    assert len(his) == facts["events"]
    assert sum("errorCode" in record for record in his) == facts["failed"]
    assert Counter(record["eventName"] for record in his) == facts["by_name"]
    keys = {record["userIdentity"]["accessKeyId"] for record in his}
    assert keys == {facts["leaked_access_key_id"], facts["created_access_key_id"], ""}
    created = [record for record in his if record["eventName"] == "CreateAccessKey"]
    assert [record["responseElements"]["accessKey"]["accessKeyId"] for record in created] == [facts["created_access_key_id"]]
    read = [record["requestParameters"]["key"] for record in his if record["eventName"] == "GetObject"]
    assert read == facts["objects"]
    taken = [record for record in his if record["eventName"] == "GetSecretValue" and "errorCode" not in record]
    assert [record["requestParameters"]["secretId"] for record in taken] == facts["secrets"]
    against = [record for record in his if record["eventSource"] == "cloudtrail.amazonaws.com" and not record["readOnly"]]
    assert [record["eventName"] for record in against] == facts["trail_attempts"]
    assert {record["errorCode"] for record in against} == {"AccessDenied"}
    before = [
        record for record in records if record["userIdentity"].get("accessKeyId") == facts["leaked_access_key_id"] and record not in his
    ]
    assert before
    assert {record["sourceIPAddress"].rsplit(".", 1)[0] for record in before} == {"198.51.100"}


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes_and_another_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        write(tmp_path / name, Plan(until=UNTIL, events=200, seed=seed))
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")
    assert _bytes(tmp_path / "one").keys() & _bytes(tmp_path / "three").keys() == {MANIFEST}


@pytest.mark.parametrize(("events", "files", "days", "accounts"), [(0, None, 1, 1), (1, None, 1, 9), (5_000, 40, 30, 4), (100, 27, 2, 9)])
def test_any_amount(tmp_path: Path, events: int, files: int | None, days: int, accounts: int) -> None:
    seen = []
    plan = Plan(until=UNTIL, events=events, files=files, days=days, accounts=accounts)
    summary = write(tmp_path / "new", plan, lambda: seen.append(1))
    assert isinstance(summary, Summary)
    assert len(seen) == len(plan.slots()) == summary.files == len(_files(tmp_path / "new"))
    assert files is None or summary.files == files
    assert events + summary.incident["events"] < summary.events < events + summary.incident["events"] + 10


def test_nothing_is_written_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(BadPlan, match="not empty"):
        write(tmp_path, Plan(until=UNTIL))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("wrong", [{"days": 0}, {"events": -1}, {"accounts": 0}, {"accounts": 10}, {"files": 8}])
def test_a_plan_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadPlan):
        Plan(until=UNTIL, **wrong)

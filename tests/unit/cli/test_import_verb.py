"""`opentrail import`: which store is meant, which import is followed, how dates are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from opentrail.cli import import_calls
from opentrail.cli.calls import Refused
from opentrail.cli.failures import CallFailed, NotSetUp
from opentrail.cli.imports import _moment
from opentrail.errors import SettingError
from opentrail.server.folder import DataFolder

ARN = "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/0b6dbe34-4b23-4b3c-a6c1-7a3d3ad3ac01"
ID = "0b0f8a3e-5d3d-4c5e-9a35-0d4f0b4a6c11"
SOURCE = "s3://example-logs"


class Api:
    """The API of a Lake with the stores `names`, in which an import of `under_way` is going on."""

    def __init__(self, *names: str, under_way: str | None = None) -> None:
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self._names = names
        self._under_way = under_way
        self._looks = 3

    def cloudtrail(self, operation: str, parameters: Mapping[str, Any], region: str) -> dict[str, Any]:
        self.calls.append((operation, dict(parameters)))
        match operation:
            case "ListEventDataStores":
                return {"EventDataStores": [{"EventDataStoreArn": ARN, "Name": name} for name in self._names]}
            case "CreateEventDataStore" | "GetEventDataStore":
                return {"EventDataStoreArn": ARN}
            case "StartImport" if self._under_way is not None:
                raise Refused("StartImport", "AccountHasOngoingImportException", "An import is running.")
            case "ListImports":
                return {"Imports": [{"ImportId": ID}]} if parameters["ImportStatus"] == "IN_PROGRESS" else {"Imports": []}
            case "GetImport":
                self._looks -= 1
                source = {"S3": {"S3LocationUri": self._under_way}}
                return {"ImportId": ID, "ImportSource": source, "ImportStatus": "IN_PROGRESS" if self._looks > 0 else "COMPLETED"}
        return {"ImportId": ID}


def test_a_store_that_is_not_there_is_made_for_imports_only() -> None:
    api, said = Api("other"), []
    assert import_calls.destination(api, "us-east-1", "logs", "Insight", said.append) == ARN
    (made,) = [parameters for operation, parameters in api.calls if operation == "CreateEventDataStore"]
    assert (made["Name"], made["StartIngestion"], made["RetentionPeriod"]) == ("logs", False, 3653)
    assert made["AdvancedEventSelectors"] == [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Insight"]}]}]
    assert "logs" in said[0]


@pytest.mark.parametrize("wanted", [None, "logs", ARN, ARN.rpartition("/")[2]])
def test_a_store_that_is_there_is_found(wanted: str | None) -> None:
    api = Api("logs")
    assert import_calls.destination(api, "us-east-1", wanted, "Management", print) == ARN
    assert [operation for operation, _ in api.calls] == ["ListEventDataStores", "GetEventDataStore"]


def test_the_same_import_under_way_is_followed_and_another_one_is_told() -> None:
    parameters = {"Destinations": [ARN], "ImportSource": {"S3": {"S3LocationUri": SOURCE}}}
    assert import_calls.start_bucket(Api("logs", under_way=SOURCE), "us-east-1", parameters) == ID
    with pytest.raises(CallFailed, match="list-imports"):
        import_calls.start_bucket(Api("logs", under_way="s3://another"), "us-east-1", parameters)


def test_an_import_is_looked_at_until_it_has_ended() -> None:
    seen: list[str] = []
    found = import_calls.follow(Api("logs"), "us-east-1", ID, lambda one: seen.append(one["ImportStatus"]), lambda _: None)
    assert found["ImportStatus"] == "COMPLETED"
    assert seen == ["IN_PROGRESS", "IN_PROGRESS", "COMPLETED"]


def test_a_directory_needs_the_data_folder_of_a_server(tmp_path: Path) -> None:
    with pytest.raises(NotSetUp, match="s3://BUCKET"):
        import_calls.start_directory(Api("logs"), "us-east-1", DataFolder(tmp_path), {})


def test_a_date_is_a_whole_day() -> None:
    assert _moment("2026-01-05", "--from", last=False) == 1767571200.0
    assert _moment("2026-01-05", "--to", last=True) == 1767657599.0
    assert _moment("2026-01-05T10:00:00Z", "--to", last=True) == 1767607200.0
    assert _moment(None, "--to", last=True) is None
    with pytest.raises(SettingError, match="2026-01-05"):
        _moment("yesterday", "--from", last=False)

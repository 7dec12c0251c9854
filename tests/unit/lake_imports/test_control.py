"""Imports as callers see them: which are begun, which are refused, how they are listed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opentrail.lake import faults
from opentrail.lake.families import Family
from opentrail.lake.imports.control import Wanted
from opentrail.wire.faults import Fault, fault
from simulators.import_house import PLACE, House
from simulators.lake_imports import ACCOUNT, REGION, STORE, event, event_data_store, log_file, log_key

OTHER = "1c7ecf45-5c34-4c4d-b7d2-8b4e4be4bd02"


def test_an_account_has_one_import_at_a_time(house: House) -> None:
    first = house.start()
    with pytest.raises(faults.AccountHasOngoingImportException, match=first):
        house.start()
    assert house.imports.has_ongoing_import(STORE)
    house.imports.stop(ACCOUNT, REGION, first)
    assert not house.imports.has_ongoing_import(STORE)
    assert house.start() != first


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"status": "PENDING_DELETION"}, faults.InactiveEventDataStoreException),
        ({"status": "CREATED"}, faults.InvalidEventDataStoreStatusException),
        ({"status": "STARTING_INGESTION"}, faults.InvalidEventDataStoreStatusException),
        ({"family": Family.EVIDENCE}, faults.InvalidEventDataStoreCategoryException),
        ({"family": Family.ACTIVITY}, faults.InvalidEventDataStoreCategoryException),
        ({"account_id": "999999999999"}, faults.EventDataStoreNotFoundException),
        ({"account_id": "999999999999", "organization_enabled": True}, faults.OperationNotPermittedException),
        ({"region": "eu-west-1"}, faults.EventDataStoreNotFoundException),
    ],
)
def test_a_destination_must_be_able_to_take_events(house: House, changed: dict[str, Any], refusal: type[Fault]) -> None:
    house.stores.by_id[STORE] = event_data_store(**changed)
    with pytest.raises(refusal):
        house.start()


@pytest.mark.parametrize("changed", [{"status": "STOPPED_INGESTION"}, {"family": Family.INSIGHTS}, {"family": Family.CONFIGURATION}])
def test_stores_that_take_events(house: House, changed: dict[str, Any]) -> None:
    house.stores.by_id[STORE] = event_data_store(**changed)
    assert house.get(house.start()).status == "INITIALIZING"


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"destination": OTHER}, faults.EventDataStoreNotFoundException),
        ({"destination": "no-arn"}, faults.EventDataStoreARNInvalidException),
        ({"location": "file:///etc"}, faults.InvalidImportSourceException),
        ({"bucket_region": "nowhere"}, faults.InvalidImportSourceException),
        ({"role_arn": "anna"}, faults.InvalidImportSourceException),
        ({"start_event_time": 2.0, "end_event_time": 1.0}, faults.InvalidParameterException),
    ],
)
def test_what_cannot_be_meant_is_refused(house: House, changed: dict[str, Any], refusal: type[Fault]) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/Importer"
    wanted = replace(Wanted(destination=STORE, location="s3://example-logs", bucket_region=REGION, role_arn=role), **changed)
    with pytest.raises(refusal):
        house.imports.start(PLACE, wanted)


def test_only_a_failed_import_is_retried(house: House) -> None:
    import_id = house.start()
    with pytest.raises(faults.InvalidParameterException, match="INITIALIZING"):
        house.imports.retry(ACCOUNT, REGION, import_id)
    house.imports.stop(ACCOUNT, REGION, import_id)
    with pytest.raises(faults.InvalidParameterException, match="STOPPED"):
        house.imports.retry(ACCOUNT, REGION, import_id)
    with pytest.raises(faults.ImportNotFoundException):
        house.imports.retry("999999999999", REGION, import_id)


def test_stopping_twice_changes_nothing_and_an_ended_one_is_not_stopped(house: House) -> None:
    house.source.files = {log_key(1): log_file(event("e"))}
    import_id = house.start()
    assert house.imports.stop(ACCOUNT, REGION, import_id) == house.imports.stop(ACCOUNT, REGION, import_id)
    found = house.run()
    with pytest.raises(faults.InvalidParameterException, match="COMPLETED"):
        house.imports.stop(ACCOUNT, REGION, found.id)


def test_pages_of_imports_are_newest_first_and_belong_to_their_question(house: House) -> None:
    house.source.files = {log_key(1): log_file(event("e"))}
    ids = [house.run().id for _ in range(5)]
    seen, token = [], None
    while True:
        page, token = house.imports.list(PLACE, destination=STORE, size=2, token=token)
        seen += [one.id for one in page]
        if token is None:
            break
    assert seen == ids[::-1]
    _, token = house.imports.list(PLACE, size=2)
    for bad in (token, "nonsense", "bm9uc2Vuc2U="):
        with pytest.raises(faults.InvalidNextTokenException):
            house.imports.list(PLACE, status="COMPLETED", size=2, token=bad)
    assert house.imports.list(PLACE, status="FAILED")[0] == []
    assert house.imports.list(PLACE, destination=OTHER)[0] == []
    with pytest.raises(faults.InvalidParameterException):
        house.imports.list(PLACE, size=1001)


def test_pages_of_failures(house: House) -> None:
    house.source.files = {log_key(n): b"" for n in range(5)}
    import_id = house.run().id
    seen, token = [], None
    while True:
        page, token = house.imports.failures(ACCOUNT, REGION, import_id, size=2, token=token)
        seen += [one.location for one in page]
        if token is None:
            break
    assert seen == [f"s3://example-logs/{log_key(n)}" for n in range(5)]
    with pytest.raises(faults.InvalidParameterException):
        house.imports.failures("999999999999", REGION, import_id)


def test_accounts_take_turns(house: House) -> None:
    theirs = event_data_store(OTHER, account_id="999999999999")
    house.stores.by_id[OTHER] = theirs
    house.source.files = {log_key(1): log_file(event("e"))}
    ours = house.start()
    role = "arn:aws:iam::999999999999:role/Importer"
    wanted = Wanted(destination=OTHER, location="s3://example-logs", bucket_region=REGION, role_arn=role)
    other = house.imports.start(replace(PLACE, account_id="999999999999"), wanted).id
    house.work()
    assert house.get(ours).status == house.imports.get("999999999999", REGION, other).status == "COMPLETED"
    assert house.tables.event_ids(STORE) == house.tables.event_ids(OTHER) == ["e"]


def test_a_source_that_is_not_to_be_read_any_more_fails_the_import(house: House) -> None:
    house.source.files = {log_key(1): log_file(event("e"))}
    import_id = house.start()
    house.sources.refusal = faults.InvalidImportSourceException("There is no role.")
    house.work()
    assert house.get(import_id).status == "FAILED"
    house.sources.refusal = None
    house.imports.retry(ACCOUNT, REGION, import_id)
    house.work()
    assert house.get(import_id).status == "COMPLETED"
    assert [one.status for one in house.failures(import_id)] == ["SUCCEEDED"]


def test_what_may_pass_is_tried_again_before_it_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opentrail.lake.imports.reading.PAUSE", 0)
    house.source.files = {log_key(1): log_file(event("e"))}
    house.source.refusing = {log_key(1): fault("SlowDown", "Please reduce your request rate.", status=503, sender=False)}
    found = house.run()
    assert house.source.read_keys == [log_key(1)] * 3
    assert [one.error_type for one in house.failures(found.id)] == ["SlowDown"]

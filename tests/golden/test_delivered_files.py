"""Delivered log files: what OpenTrail's tables and record say about every kind of event in them.

The files are not part of the repository: the tests look for them beside it and skip without them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from opentrail.events import categories, logfile, names
from opentrail.events import record as records
from opentrail.events.read_only import read_only
from opentrail.identity.principals import Principal
from opentrail.recorder import Observation, Recorder
from opentrail.wire.models import Catalogue

FILES = Path(__file__).parents[3] / "shared" / "data" / "delivered-log-files"
SERVICES = (
    "account", "autoscaling", "ce", "cloudtrail", "cloudwatch", "devops-guru", "ec2", "elb", "elbv2", "guardduty", "health", "iam", "kms",
    "lambda", "logs", "notifications", "organizations", "ram", "rds", "resource-explorer-2", "rolesanywhere", "route53",
    "route53resolver", "s3", "s3control", "secretsmanager", "securityhub", "servicecatalog-appregistry", "ssm", "sts",
)  # fmt: skip

NO_MODEL = {
    ("ec2.amazonaws.com", "SharedSnapshotVolumeCreated"): "event of the service, no call",
    ("rds.amazonaws.com", "DescribeRecommendationGroups"): "call of the console only; not public",
    ("rds.amazonaws.com", "DescribeRecommendations"): "call of the console only; not public",
    ("s3.amazonaws.com", "GetStorageLensDashboardDataInternal"): "call of the console only; not public",
    ("secretsmanager.amazonaws.com", "EndSecretVersionDelete"): "event of the service, no call",
    ("secretsmanager.amazonaws.com", "StartSecretVersionDelete"): "event of the service, no call",
    ("signin.amazonaws.com", "CheckMfa"): "sign-in, no call",
    ("signin.amazonaws.com", "ConsoleLogin"): "sign-in, no call",
    ("ssm.amazonaws.com", "ListInstanceAssociations"): "call of the SSM agent only; not public",
    ("ssm.amazonaws.com", "UpdateInstanceAssociationStatus"): "call of the SSM agent only; not public",
    ("ssm.amazonaws.com", "UpdateInstanceInformation"): "call of the SSM agent only; not public",
}
"""Events that no operation of botocore's models makes."""

IDENTITY = ("type", "principalId", "arn", "accountId", "accessKeyId", "userName", "sessionContext", "invokedBy")
SESSION = ("sessionIssuer", "webIdFederationData", "attributes", "ec2RoleDelivery")


@pytest.fixture(scope="module")
def delivered() -> list[tuple[bytes, dict[str, Any]]]:
    if not FILES.is_dir():
        pytest.skip(f"no delivered log files at {FILES.name} beside the repository")
    return [(entry, json.loads(entry)) for file in sorted(FILES.glob("*.json")) for entry in logfile.read(file.read_bytes())]


@pytest.fixture(scope="module")
def operations() -> dict[tuple[str, str], list[tuple[str, str]]]:
    catalogue = Catalogue()
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for service in SERVICES:
        model = catalogue.service(service).model
        for operation in model.operation_names:
            found[names.event_source(model), names.event_name(model.operation_model(operation))].append((service, operation))
    return found


def _in_order(keys: Sequence[str], order: Sequence[str]) -> bool:
    return [order.index(key) for key in keys] == sorted(order.index(key) for key in keys)


def test_every_record_is_read_and_prints_its_keys_in_our_order(delivered: list[tuple[bytes, dict[str, Any]]]) -> None:
    assert len(delivered) == 2900
    for entry, plain in delivered:
        view = records.read(entry)
        assert (view.event_id, view.event_name, view.read_only) == (plain["eventID"], plain["eventName"], plain["readOnly"])
        assert _in_order(list(plain), records.ORDER)
        assert _in_order(list(plain["userIdentity"]), IDENTITY)
        assert _in_order(list(plain["userIdentity"].get("sessionContext", {})), SESSION)


def test_our_json_is_their_json(delivered: list[tuple[bytes, dict[str, Any]]]) -> None:
    unlike = [plain for entry, plain in delivered if records.encode(plain) != entry]
    # Java prints large doubles with an exponent; the recorder does so where it prints instants as doubles
    assert {plain["eventSource"] for plain in unlike} == {"devops-guru.amazonaws.com"}
    assert len(unlike) == 2


def test_every_log_file_is_written_back_byte_for_byte() -> None:
    if not FILES.is_dir():
        pytest.skip(f"no delivered log files at {FILES.name} beside the repository")
    for file in sorted(FILES.glob("*.json")):
        text = file.read_bytes()
        assert logfile.write(logfile.read(text)) == text.strip()


def test_every_kind_of_event_is_called_as_delivered(
    delivered: list[tuple[bytes, dict[str, Any]]], operations: dict[tuple[str, str], list[tuple[str, str]]]
) -> None:
    kinds = {(plain["eventSource"], plain["eventName"]) for _, plain in delivered}
    assert kinds - set(operations) == set(NO_MODEL)
    assert len(kinds - set(NO_MODEL)) == 251


def test_read_only_and_category_are_as_delivered(delivered: list[tuple[bytes, dict[str, Any]]]) -> None:
    for _, plain in delivered:
        kind = plain["eventSource"], plain["eventName"]
        assert (kind, read_only(*kind)) == (kind, plain["readOnly"])
        assert (kind, categories.category(*kind)) == (kind, plain["eventCategory"])


def test_described_records_agree_with_delivered_ones(
    delivered: list[tuple[bytes, dict[str, Any]]], operations: dict[tuple[str, str], list[tuple[str, str]]]
) -> None:
    """Each kind of event is described as a call by the same kind of caller: the decided fields and the order of keys are equal."""
    recorder = Recorder(Catalogue())
    seen = set()
    for _, plain in delivered:
        kind = plain["eventSource"], plain["eventName"]
        if kind in NO_MODEL or kind in seen:
            continue
        seen.add(kind)
        service, operation = _operation_of(plain, operations[kind])
        described = recorder.describe(
            Observation(
                service=service,
                operation=operation,
                principal=Principal(type="IAMUser", account_id="111122223333", principal_id="AIDA", access_key_id="AKIA", user_name="ana"),
                account_id="111122223333",
                region=plain["awsRegion"],
                request_id="r",
                source_ip="198.51.100.20",
                user_agent="boto3",
                time=0.0,
                parameters={},
                result={},
                error_code=plain.get("errorCode"),
                host="localhost",
            )
        )
        assert described is not None
        ours = json.loads(described)
        decided = ("eventSource", "eventName", "awsRegion", "readOnly", "eventType", "apiVersion", "managementEvent", "eventCategory")
        assert {key: ours.get(key) for key in decided} == {key: plain.get(key) for key in decided}
        assert _in_order(list(ours), records.ORDER)
        assert ours.get("errorCode") == plain.get("errorCode")
    assert len(seen) == 251


def _operation_of(plain: dict[str, Any], candidates: list[tuple[str, str]]) -> tuple[str, str]:
    """The load balancers' generations share a source and are told apart by their `apiVersion`."""
    if plain["eventSource"].startswith("elasticloadbalancing"):
        return next(one for one in candidates if one[0] == ("elbv2" if plain["apiVersion"] == "2015-12-01" else "elb"))
    return candidates[0]

"""`userIdentity` of each kind of caller."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from opentrail.identity.principals import Principal, Session, service_principal
from opentrail.recorder import Observation, Recorder
from opentrail.wire.models import Catalogue

ACCOUNT = "111122223333"
SESSION = Session(
    issuer_type="Role",
    issuer_id="AROAEXAMPLEROLE0001",
    issuer_arn=f"arn:aws:iam::{ACCOUNT}:role/Deployer",
    issuer_account_id=ACCOUNT,
    issuer_name="Deployer",
    created=datetime(2026, 1, 5, 10, tzinfo=UTC),
    source_identity="ana",
)


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder(Catalogue(), account_aliases={ACCOUNT: "example-corp"})


ROLE_SESSION = Principal(
    type="AssumedRole",
    account_id=ACCOUNT,
    principal_id="AROAEXAMPLEROLE0001:deploy-7",
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/deploy-7",
    access_key_id="ASIAEXAMPLEKEY000001",
    session=SESSION,
)
ISSUER = {
    "type": "Role",
    "principalId": "AROAEXAMPLEROLE0001",
    "arn": f"arn:aws:iam::{ACCOUNT}:role/Deployer",
    "accountId": ACCOUNT,
    "userName": "Deployer",
}
ATTRIBUTES = {"creationDate": "2026-01-05T10:00:00Z", "mfaAuthenticated": "false"}
IDENTITIES: list[tuple[str, Principal, dict[str, Any]]] = [
    (
        "root",
        Principal(type="Root", account_id=ACCOUNT, principal_id=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", access_key_id="AKIAROOT"),
        {
            "type": "Root",
            "principalId": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:root",
            "accountId": ACCOUNT,
            "accessKeyId": "AKIAROOT",
            "userName": "example-corp",
        },
    ),
    (
        "role session",
        ROLE_SESSION,
        {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLEROLE0001:deploy-7",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/deploy-7",
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAEXAMPLEKEY000001",
            "sessionContext": {"sessionIssuer": ISSUER, "attributes": ATTRIBUTES, "sourceIdentity": "ana"},
        },
    ),
    (
        "user with a session token",
        Principal(
            type="IAMUser",
            account_id=ACCOUNT,
            principal_id="AIDA1",
            arn=f"arn:aws:iam::{ACCOUNT}:user/ana",
            access_key_id="ASIA1",
            user_name="ana",
            session=Session(
                issuer_type="IAMUser",
                issuer_id="AIDA1",
                issuer_arn=f"arn:aws:iam::{ACCOUNT}:user/ana",
                issuer_account_id=ACCOUNT,
                issuer_name="ana",
                created=datetime(2026, 1, 5, 10, tzinfo=UTC),
                mfa=True,
            ),
        ),
        {
            "type": "IAMUser",
            "principalId": "AIDA1",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/ana",
            "accountId": ACCOUNT,
            "accessKeyId": "ASIA1",
            "userName": "ana",
            "sessionContext": {"attributes": {"creationDate": "2026-01-05T10:00:00Z", "mfaAuthenticated": "true"}},
        },
    ),
    (
        "federated user of root",
        Principal(
            type="FederatedUser",
            account_id=ACCOUNT,
            principal_id=f"{ACCOUNT}:bo",
            arn=f"arn:aws:sts::{ACCOUNT}:federated-user/bo",
            access_key_id="ASIA2",
            session=Session(
                issuer_type="Root",
                issuer_id=ACCOUNT,
                issuer_arn=f"arn:aws:iam::{ACCOUNT}:root",
                issuer_account_id=ACCOUNT,
                issuer_name=None,
                created=datetime(2026, 1, 5, 10, tzinfo=UTC),
            ),
        ),
        {
            "type": "FederatedUser",
            "principalId": f"{ACCOUNT}:bo",
            "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bo",
            "accountId": ACCOUNT,
            "accessKeyId": "ASIA2",
            "sessionContext": {
                "sessionIssuer": {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT},
                "attributes": ATTRIBUTES,
            },
        },
    ),
    ("service", service_principal("cloudtrail.amazonaws.com"), {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}),
    (
        "other account",
        Principal(type="AWSAccount", account_id="444455556666", principal_id="AIDA9", access_key_id="AKIA9"),
        {"type": "AWSAccount", "principalId": "AIDA9", "accountId": "444455556666"},
    ),
    ("unknown key", Principal(type="Unknown", account_id="", access_key_id="AKIA0"), {"type": "Unknown", "accessKeyId": "AKIA0"}),
]


@pytest.mark.parametrize(("principal", "identity"), [row[1:] for row in IDENTITIES], ids=[row[0] for row in IDENTITIES])
def test_user_identity(principal: Principal, identity: dict[str, Any], recorder: Recorder) -> None:
    text = recorder.describe(
        Observation(
            service="sts",
            operation="GetCallerIdentity",
            principal=principal,
            account_id=ACCOUNT,
            region="eu-west-1",
            request_id="r-1",
            source_ip="198.51.100.20",
            user_agent="example-client/1.0",
            time=0.0,
        )
    )
    assert text is not None
    printed = json.loads(text)["userIdentity"]
    assert json.dumps(printed) == json.dumps(identity)  # the order of keys too

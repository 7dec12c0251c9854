"""Organization trails over the wire: what the caller must be allowed, the service-linked role, the resource that policies name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from opentrail import signing
from opentrail.api.authorisation import Authorisation
from opentrail.api.cloudtrail import CloudTrailService
from opentrail.api.cloudtrail.organization_access import ROLE
from opentrail.api.cloudtrail.organization_trails import OrganizationTrailOperations
from opentrail.identity.credentials import Credential
from opentrail.identity.faults import NoSuchEntity
from opentrail.identity.organizations.service_names import CLOUDTRAIL
from opentrail.trails.control import Trails
from opentrail.trails.neighbours import Neighbours
from simulators.front_door import ACCOUNT as MANAGER
from simulators.front_door import FrontDoor
from simulators.trails import REGIONS, Buckets, key_pair

ALL = f"arn:aws:cloudtrail:us-east-1:{MANAGER}:trail/all"
WANTED = {"Name": "all", "S3BucketName": "logs", "IsOrganizationTrail": True}


class Stage:
    """A front whose root account manages an organization."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "signing"
        self.door = FrontDoor(folder, services=self._services)
        self.identities = self.door.identities
        organizations = self.identities.organizations
        organizations.accompanied_by(self.trails.organization)
        organizations.create(MANAGER)
        organizations.services.enable(MANAGER, CLOUDTRAIL)

    def _services(self, door: FrontDoor) -> list[Any]:
        self.trails = Trails(
            door.database,
            door.clock,
            buckets=Buckets(door.clock),
            regions=REGIONS,
            head=lambda: 0,
            neighbours=Neighbours(organizations=door.identities.organizations.asked),
        )
        check = partial(Authorisation(identities=door.identities).check, protocol="json")
        more = OrganizationTrailOperations(self.trails, door.identities, check).operations
        keys = signing.SigningKeys(door.database, self.folder, door.clock, generate=lambda: key_pair(1))
        return [CloudTrailService(self.trails, keys, more)]

    def member(self, *, delegated: bool = False) -> Credential:
        """The root user of a new member."""
        made = self.identities.organizations.accounts.create(MANAGER, email=f"{self.door.clock.time()}@example.com", name="m", tags={})
        self.door.clock.advance(1)
        account_id = made.account_id or ""
        if delegated:
            self.identities.organizations.services.register(MANAGER, account_id, CLOUDTRAIL)
        return self.identities.ensure_root(account_id)

    def user(self, *statements: dict[str, Any]) -> Credential:
        """A user of the management account with these rights."""
        user = self.identities.users.create(MANAGER, f"user-{len(self.door.records)}-{len(statements)}")
        text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.identities.attachments.put_inline(MANAGER, "user", user.name, "p", text)
        return self.key(MANAGER, user.name)

    def key(self, account_id: str, name: str) -> Credential:
        """A new key of a user."""
        made, _ = self.identities.access_keys.create(account_id, name)
        found = self.identities.credential(made.access_key_id)
        assert found is not None
        return found

    def __call__(self, operation: str, key: Credential | None = None, **parameters: Any) -> tuple[str, dict[str, Any]]:
        answered = self.door.ask(self.door.json(operation, parameters, key=key))
        found = json.loads(answered.body)
        return str(found.get("__type", "")), found

    def has_role(self) -> bool:
        try:
            self.identities.roles.get(MANAGER, ROLE)
        except NoSuchEntity:
            return False
        return True


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.door.close()


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def test_the_management_account_s_own_first_call_makes_the_role(stage: Stage) -> None:
    delegate = stage.member(delegated=True)
    assert stage("CreateTrail", delegate, **WANTED)[0] == "NoManagementAccountSLRExistsException"
    code, made = stage("CreateTrail", **WANTED)
    assert (code, made["TrailARN"], made["IsOrganizationTrail"]) == ("", ALL, True)
    assert stage.has_role()
    assert stage("CreateTrail", delegate, **{**WANTED, "Name": "second"})[0] == ""


def test_who_may_not_ask_for_an_organization_trail_makes_no_role(stage: Stage) -> None:
    assert stage("CreateTrail", stage.member(), **WANTED)[0] == "NotOrganizationMasterAccountException"
    assert not stage.has_role()


def test_what_the_caller_must_be_allowed_besides(stage: Stage) -> None:
    needed = ["organizations:ListAWSServiceAccessForOrganization", "iam:GetRole", "iam:CreateServiceLinkedRole"]
    for lacking in range(len(needed)):
        user = stage.user(allow("cloudtrail:*"), allow(*needed[:lacking], *needed[lacking + 1 :]))
        code, said = stage("CreateTrail", user, **WANTED)
        assert code == "InsufficientDependencyServiceAccessPermissionException"
        assert needed[lacking] in said["Message"]
    assert not stage.has_role()
    assert stage("CreateTrail", stage.user(allow("cloudtrail:*"), allow(*needed)), **WANTED)[0] == ""
    # The role is there now: nobody has to be allowed to make it. An ordinary trail takes none of this.
    assert stage("CreateTrail", stage.user(allow("cloudtrail:*"), allow(*needed[:2])), **{**WANTED, "Name": "second"})[0] == ""
    assert stage("CreateTrail", stage.user(allow("cloudtrail:*")), Name="plain", S3BucketName="logs")[0] == ""


def test_policies_name_the_trail_of_the_management_account(stage: Stage) -> None:
    stage("CreateTrail", **WANTED)
    delegate = stage.member(delegated=True)
    account_id = delegate.principal.account_id
    user = stage.identities.users.create(account_id, "auditor")
    text = json.dumps({"Version": "2012-10-17", "Statement": [allow("cloudtrail:StartLogging", resource=ALL)]})
    stage.identities.attachments.put_inline(account_id, "user", user.name, "p", text)
    key = stage.key(account_id, user.name)
    assert stage("StartLogging", key, Name=ALL)[0] == ""
    assert stage("StopLogging", key, Name=ALL)[0] == "AccessDeniedException"


def test_members_are_told_about_the_trail_by_its_arn(stage: Stage) -> None:
    stage("CreateTrail", **WANTED)
    member = stage.member()
    assert stage("GetTrail", member, Name=ALL)[1]["Trail"]["HomeRegion"] == "us-east-1"
    assert [trail["TrailARN"] for trail in stage("DescribeTrails", member)[1]["trailList"]] == [ALL]
    assert stage("DescribeTrails", member, includeShadowTrails=False)[1]["trailList"] == []
    assert stage("GetTrailStatus", member, Name=ALL)[1]["IsLogging"] is False
    assert stage("GetEventSelectors", member, TrailName=ALL)[1]["TrailARN"] == ALL
    assert [trail["TrailARN"] for trail in stage("ListTrails", member)[1]["Trails"]] == [ALL]
    for operation, parameters in {
        "UpdateTrail": {"Name": ALL, "IsMultiRegionTrail": True},
        "DeleteTrail": {"Name": ALL},
        "StartLogging": {"Name": ALL},
        "StopLogging": {"Name": ALL},
        "PutEventSelectors": {"TrailName": ALL, "EventSelectors": [{"ReadWriteType": "All"}]},
    }.items():
        assert (operation, stage(operation, member, **parameters)[0]) == (operation, "NotOrganizationMasterAccountException")

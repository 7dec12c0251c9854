"""Who may do what to which event data store, through the whole front: ARNs, tags, resource policies, delegated administrators."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from opentrail.api.authorisation import Authorisation
from opentrail.api.cloudtrail import CloudTrailService
from opentrail.api.cloudtrail.event_data_stores import EventDataStoreOperations
from opentrail.api.cloudtrail.lake_needs import LakeNeeds
from opentrail.api.cloudtrail.lake_sharing import CONTEXT_ROLE, LakeSharing
from opentrail.api.cloudtrail.organization_access import OrganizationAccess
from opentrail.api.cloudtrail.resource_policies import ResourcePolicyOperations
from opentrail.identity.credentials import Credential
from opentrail.identity.faults import NoSuchEntity
from opentrail.identity.organizations.service_names import CLOUDTRAIL
from opentrail.lake.stores.carriers import StoreCarrier
from opentrail.lake.stores.control import EventDataStores, StoreNeighbours
from opentrail.lake.stores.resource_policies import ResourcePolicies
from opentrail.lake.stores.tags import LakeTags
from opentrail.signing import SigningKeys
from opentrail.trails.control import Trails
from simulators.event_data_stores import only
from simulators.front_door import ACCOUNT, FrontDoor
from simulators.trails import REGIONS, Buckets, KeyStock

MODEL = botocore.session.get_session().get_service_model("cloudtrail")
STEM = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:eventdatastore/"
FRIEND = "444455556666"


class House:
    """A front with the Lake's control plane."""

    def __init__(self, folder: Path) -> None:
        def services(door: FrontDoor) -> list[Any]:
            trails = Trails(door.database, door.clock, buckets=Buckets(door.clock), regions=REGIONS, head=lambda: 0)
            organizations = door.identities.organizations
            self.stores = EventDataStores(
                door.database,
                door.clock,
                partition=REGIONS.partition,
                head=lambda: 0,
                neighbours=StoreNeighbours(organizations=organizations.asked),
            )
            organizations.accompanied_by(self.stores.organization)
            check = partial(Authorisation(identities=door.identities).check, protocol="json")
            carriers = [StoreCarrier(self.stores)]
            tags, policies = LakeTags(door.database, carriers), ResourcePolicies(self.stores, carriers)
            needs = LakeNeeds(self.stores, tags, policies)
            subjects = [
                EventDataStoreOperations(self.stores, needs, OrganizationAccess(door.identities, check)),
                ResourcePolicyOperations(policies, needs),
            ]
            lake = LakeSharing(stores=self.stores, tags=tags, needs=needs, identities=door.identities, check=check)
            keys = SigningKeys(door.database, folder / "keys", door.clock, generate=KeyStock())
            return [CloudTrailService(trails, keys, subjects=subjects, lake=lake)]

        self.door = FrontDoor(folder, services=services)
        self.identities = self.door.identities

    def __call__(self, operation: str, key: Credential | None = None, **parameters: Any) -> tuple[str, dict[str, Any]]:
        """Code of the fault (`""` for success), and the answer."""
        answered = self.door.ask(self.door.json(operation, parameters, key=key))
        found = json.loads(answered.body)
        code = str(found.get("__type", ""))
        if not code:
            assert set(found) <= set(MODEL.operation_model(operation).output_shape.members)
        return code, found

    def create(self, name: str = "events", **parameters: Any) -> str:
        code, found = self("CreateEventDataStore", Name=name, **parameters)
        assert code == ""
        return str(found["EventDataStoreArn"])

    def user(self, *statements: dict[str, Any], account_id: str = ACCOUNT) -> Credential:
        """A user with these statements, each `Allow` on everything unless it says otherwise."""
        self.identities.ensure_root(account_id)
        name = f"user-{len(self.door.records)}-{self.door.clock.time()}"
        self.door.clock.advance(1)
        self.identities.users.create(account_id, name)
        filled = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
        document = json.dumps({"Version": "2012-10-17", "Statement": filled})
        self.identities.attachments.put_inline(account_id, "user", name, "only", document)
        key, _ = self.identities.access_keys.create(account_id, name)
        found = self.identities.credential(key.access_key_id)
        assert found is not None
        return found

    def has_role(self, name: str) -> bool:
        try:
            self.identities.roles.get(ACCOUNT, name)
        except NoSuchEntity:
            return False
        return True


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.door.close()


REFUSED = "AccessDeniedException"


def test_an_arn_in_a_policy_names_one_store(house: House) -> None:
    mine, theirs = house.create("mine"), house.create("theirs")
    user = house.user({"Action": "cloudtrail:*", "Resource": mine}, {"Action": "cloudtrail:ListEventDataStores"})
    for named in (mine, mine.rpartition("/")[2]):
        assert house("GetEventDataStore", user, EventDataStore=named)[0] == ""
        assert house("UpdateEventDataStore", user, EventDataStore=named, RetentionPeriod=30)[0] == ""
        assert house("PutEventConfiguration", user, EventDataStore=named, MaxEventSize="Large")[0] == ""
    assert house("AddTags", user, ResourceId=mine, TagsList=[{"Key": "a"}])[0] == ""
    assert house("ListTags", user, ResourceIdList=[mine, theirs])[0] == REFUSED
    for operation in ("GetEventDataStore", "StopEventDataStoreIngestion", "DeleteEventDataStore", "GetEventConfiguration"):
        assert house(operation, user, EventDataStore=theirs)[0] == REFUSED
    assert house("GetResourcePolicy", user, ResourceArn=theirs)[0] == REFUSED
    assert house("CreateEventDataStore", user, Name="third")[0] == REFUSED
    _, listed = house("ListEventDataStores", user)
    assert listed == {"EventDataStores": [{"EventDataStoreArn": mine, "Name": "mine"}, {"EventDataStoreArn": theirs, "Name": "theirs"}]}


def test_tags_are_condition_keys(house: House) -> None:
    red, blue = house.create("red", TagsList=[{"Key": "team", "Value": "red"}]), house.create("blue")
    of_red = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    user = house.user({"Action": "cloudtrail:GetEventDataStore", "Condition": of_red})
    assert house("GetEventDataStore", user, EventDataStore=red)[0] == ""
    assert house("GetEventDataStore", user, EventDataStore=blue)[0] == REFUSED
    wanting = {"StringEquals": {"aws:RequestTag/team": "red"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    maker = house.user({"Action": ["cloudtrail:CreateEventDataStore", "cloudtrail:AddTags"], "Condition": wanting})
    assert house("CreateEventDataStore", maker, Name="untagged")[0] == REFUSED
    assert house("CreateEventDataStore", maker, Name="wrong", TagsList=[{"Key": "team", "Value": "blue"}])[0] == REFUSED
    assert house("CreateEventDataStore", maker, Name="right", TagsList=[{"Key": "team", "Value": "red"}])[0] == ""
    assert house("AddTags", maker, ResourceId=blue, TagsList=[{"Key": "team", "Value": "red"}, {"Key": "b"}])[0] == REFUSED
    assert house("AddTags", maker, ResourceId=blue, TagsList=[{"Key": "team", "Value": "red"}])[0] == ""
    plain = house.user({"Action": "cloudtrail:CreateEventDataStore"})
    assert house("CreateEventDataStore", plain, Name="more", TagsList=[{"Key": "a"}])[0] == REFUSED, "tagging is an action of its own"
    remover = house.user({"Action": "cloudtrail:RemoveTags", "Condition": {"StringEquals": {"aws:TagKeys": "b"}}})
    assert house("RemoveTags", remover, ResourceId=blue, TagsList=[{"Key": "team"}])[0] == REFUSED
    assert house("RemoveTags", remover, ResourceId=blue, TagsList=[{"Key": "b"}])[0] == ""


def test_another_account_gets_a_store_by_its_resource_policy(house: House) -> None:
    arn = house.create()
    allowed = house.user({"Action": "cloudtrail:*"}, account_id=FRIEND)
    nothing = house.user({"Action": "s3:*"}, account_id=FRIEND)
    assert house("GetEventDataStore", allowed, EventDataStore=arn)[0] == REFUSED
    assert house("GetEventDataStore", allowed, EventDataStore=STEM + "1234abcd-12ab-34cd-56ef-1234567890ab")[0] == REFUSED
    one = {"Effect": "Allow", "Principal": {"AWS": FRIEND}, "Action": "cloudtrail:GetEventDataStore", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": one})
    assert house("PutResourcePolicy", ResourceArn=arn, ResourcePolicy=policy) == ("", {"ResourceArn": arn, "ResourcePolicy": policy})
    code, found = house("GetEventDataStore", allowed, EventDataStore=arn)
    assert (code, found["Name"]) == ("", "events")
    assert house("GetEventDataStore", nothing, EventDataStore=arn)[0] == REFUSED, "its own account must let it as well"
    assert house("UpdateEventDataStore", allowed, EventDataStore=arn, Name="mine")[0] == REFUSED
    assert house("ListEventDataStores", allowed) == ("", {"EventDataStores": []})
    assert house("DeleteResourcePolicy", allowed, ResourceArn=arn)[0] == REFUSED
    assert house("DeleteResourcePolicy", ResourceArn=arn)[0] == ""
    assert house("GetEventDataStore", allowed, EventDataStore=arn)[0] == REFUSED


def test_a_resource_policy_denies_in_its_own_account_too(house: House) -> None:
    arn = house.create()
    one = {"Effect": "Deny", "Principal": "*", "Action": "cloudtrail:GetEventDataStore", "Resource": arn}
    assert house("PutResourcePolicy", ResourceArn=arn, ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": one}))[0] == ""
    assert house("GetEventDataStore", EventDataStore=arn)[0] == REFUSED
    assert house("DeleteResourcePolicy", ResourceArn=arn)[0] == ""


def test_delegated_administrators_work_and_members_see_nothing(house: House) -> None:
    organizations = house.identities.organizations
    organizations.create(ACCOUNT)
    organizations.services.enable(ACCOUNT, CLOUDTRAIL)
    accounts = [organizations.accounts.create(ACCOUNT, email=f"{name}@example.com", name=name, tags={}).account_id for name in "ab"]
    delegate_id, member_id = accounts
    assert delegate_id is not None
    assert member_id is not None
    organizations.services.register(ACCOUNT, delegate_id, CLOUDTRAIL)
    delegate, member = house.identities.ensure_root(delegate_id), house.identities.ensure_root(member_id)
    wanted = {"Name": "all", "OrganizationEnabled": True}
    assert house("CreateEventDataStore", member, **wanted)[0] == "NotOrganizationMasterAccountException"
    assert house("CreateEventDataStore", delegate, **wanted)[0] == "NoManagementAccountSLRExistsException"
    assert not house.has_role("AWSServiceRoleForCloudTrail")
    poor = house.user({"Action": "cloudtrail:*"})
    assert house("CreateEventDataStore", poor, **wanted)[0] == "InsufficientDependencyServiceAccessPermissionException"
    first = house.create("first", OrganizationEnabled=True)
    assert house.has_role("AWSServiceRoleForCloudTrail")
    code, made = house("CreateEventDataStore", delegate, **wanted)
    arn = made["EventDataStoreArn"]
    assert (code, arn.split(":")[4]) == ("", ACCOUNT)
    assert {one["EventDataStoreArn"] for one in house("ListEventDataStores", delegate)[1]["EventDataStores"]} == {first, arn}
    for named in (arn, arn.rpartition("/")[2]):
        assert house("GetEventDataStore", delegate, EventDataStore=named)[1]["OrganizationEnabled"] is True
        assert house("UpdateEventDataStore", delegate, EventDataStore=named, TerminationProtectionEnabled=False)[0] == ""
        assert house("DeleteEventDataStore", delegate, EventDataStore=named)[0] == ""
        assert house("RestoreEventDataStore", delegate, EventDataStore=named)[0] == ""
    assert house("AddTags", delegate, ResourceId=arn, TagsList=[{"Key": "a"}])[0] == ""
    assert house("GetEventDataStore", member, EventDataStore=arn)[0] == REFUSED
    assert house("GetEventDataStore", member, EventDataStore=arn.rpartition("/")[2])[0] == "EventDataStoreNotFoundException"
    assert house("ListEventDataStores", member) == ("", {"EventDataStores": []})
    converting = {"EventDataStore": arn, "OrganizationEnabled": False}
    assert house("UpdateEventDataStore", delegate, **converting)[0] == "NotOrganizationMasterAccountException"
    assert house("UpdateEventDataStore", **converting)[0] == ""
    assert house("GetEventDataStore", delegate, EventDataStore=arn)[0] == REFUSED


def test_enriched_events_take_a_role(house: House) -> None:
    arn = house.create()
    wanted = {"EventDataStore": arn, "MaxEventSize": "Large", "ContextKeySelectors": [{"Type": "TagContext", "Equals": ["team"]}]}
    poor = house.user({"Action": "cloudtrail:*"})
    assert house("PutEventConfiguration", poor, **wanted)[0] == "InsufficientIAMAccessPermissionException"
    assert house("PutEventConfiguration", **{**wanted, "MaxEventSize": "Standard"})[0] == "InvalidParameterException"
    assert not house.has_role(CONTEXT_ROLE)
    assert house("PutEventConfiguration", **wanted)[0] == ""
    assert house.has_role(CONTEXT_ROLE)
    assert house("PutEventConfiguration", poor, **wanted)[0] == ""
    shown = {"EventDataStoreArn": arn, "MaxEventSize": "Large", "ContextKeySelectors": wanted["ContextKeySelectors"]}
    assert house("GetEventConfiguration", EventDataStore=arn) == ("", shown)


BOTH: list[tuple[str, dict[str, Any]]] = [
    ("GetInsightSelectors", {}),
    ("GetEventConfiguration", {}),
    ("PutInsightSelectors", {"InsightSelectors": []}),
    ("PutEventConfiguration", {"MaxEventSize": "Large"}),
]


@pytest.mark.parametrize(("operation", "more"), BOTH)
def test_either_a_trail_or_a_store(house: House, operation: str, more: dict[str, Any]) -> None:
    arn = house.create()
    assert house(operation, **more)[0] == "InvalidParameterCombinationException"
    assert house(operation, TrailName="audit", EventDataStore=arn, **more)[0] == "InvalidParameterCombinationException"


def test_insights_of_a_store_over_the_wire(house: House) -> None:
    source, destination = house.create(), house.create("insights", AdvancedEventSelectors=[only("Insight")])
    wanted = {"InsightsDestination": destination, "InsightSelectors": [{"InsightType": "ApiCallRateInsight"}]}
    expected = {"EventDataStoreArn": source, **wanted}
    assert house("GetInsightSelectors", EventDataStore=source)[0] == "InsightNotEnabledException"
    assert house("PutInsightSelectors", EventDataStore=source, **wanted) == ("", expected)
    assert house("GetInsightSelectors", EventDataStore=source) == ("", expected)
    off = house("PutInsightSelectors", EventDataStore=source, InsightSelectors=[])
    assert off == ("", {"EventDataStoreArn": source, "InsightSelectors": []})


def test_pages_of_stores(house: House) -> None:
    arns = [house.create(f"store-{number}") for number in range(5)]
    seen: list[str] = []
    token: dict[str, Any] = {}
    while True:
        code, page = house("ListEventDataStores", MaxResults=2, **token)
        assert code == ""
        assert all(set(one) == {"EventDataStoreArn", "Name"} for one in page["EventDataStores"])
        seen += [one["EventDataStoreArn"] for one in page["EventDataStores"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert seen == arns
    assert house("ListEventDataStores", NextToken="AAAA")[0] == "InvalidNextTokenException"
    assert house("ListEventDataStores", NextToken="é")[0] == "InvalidNextTokenException"
    for size in (0, -1, 1001):
        assert house("ListEventDataStores", MaxResults=size)[0] == "InvalidMaxResultsException"


def test_what_is_no_store_is_refused_in_words(house: House) -> None:
    for operation in ("GetEventDataStore", "DeleteEventDataStore", "StartEventDataStoreIngestion", "RestoreEventDataStore"):
        assert house(operation, EventDataStore="nothing")[0] == "EventDataStoreARNInvalidException"
        assert house(operation, EventDataStore=STEM + "1234abcd-12ab-34cd-56ef-1234567890ab")[0] == "EventDataStoreNotFoundException"
        assert house(operation)[0] == "ValidationException"
    for tags in ([{"Key": "aws:a"}], [{"Key": "a"}, {"Key": "a"}], [{"Key": "!"}]):
        assert house("CreateEventDataStore", Name="tagged", TagsList=tags)[0] == "InvalidTagParameterException"
    many = [{"Key": str(number)} for number in range(51)]
    assert house("CreateEventDataStore", Name="tagged", TagsList=many)[0] == "TagsLimitExceededException"
    assert house("ListEventDataStores")[1] == {"EventDataStores": []}


def test_a_trail_keeps_its_tags_beside_a_store(house: House) -> None:
    arn = house.create(TagsList=[{"Key": "a", "Value": "b"}])
    trail = house("CreateTrail", Name="audit", S3BucketName="logs", TagsList=[{"Key": "c", "Value": "d"}])[1]["TrailARN"]
    _, found = house("ListTags", ResourceIdList=[trail, arn])
    assert found["ResourceTagList"] == [
        {"ResourceId": trail, "TagsList": [{"Key": "c", "Value": "d"}]},
        {"ResourceId": arn, "TagsList": [{"Key": "a", "Value": "b"}]},
    ]


def test_the_records_of_the_calls(house: House) -> None:
    arn = house.create(RetentionPeriod=90)
    record = house.door.record
    assert record["requestParameters"] == {"name": "events", "retentionPeriod": 90}
    answered = record["responseElements"]
    assert (answered["eventDataStoreArn"], answered["status"], answered["tagsList"]) == (arn, "CREATED", [])
    assert (record["readOnly"], record["eventCategory"], record["managementEvent"]) == (False, "Management", True)
    assert house("GetEventDataStore", EventDataStore=arn)[0] == ""
    read = house.door.records[-1]
    assert (read["readOnly"], read["requestParameters"], read["responseElements"]) == (True, {"eventDataStore": arn}, None)
    assert house("DeleteEventDataStore", EventDataStore=arn)[0] == "EventDataStoreTerminationProtectedException"
    refused = house.door.records[-1]
    assert refused["errorCode"] == "EventDataStoreTerminationProtectedException"
    assert refused["requestParameters"] == {"eventDataStore": arn}

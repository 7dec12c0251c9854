"""What the front records of data events and network activity, and the copies for several accounts: real S3, STS and trails."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from opentrail.api.arrival import Arrival, VpcEndpoint
from opentrail.api.call import Answer, Need
from opentrail.api.endpoint import Outcome
from opentrail.api.recording import EVENT_ROOM, RECORD_ROOM
from opentrail.api.s3 import S3
from opentrail.api.sts import STS
from opentrail.buckets import Buckets
from opentrail.errors import JournalFull
from opentrail.events.service_event import ServiceEvent
from opentrail.identity.credentials import Credential
from opentrail.identity.issuers import Issuers
from opentrail.journal.reader import Entry
from opentrail.server.own_deliveries import OwnDeliveries
from opentrail.trails import deliveries, plans
from opentrail.trails.control import Trails, Wanted
from opentrail.wire.http import Headers, Request
from simulators.front_door import ACCOUNT, Answered, Fake, FrontDoor, Upstream, plain
from simulators.object_keys import object_keys
from simulators.sts import nowhere
from simulators.trails import REGIONS
from simulators.trails import Buckets as LogBuckets

OTHER, THIRD = "999999999999", "555555555555"
HOME = "us-east-1"
STS_MODEL = ServiceModel(Loader().load_service_model("sts", "service-2"), "sts")
EVERYTHING = [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]


def objects(*values: str, **more: Any) -> list[dict[str, Any]]:
    return [{"DataResources": [{"Type": "AWS::S3::Object", "Values": list(values)}], **more}]


def data_of(kind: str, **fields: Any) -> list[dict[str, Any]]:
    chosen = {"eventCategory": {"Equals": ["Data"]}, "resources.type": {"Equals": [kind]}, **fields}
    return [{"FieldSelectors": [{"Field": name, **operators} for name, operators in chosen.items()]}]


class House:
    """A front door with S3 and STS of our own, trails, and as many accounts as are asked for."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        def services(door: FrontDoor) -> list[Any]:
            self.buckets = Buckets(door.database, folder / "buckets", door.clock)
            keys = object_keys(door.database, folder / "keys", door.clock, account_id=ACCOUNT)
            return [S3(self.buckets, keys), STS(door.identities, STS_MODEL, Issuers(nowhere, door.clock)), *more]

        more = settings.pop("services", [])
        self.door = FrontDoor(folder, services=services, **settings)
        self.journal = self.door.journal
        self.trails = Trails(
            self.door.database,
            self.door.clock,
            buckets=LogBuckets(self.door.clock),
            regions=REGIONS,
            head=lambda: self.journal.head,
            changed=self.door.selection.changed,
        )

    def close(self) -> None:
        self.door.close()
        self.buckets.close()

    def root(self, account: str) -> Credential:
        return self.door.identities.ensure_root(account)

    def trail(self, basic: Any = None, advanced: Any = None, *, account: str = ACCOUNT, name: str = "audit", **settings: Any) -> None:
        self.trails.create(account, HOME, name, Wanted(s3_bucket_name="logs", **settings), {})
        self.trails.put_event_selectors(account, HOME, name, basic, advanced)
        self.trails.start_logging(account, HOME, name)

    def s3(self, method: str, path: str, *, query: str = "", body: bytes = b"", key: Credential | None = None, **headers: str) -> Answered:
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.door.ask(self.door.signed("s3", method, path, query=query, body=body, key=key, headers=lines))

    def bucket(self, name: str, *, key: Credential | None = None, policy: Mapping[str, Any] | None = None) -> None:
        assert self.s3("PUT", f"/{name}", key=key).status == 200
        if policy is not None:
            self.s3("DELETE", f"/{name}", query="publicAccessBlock", key=key)
            statement = {"Effect": "Allow", "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"], **policy}
            body = json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode()
            assert self.s3("PUT", f"/{name}", query="policy", body=body, key=key).status in (200, 204)
        self.journal.records.clear()
        self.journal.batches.clear()
        self.journal.reserved.clear()

    @property
    def told(self) -> list[tuple[str, str]]:
        """Event name and account of every record."""
        return [(record["eventName"], record["recipientAccountId"]) for record in self.door.records]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def build(**settings: Any) -> House:
        made.append(House(tmp_path, **settings))
        return made[-1]

    yield build
    for house in made:
        house.close()


Make = Callable[..., House]


# -- selected or not ----------------------------------------------------------------------------------------------------------------------


def test_what_nobody_selects_costs_no_room_and_leaves_nothing(make: Make) -> None:
    house = make()
    house.bucket("data")
    assert house.s3("PUT", "/data/a", body=b"abc").status == 200
    house.journal.refusing = JournalFull()
    assert house.s3("GET", "/data/a").body == b"abc"
    assert (house.journal.records, house.journal.reserved) == ([], [])


def test_only_objects_that_are_selected_are_recorded(make: Make) -> None:
    house = make()
    house.bucket("data")
    house.bucket("elsewhere")
    house.trail(objects("arn:aws:s3:::data/photos/"))
    for path in ("/data/photos/a", "/data/docs/a", "/elsewhere/photos/a"):
        assert house.s3("PUT", path, body=b"abc").status == 200
    assert house.s3("GET", "/data/photos/a").status == 200
    assert house.told == [("PutObject", ACCOUNT), ("GetObject", ACCOUNT)]
    record = house.door.records[0]
    assert (record["eventCategory"], record["managementEvent"], record["readOnly"]) == ("Data", False, False)
    assert record["resources"] == [
        {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::data/photos/a"},
        {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::data"},
    ]
    assert "sharedEventID" not in record
    assert len(house.journal.reserved) == 4, "room is kept before it can be known what a call is about"


def test_a_selected_call_is_refused_when_the_journal_is_full(make: Make) -> None:
    house = make()
    house.bucket("data")
    house.trail(objects("arn:aws:s3:::data/"))
    house.journal.refusing = JournalFull()
    assert house.s3("PUT", "/data/a", body=b"abc").status == 503
    house.trails.stop_logging(ACCOUNT, HOME, "audit", "r")
    assert house.s3("PUT", "/data/a", body=b"abc").status == 200


def test_calls_on_a_bucket_are_found_by_the_prefix_of_its_objects(make: Make) -> None:
    house = make()
    house.bucket("data")
    house.trail(objects("arn:aws:s3:::data/"))
    assert house.s3("HEAD", "/data").status == 200
    assert house.s3("GET", "/data", query="list-type=2&prefix=photos%2F").status == 200
    assert house.s3("GET", "/data", query="versions=").status in (200, 501)
    assert house.s3("GET", "/data", query="uploads=").status == 200
    assert [(record["eventName"], record["resources"][0]) for record in house.door.records] == [
        ("HeadBucket", {"type": "AWS::S3::Object", "ARNPrefix": "arn:aws:s3:::data/"}),
        ("ListObjects", {"type": "AWS::S3::Object", "ARNPrefix": "arn:aws:s3:::data/photos/"}),
        ("ListObjectVersions", {"type": "AWS::S3::Object", "ARNPrefix": "arn:aws:s3:::data/"}),
        ("ListMultipartUploads", {"type": "AWS::S3::Object", "ARNPrefix": "arn:aws:s3:::data/"}),
    ]


def test_advanced_selectors_decide_by_who_called_and_how(make: Make) -> None:
    house = make()
    house.bucket("data")
    by_root = {"Equals": [f"arn:aws:iam::{ACCOUNT}:root"]}
    not_x = {"NotStartsWith": ["arn:aws:s3:::data/x"]}
    house.trail(
        advanced=data_of("AWS::S3::Object", eventName={"StartsWith": ["Put"]}, **{"userIdentity.arn": by_root, "resources.ARN": not_x})
    )
    for path in ("/data/a", "/data/x"):
        house.s3("PUT", path, body=b"abc")
        house.s3("GET", path)
    assert [record["requestParameters"]["key"] for record in house.door.records] == ["a"]


async def from_upstream(asked: Any) -> Outcome:
    parameters = {
        "lambda": {"FunctionName": "f1"},
        "dynamodb": {"TableName": "t1"},
        "sns": {"TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:news"},
        "sqs": {"QueueUrl": f"http://localhost/{ACCOUNT}/q1"},
    }
    return Outcome(response=plain(200, b"{}"), parameters=parameters[asked.operation.service.name])


FORWARDED = {
    "AWS::Lambda::Function": ("lambda", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f1"),
    "AWS::DynamoDB::Table": ("dynamodb", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t1"),
    "AWS::SNS::Topic": ("sns", f"arn:aws:sns:us-east-1:{ACCOUNT}:news"),
    "AWS::SQS::Queue": ("sqs", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q1"),
}


def forwarded(door: FrontDoor, service: str) -> Request:
    if service == "lambda":
        return door.signed("lambda", "POST", "/2015-03-31/functions/f1/invocations", body=b"{}")
    if service == "sns":
        return door.query("sns", "Publish", "2010-03-31", fields={"TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:news", "Message": "m"})
    target = {"dynamodb": "DynamoDB_20120810.GetItem", "sqs": "AmazonSQS.SendMessage"}[service]
    return door.signed(service, body=b"{}", headers={"content-type": "application/x-amz-json-1.0", "x-amz-target": target})


@pytest.mark.parametrize("kind", FORWARDED)
def test_forwarded_calls_are_selected_the_same_way(make: Make, kind: str) -> None:
    service, arn = FORWARDED[kind]
    house = make(upstream=Upstream({service for service, _ in FORWARDED.values()}, from_upstream))
    assert house.door.ask(forwarded(house.door, service)).status == 200
    assert (house.journal.records, house.journal.reserved) == ([], [])
    house.trail(advanced=data_of(kind, **{"resources.ARN": {"Equals": [arn]}}))
    for name, _ in FORWARDED.values():
        assert house.door.ask(forwarded(house.door, name)).status == 200
    (record,) = house.door.records
    assert record["resources"] == [{"accountId": ACCOUNT, "type": kind, "ARN": arn}]


# -- several accounts ---------------------------------------------------------------------------------------------------------------------


def test_caller_and_bucket_owner_have_a_copy_each_in_one_append(make: Make) -> None:
    house = make()
    guest = house.root(OTHER)
    house.bucket("shared", policy={"Principal": {"AWS": OTHER}, "Action": ["s3:GetObject", "s3:PutObject"]})
    for account in (ACCOUNT, OTHER):
        house.trail(EVERYTHING, account=account)
    house.root(THIRD)
    house.trail(EVERYTHING, account=THIRD)
    assert house.s3("PUT", "/shared/a", body=b"abc", key=guest).status == 200
    assert house.journal.batches == [2]
    callers, owners = house.door.records
    assert (callers["recipientAccountId"], owners["recipientAccountId"]) == (OTHER, ACCOUNT)
    assert callers["sharedEventID"] == owners["sharedEventID"]
    assert len({callers["eventID"], owners["eventID"], owners["sharedEventID"]}) == 3
    assert callers["userIdentity"]["arn"] == f"arn:aws:iam::{OTHER}:root"
    assert owners["userIdentity"] == {"type": "AWSAccount", "principalId": OTHER, "accountId": OTHER}
    assert callers["resources"] == owners["resources"]
    assert owners["resources"][1]["accountId"] == ACCOUNT
    assert callers["requestID"] == owners["requestID"]


@pytest.mark.parametrize("account", [ACCOUNT, OTHER])
def test_each_account_asks_its_own_trails(make: Make, account: str) -> None:
    house = make()
    guest = house.root(OTHER)
    house.bucket("shared", policy={"Principal": {"AWS": OTHER}, "Action": "s3:PutObject"})
    house.trail(EVERYTHING, account=account)
    assert house.s3("PUT", "/shared/a", body=b"abc", key=guest).status == 200
    assert house.told == [("PutObject", account)]
    assert "sharedEventID" in house.door.record


def test_a_refused_guest_is_not_told_whose_bucket_it_was(make: Make) -> None:
    house = make()
    guest = house.root(OTHER)
    house.bucket("private")
    for account in (ACCOUNT, OTHER):
        house.trail(EVERYTHING, account=account)
    assert house.s3("GET", "/private/a", key=guest).status == 403
    callers, owners = house.door.records
    assert (callers["errorCode"], owners["errorCode"]) == ("AccessDenied", "AccessDenied")
    assert callers["resources"][1] == {"accountId": "", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::private"}
    assert owners["resources"][1]["accountId"] == ACCOUNT
    assert callers["sharedEventID"] == owners["sharedEventID"]
    assert owners["userIdentity"]["type"] == "AWSAccount"


def test_management_calls_on_a_bucket_of_another_account_are_told_to_both(make: Make) -> None:
    house = make()
    guest = house.root(OTHER)
    house.bucket("shared", policy={"Principal": {"AWS": OTHER}, "Action": "s3:GetBucketLocation"})
    assert house.s3("GET", "/shared", query="location=", key=guest).status == 200
    assert house.told == [("GetBucketLocation", OTHER), ("GetBucketLocation", ACCOUNT)]
    assert house.journal.batches == [2]


def test_an_anonymous_call_is_told_to_the_owner_of_the_bucket(make: Make) -> None:
    house = make()
    owner = house.root(OTHER)
    house.bucket("open", key=owner, policy={"Principal": "*", "Action": "s3:GetObject"})
    for account in (ACCOUNT, OTHER):
        house.trail(EVERYTHING, account=account)
    for path in ("/open/a", "/open"):
        house.door.ask(Request(method="GET", path=path, headers=Headers([("host", "127.0.0.1:4747")])))
    assert house.told == [("GetObject", OTHER), ("ListObjects", OTHER)]
    first, second = house.door.records
    assert first["userIdentity"] == {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    assert (first["errorCode"], second["errorCode"]) == ("NoSuchKey", "AccessDenied")
    assert "sharedEventID" not in first


def user(house: House, account: str, name: str, *actions: str) -> Credential:
    identities = house.door.identities
    identities.accounts.ensure(account)
    identities.users.create(account, name)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
    identities.attachments.put_inline(account, "user", name, "own", json.dumps(policy))
    key, _ = identities.access_keys.create(account, name)
    found = identities.credential(key.access_key_id)
    assert found is not None
    return found


def assume(house: House, role: str, key: Credential) -> Answered:
    return house.door.ask(
        house.door.query("sts", "AssumeRole", "2011-06-15", key=key, fields={"RoleArn": role, "RoleSessionName": "visit"})
    )


def test_the_owner_of_a_role_is_told_who_assumed_it(make: Make) -> None:
    house = make()
    ana = user(house, OTHER, "ana", "sts:AssumeRole")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole"}]}
    role = house.door.identities.roles.create(ACCOUNT, "guests", json.dumps(trust))
    assert assume(house, role.arn, ana).status == 200
    assert house.journal.batches == [2]
    callers, owners = house.door.records
    assert (callers["recipientAccountId"], owners["recipientAccountId"]) == (OTHER, ACCOUNT)
    assert callers["userIdentity"]["userName"] == "ana"
    principal = house.door.identities.users.get(OTHER, "ana").id
    assert owners["userIdentity"] == {"type": "AWSAccount", "principalId": principal, "accountId": OTHER}
    assert callers["sharedEventID"] == owners["sharedEventID"]
    assert callers["resources"] == owners["resources"] == [{"accountId": ACCOUNT, "type": "AWS::IAM::Role", "ARN": role.arn}]
    assert callers["responseElements"] == owners["responseElements"]


@pytest.mark.parametrize("role", [f"arn:aws:iam::{ACCOUNT}:role/closed", f"arn:aws:iam::{ACCOUNT}:role/absent"])
def test_a_refused_role_is_not_told_to_its_account(make: Make, role: str) -> None:
    house = make()
    ana = user(house, OTHER, "ana", "sts:AssumeRole")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]}
    house.door.identities.roles.create(ACCOUNT, "closed", json.dumps(trust))
    assert assume(house, role, ana).status == 403
    assert house.told == [("AssumeRole", OTHER)]
    assert "sharedEventID" not in house.door.record


# -- what the service does besides --------------------------------------------------------------------------------------------------------

DELETE = "<Delete>" + "".join(f"<Object><Key>{key}</Key></Object>" for key in ("photos/1", "photos/2", "docs/1")) + "</Delete>"


def delete(house: House, key: Credential | None = None) -> None:
    digest = base64.b64encode(hashlib.md5(DELETE.encode()).digest()).decode()
    assert house.s3("POST", "/data", query="delete=", body=DELETE.encode(), key=key, content_md5=digest).status == 200


def test_each_object_of_a_batch_is_an_event_of_its_own_selected_by_itself(make: Make) -> None:
    house = make()
    house.bucket("data")
    house.trail(objects("arn:aws:s3:::data/photos/"))
    delete(house)
    assert house.journal.batches == [2]
    for record, key in zip(house.door.records, ("photos/1", "photos/2"), strict=True):
        assert (record["eventType"], record["eventName"], record["eventCategory"]) == ("AwsServiceEvent", "DeleteObject", "Data")
        assert record["resources"][0] == {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::data/{key}"}
        assert (record["managementEvent"], record["readOnly"]) == (False, False)


def test_a_batch_and_its_objects_are_one_append_with_room_for_all(make: Make) -> None:
    house = make()
    house.bucket("data")
    house.trail(objects("arn:aws:s3:::data/"))
    delete(house)
    assert [name for name, _ in house.told] == ["DeleteObjects", "DeleteObject", "DeleteObject", "DeleteObject"]
    assert house.journal.batches == [4]
    assert house.journal.reserved == [2 * RECORD_ROOM + EVENT_ROOM * (len(DELETE) // 30)]


def test_objects_of_a_batch_have_copies_too(make: Make) -> None:
    house = make()
    guest = house.root(OTHER)
    house.bucket("data", policy={"Principal": {"AWS": OTHER}, "Action": "s3:DeleteObject"})
    for account in (ACCOUNT, OTHER):
        house.trail(objects("arn:aws:s3:::data/docs/"), account=account)
    delete(house, guest)
    first, second = house.door.records
    assert {first["recipientAccountId"], second["recipientAccountId"]} == {ACCOUNT, OTHER}
    assert first["sharedEventID"] == second["sharedEventID"]
    assert first["eventID"] != second["eventID"]


def test_a_management_event_that_comes_with_an_unselected_call_is_recorded(make: Make) -> None:
    event = ServiceEvent(event_source="sns.amazonaws.com", event_name="Happened", account_id=ACCOUNT, region=HOME, time=0.0)
    service = Fake("sns", {"Publish": lambda call: Answer(result={"MessageId": "1"}, events=[event])})
    house = make(services=[service])
    assert house.door.ask(forwarded(house.door, "sns")).status == 200
    assert house.told == [("Happened", ACCOUNT)]


# -- keys and other resources of another account ------------------------------------------------------------------------------------------


def kms(owner: str | None) -> Fake:
    need = Need(action="kms:DescribeKey", resource="*", resource_account_id=owner)
    return Fake("kms", {"DescribeKey": lambda call: {"KeyMetadata": {"KeyId": "k"}}}, {"DescribeKey": [need]})


def describe_key(house: House, key_id: str = "k") -> Answered:
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "TrentService.DescribeKey"}
    return house.door.ask(house.door.signed("kms", body=json.dumps({"KeyId": key_id}).encode(), headers=headers))


def test_the_owner_is_whom_the_service_names(make: Make) -> None:
    for owner, told in ((ACCOUNT, 1), (None, 1)):
        house = make(services=[kms(owner)])
        assert describe_key(house).status == 200
        assert len(house.door.records) == told
        assert "sharedEventID" not in house.door.record


def test_a_refusal_is_the_business_of_the_callers_account(make: Make) -> None:
    house = make(services=[kms(OTHER)])
    assert describe_key(house).status == 400
    assert house.told == [("DescribeKey", ACCOUNT)]


@pytest.mark.parametrize(("exists", "told"), [(True, [ACCOUNT, OTHER]), (False, [ACCOUNT])])
def test_a_forwarded_call_is_told_to_the_owner_that_its_arn_names_if_there_is_one(make: Make, exists: bool, told: list[str]) -> None:
    arn = f"arn:aws:kms:us-east-1:{OTHER}:key/1"

    async def answer(asked: Any) -> Outcome:
        return Outcome(response=plain(200, b"{}"), parameters={"KeyId": arn}, result={"KeyMetadata": {"Arn": arn}})

    house = make(upstream=Upstream({"kms"}, answer))
    if exists:
        house.root(OTHER)
    assert describe_key(house, arn).status == 200
    assert [account for _, account in house.told] == told


# -- network activity ---------------------------------------------------------------------------------------------------------------------


def through_endpoint(house: House, request: Request, endpoint: VpcEndpoint) -> None:
    async def answered() -> None:
        async def receive() -> Mapping[str, Any]:
            return {"type": "http.request", "body": request.body, "more_body": False}

        arrival = Arrival(
            request=request, receive=receive, content_length=len(request.body), source_ip="198.51.100.7", secure=False,
            time=house.door.clock.now(), vpc_endpoint=endpoint,
        )  # fmt: skip
        await house.door.endpoint.answer(arrival)

    asyncio.run(answered())


def test_calls_through_an_endpoint_are_network_activity_of_its_owner(make: Make) -> None:
    house = make()
    house.root(OTHER)
    house.bucket("data")
    fields = [{"Field": "eventCategory", "Equals": ["NetworkActivity"]}, {"Field": "eventSource", "Equals": ["s3.amazonaws.com"]}]
    house.trail(advanced=[{"FieldSelectors": fields}], account=OTHER)
    endpoint = VpcEndpoint(id="vpce-0123", account_id=OTHER)
    through_endpoint(house, house.door.signed("s3", "GET", "/data/a"), endpoint)
    through_endpoint(house, house.door.signed("s3", "GET", "/"), endpoint)
    data, management, network = house.door.records
    assert house.journal.batches == [1, 2]
    assert (management["eventName"], management["vpcEndpointId"]) == ("ListBuckets", "vpce-0123")
    for record, name in ((data, "GetObject"), (network, "ListBuckets")):
        assert list(record) == [
            "eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "requestID", "eventID",
            "eventType", "recipientAccountId", "sharedEventID", "vpcEndpointId", "vpcEndpointAccountId", "eventCategory",
        ]  # fmt: skip
        assert record["userIdentity"] == {"type": "AWSAccount", "principalId": ACCOUNT, "accountId": ACCOUNT}
        assert (record["eventType"], record["eventCategory"], record["recipientAccountId"]) == ("AwsVpceEvent", "NetworkActivity", OTHER)
        assert (record["eventName"], record["vpcEndpointId"]) == (name, "vpce-0123")


# -- CloudTrail's own deliveries ----------------------------------------------------------------------------------------------------------


def note(house: House) -> OwnDeliveries:
    """A follower has put a log file and noted it."""
    plan = plans.Plan(
        id=1, trail_id=1, account_id=ACCOUNT, region=HOME, kind="log", bucket="logs", prefix="", key="AWSLogs/a.json.gz", spool="", hash="",
        metadata={}, records=1, oldest=None, newest=None, cut_at=0.0, delivered_at=None,
    )  # fmt: skip
    with house.door.database.begin() as connection:
        deliveries.note(connection, plan, 7, 1_767_607_872.0)
    return own_deliveries(house)


class Kept:
    """The journal in memory, read."""

    def __init__(self, house: House) -> None:
        self._records = house.door.journal.records

    def first(self) -> int:
        return 1

    def read(self, after: int, limit: int) -> list[Entry]:
        return [Entry(number, record) for number, record in enumerate(self._records, 1)][after : after + limit]


def own_deliveries(house: House) -> OwnDeliveries:
    return OwnDeliveries(house.door.database, house.buckets, house.door.recording, Kept(house))


@pytest.mark.parametrize(("selected", "told"), [("arn:aws:s3:::logs/", [("PutObject", ACCOUNT)]), ("arn:aws:s3:::data/", [])])
def test_a_delivery_is_recorded_if_somebody_selects_the_log_bucket(make: Make, selected: str, told: list[tuple[str, str]]) -> None:
    house = make()
    house.bucket("logs")
    house.trail(objects(selected))
    own = note(house)
    assert asyncio.run(own.step()) is True
    assert asyncio.run(own.step()) is False
    assert house.told == told
    if told:
        record = house.door.record
        assert record["userIdentity"] == {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}
        assert record["sharedEventID"] != record["eventID"]
        assert record["sourceIPAddress"] == record["userAgent"] == "cloudtrail.amazonaws.com"
        assert record["requestParameters"]["x-amz-acl"] == "bucket-owner-full-control"
        assert record["resources"][0] == {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::logs/AWSLogs/a.json.gz"}


def test_a_front_that_died_before_it_took_the_note_off_records_no_delivery_twice(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    house = make()
    house.bucket("logs")
    house.trail(objects("arn:aws:s3:::logs/"))
    own = note(house)
    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "done", lambda database, noted: 1 / 0)
        for front in (own, own, own_deliveries(house)):  # tried again by the same, and by the next one
            with pytest.raises(ZeroDivisionError):
                asyncio.run(front.step())
    asyncio.run(own_deliveries(house).step())
    assert house.told == [("PutObject", ACCOUNT)]
    assert deliveries.pending(house.door.database) == []


def test_a_delivery_stays_noted_until_its_record_is_durable(make: Make) -> None:
    house = make()
    house.bucket("logs")
    house.trail(objects("arn:aws:s3:::logs/"))
    own = note(house)
    house.journal.failing = JournalFull()
    with pytest.raises(JournalFull):
        asyncio.run(own.step())
    (noted,) = deliveries.pending(house.door.database)
    house.journal.failing = None
    asyncio.run(own.step())
    assert house.door.record["eventID"] == noted.event_id
    assert deliveries.pending(house.door.database) == []


def test_a_delivery_into_a_bucket_that_is_gone_is_forgotten(make: Make) -> None:
    house = make()
    house.trail(objects("arn:aws:s3"))
    assert asyncio.run(note(house).step()) is True
    assert house.told == []
    assert deliveries.pending(house.door.database) == []

"""The walk of a call: carried out, recorded durably, and only then answered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.api.call import Answer, Call, Need
from opentrail.api.endpoint import Outcome
from opentrail.api.reading import Asked
from opentrail.errors import JournalFull, JournalUnavailable
from opentrail.wire.faults import Fault
from opentrail.wire.http import Response
from simulators.front_door import ACCOUNT, Fake, FrontDoor, Upstream, plain

IAM = "2010-05-08"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
S3_ID = re.compile(r"[A-Z0-9]{16}")

Make = Callable[..., FrontDoor]


class NoSuchEntity(Fault):
    """There is no such user."""

    status = 404
    code = "NoSuchEntity"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[FrontDoor] = []

    def build(**settings: Any) -> FrontDoor:
        made.append(FrontDoor(tmp_path, **settings))
        return made[-1]

    yield build
    for door in made:
        door.close()


def user(call: Call) -> dict[str, Any]:
    name = call.parameters["UserName"]
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    return {"User": {"Path": "/", "UserName": name, "UserId": "AIDA1", "Arn": arn, "CreateDate": call.time}}


def failing(error: Exception) -> Callable[[Call], Any]:
    def handler(call: Call) -> Any:
        raise error

    return handler


def iam(**operations: Any) -> Fake:
    return Fake("iam", {"CreateUser": user, **operations})


def test_the_record_is_durable_before_the_answer_begins(make: Make) -> None:
    async def carried_out(call: Call) -> dict[str, Any]:
        door.steps.append("carried out")
        return user(call)

    door = make(services=[iam(CreateUser=carried_out)])
    answered = door.ask(door.query("iam", "CreateUser", IAM, fields={"UserName": "ana"}))
    assert answered.status == 200
    assert door.steps == ["carried out", "record durable", "answer begins"]


def test_a_success_is_recorded_as_it_was(make: Make) -> None:
    door = make(services=[iam()])
    answered = door.ask(door.query("iam", "CreateUser", IAM, fields={"UserName": "ana"}, headers={"user-agent": "test/1"}))
    record = door.record
    assert "<UserName>ana</UserName>" in answered.text
    assert record["eventSource"] == "iam.amazonaws.com"
    assert record["eventName"] == "CreateUser"
    assert record["requestParameters"] == {"userName": "ana"}
    assert record["responseElements"]["user"]["userId"] == "AIDA1"
    assert record["userIdentity"]["type"] == "Root"
    assert record["sourceIPAddress"] == "198.51.100.7"
    assert record["userAgent"] == "test/1"
    assert record["requestID"] == answered.headers["x-amzn-requestid"]
    assert "errorCode" not in record
    assert door.used == [(door.root.access_key_id, "iam", "us-east-1")]


def test_a_fault_of_the_handler_is_answered_and_recorded(make: Make) -> None:
    door = make(services=[iam(GetUser=failing(NoSuchEntity()))])
    answered = door.ask(door.query("iam", "GetUser", IAM, fields={"UserName": "bob"}))
    assert answered.status == 404
    assert "<Code>NoSuchEntity</Code>" in answered.text
    assert door.record["errorCode"] == "NoSuchEntityException"
    assert door.record["errorMessage"] == "There is no such user."
    assert door.record["requestParameters"] == {"userName": "bob"}
    assert door.steps[-2:] == ["record durable", "answer begins"]


def test_who_waits_for_its_records_hears_of_them_whatever_goes_wrong(make: Make) -> None:
    heard: list[bool] = []
    door = make(services=[iam(CreateUser=lambda call: Answer(result=user(call), records=[b"{}"], settled=heard.append))])
    asked = door.query("iam", "CreateUser", IAM, fields={"UserName": "ana"})
    assert door.ask(asked).status == 200
    assert heard == [True]
    for trouble in (JournalUnavailable("gone"), OSError("gone")):
        door.journal.failing = trouble
        assert door.ask(asked).status >= 500
        assert heard.pop() is False


def test_a_handler_that_breaks_is_an_internal_failure_without_its_reasons(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    door = make(services=[iam(CreateUser=failing(RuntimeError("the secret of the house")))])
    answered = door.ask(door.query("iam", "CreateUser", IAM, fields={"UserName": "ana"}))
    assert answered.status == 500
    assert "secret of the house" not in answered.text
    assert "Traceback" not in answered.text
    assert door.record["errorCode"] == "InternalFailure"
    assert "iam.CreateUser failed" in caplog.text


def test_a_result_that_does_not_fit_the_model_is_an_internal_failure(make: Make) -> None:
    door = make(services=[iam(CreateUser=lambda call: {"User": 5})])
    assert door.ask(door.query("iam", "CreateUser", IAM, fields={"UserName": "ana"})).status == 500
    assert door.record["errorCode"] == "InternalFailure"


def test_what_is_not_served_says_so_and_is_recorded(make: Make) -> None:
    door = make(services=[iam()])
    assert door.ask(door.query("iam", "ListUsers", IAM)).status == 501
    ec2 = door.ask(door.query("ec2", "DescribeRegions", "2016-11-15"))
    assert ec2.status == 501
    assert "--upstream ec2=URL" in ec2.text
    assert [record["eventName"] for record in door.records] == ["ListUsers", "DescribeRegions"]
    assert all("NotImplemented" in record["errorCode"] for record in door.records)


UNKNOWN = [
    ("cloudtrail", "MakeCoffee", 404, "UnknownOperationException", "MakeCoffee"),
    ("iam", "MakeCoffee", 400, "InvalidAction", None),
]


@pytest.mark.parametrize(("service", "action", "status", "code", "name"), UNKNOWN)
def test_an_unknown_operation_is_recorded_too(make: Make, service: str, action: str, status: int, code: str, name: str | None) -> None:
    door = make(services=[iam()])
    answered = door.ask(door.json(action, {}) if service == "cloudtrail" else door.query(service, action, IAM))
    assert answered.status == status
    assert code in answered.text
    assert door.record["errorCode"] == code
    assert door.record["eventSource"] == f"{service}.amazonaws.com"
    if name is not None:
        assert door.record["eventName"] == name
    assert door.record["userIdentity"]["type"] == "Root"


def test_parameters_that_do_not_parse_are_refused_by_name(make: Make) -> None:
    door = make(services=[Fake("cloudtrail", {"GetTrail": lambda call: {}})])
    assert door.ask(door.json("GetTrail", b'{"Name":')).status == 400
    assert door.record["errorCode"] == "SerializationException"
    assert door.record["eventName"] == "GetTrail"
    assert door.record["requestParameters"] is None


# -- the journal cannot take it -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [JournalFull(), JournalUnavailable()], ids=["full", "unavailable"])
def test_a_journal_that_refuses_keeps_the_call_from_being_carried_out(make: Make, error: Any) -> None:
    called: list[Call] = []
    door = make(services=[iam(CreateUser=lambda call: called.append(call) or user(call))])
    door.journal.refusing = error
    answered = door.ask(door.query("iam", "CreateUser", IAM, fields={"UserName": "ana"}))
    assert answered.status == 503
    assert "ServiceUnavailable" in answered.text
    assert called == []
    assert door.journal.records == []
    assert door.used == []


def test_a_journal_that_fails_after_the_handler_leaves_the_call_unacknowledged(make: Make) -> None:
    door = make(services=[iam()])
    door.journal.failing = JournalUnavailable()
    assert door.ask(door.query("iam", "CreateUser", IAM, fields={"UserName": "ana"})).status == 503
    assert door.journal.records == []


def test_an_answer_that_is_given_up_gives_its_file_back(make: Make) -> None:
    body = Pieces([b"a"])
    door = make(services=[Fake("s3", {"ListBuckets": lambda call: {}})], upstream=Upstream({"lambda"}, lambda asked: streaming(body)))
    door.journal.failing = JournalUnavailable()
    assert door.ask(door.signed("lambda", "GET", "/2015-03-31/functions")).status == 503
    assert body.closed


@pytest.mark.parametrize("moment", ["refusing", "failing"])
def test_with_on_failure_pass_calls_go_on_without_a_record(make: Make, moment: str) -> None:
    door = make(services=[iam()], pass_on_failure=True)
    setattr(door.journal, moment, JournalFull())
    if moment == "refusing":
        door.journal.failing = JournalFull()
    assert door.ask(door.query("iam", "CreateUser", IAM, fields={"UserName": "ana"})).status == 200
    assert door.journal.records == []


def test_a_request_that_cannot_be_read_is_refused_as_well_when_the_journal_is_full(make: Make) -> None:
    door = make()
    door.journal.refusing = JournalFull()
    assert door.ask(door.json("MakeCoffee", {})).status == 503


def test_a_call_that_cannot_be_described_is_recorded_without_its_parameters(make: Make) -> None:
    door = make(services=[iam()])
    described = door.recorder.describe

    def describe(observation: Any) -> bytes | None:
        if observation.parameters is not None:
            raise RuntimeError
        return described(observation)

    door.recorder.describe = describe  # type: ignore[method-assign]
    assert door.ask(door.query("iam", "CreateUser", IAM, fields={"UserName": "ana"})).status == 200
    assert door.record["eventName"] == "CreateUser"
    assert door.record["requestParameters"] is None


# -- what else the endpoint tells ---------------------------------------------------------------------------------------------------------


def test_data_events_are_not_recorded(make: Make) -> None:
    door = make(services=[Fake("s3", {"GetObject": lambda call: {"Body": b"abc"}, "ListBuckets": lambda call: {}})])
    door.journal.refusing = JournalFull()
    answered = door.ask(door.signed("s3", "GET", "/bucket-a/key"))
    assert (answered.status, answered.body) == (200, b"abc")
    assert door.ask(door.signed("s3", "GET", "/")).status == 503


def test_after_hears_of_own_calls_that_succeeded_only(make: Make) -> None:
    heard: list[str] = []

    async def after(asked: Asked) -> None:
        heard.append(asked.operation.name)

    door = make(services=[iam(GetUser=failing(NoSuchEntity()))], upstream=Upstream({"sqs"}, from_upstream), after=after)
    door.ask(door.query("iam", "CreateUser", IAM, fields={"UserName": "ana"}))
    door.ask(door.query("iam", "GetUser", IAM, fields={"UserName": "ana"}))
    door.ask(door.query("sqs", "ListQueues", "2012-11-05"))
    assert heard == ["CreateUser"]


async def from_upstream(asked: Asked) -> Outcome:
    return Outcome(response=plain(200, b"<ok/>", x_odd="1"), request_id="upstream-1")


def test_an_upstreams_answer_goes_through_and_its_request_id_is_recorded(make: Make) -> None:
    door = make(upstream=Upstream({"sqs"}, from_upstream))
    answered = door.ask(door.query("sqs", "CreateQueue", "2012-11-05", fields={"QueueName": "q"}))
    assert (answered.status, answered.body, answered.headers["x-odd"]) == (200, b"<ok/>", "1")
    assert door.record["requestID"] == "upstream-1"
    assert door.record["eventName"] == "CreateQueue"


def test_each_service_gets_request_ids_of_its_kind_and_the_record_has_the_same(make: Make) -> None:
    door = make(services=[Fake("s3", {"ListBuckets": lambda call: {}}), iam()])
    s3 = door.ask(door.signed("s3", "GET", "/"))
    refused = door.ask(door.signed("s3", "GET", "/", secret="wrong"))
    other = door.ask(door.query("iam", "CreateUser", IAM, fields={"UserName": "ana"}))
    for answered, record in zip((s3, refused), door.records, strict=False):
        assert S3_ID.fullmatch(answered.headers["x-amz-request-id"])
        assert answered.headers["x-amz-id-2"]
        assert record["requestID"] == answered.headers["x-amz-request-id"]
        assert record["additionalEventData"]["x-amz-id-2"] == answered.headers["x-amz-id-2"]
    assert f"<RequestId>{refused.headers['x-amz-request-id']}</RequestId>" in refused.text
    assert UUID.fullmatch(other.headers["x-amzn-requestid"])
    assert len({record["requestID"] for record in door.records}) == 3


def test_the_resource_owner_is_the_recipient_when_an_anonymous_caller_is_let_in(make: Make) -> None:
    everyone = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}'
    need = Need(action="s3:ListBucket", resource="arn:aws:s3:::open", resource_policy=everyone, resource_account_id="210987654321")
    door = make(services=[Fake("s3", {"GetBucketLocation": lambda call: {}}, {"GetBucketLocation": [need]})])
    request = door.signed("s3", "GET", "/open-bucket", query="location")
    anonymous = type(request)(method="GET", path=request.path, query="location", headers=type(request.headers)([("host", "x")]))
    assert door.ask(anonymous).status == 200
    assert door.record["recipientAccountId"] == "210987654321"
    assert door.record["userIdentity"]["accountId"] == "ANONYMOUS_PRINCIPAL"


def test_status_and_headers_of_an_answer_are_passed_on(make: Make) -> None:
    door = make(services=[Fake("s3", {"GetObject": lambda call: Answer(result={"Body": b"b"}, status=206, headers={"x-more": "1"})})])
    answered = door.ask(door.signed("s3", "GET", "/bucket-a/key"))
    assert (answered.status, answered.headers["x-more"]) == (206, "1")


class Pieces:
    """A streamed body that knows whether it was closed."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.closed = False

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> bytes:
        if not self.pieces:
            raise StopAsyncIteration
        return self.pieces.pop(0)

    async def aclose(self) -> None:
        self.closed = True


async def streaming(body: Pieces) -> Outcome:
    return Outcome(response=Response(status=200, body=body))

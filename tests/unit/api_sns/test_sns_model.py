"""The API beside botocore's model, over the whole walk: operations, faults, links, records, and whatever else a client can send."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.messaging.topics import faults
from opentrail.wire.faults import Fault
from opentrail.wire.http import Headers, Request
from simulators.front_door import Answered, Everything, FrontDoor
from simulators.kms import ACCOUNT
from simulators.sns_callers import MODEL, SnsCaller, SnsHouse
from simulators.topics import QUEUE

VERSION = "2010-03-31"
ABSENT = {
    "CheckIfPhoneNumberIsOptedOut", "CreatePlatformApplication", "CreatePlatformEndpoint", "CreateSMSSandboxPhoneNumber", "DeleteEndpoint",
    "DeletePlatformApplication", "DeleteSMSSandboxPhoneNumber", "GetDataProtectionPolicy", "GetEndpointAttributes",
    "GetPlatformApplicationAttributes", "GetSMSAttributes", "GetSMSSandboxAccountStatus", "ListEndpointsByPlatformApplication",
    "ListOriginationNumbers", "ListPhoneNumbersOptedOut", "ListPlatformApplications", "ListSMSSandboxPhoneNumbers", "OptInPhoneNumber",
    "PutDataProtectionPolicy", "SetEndpointAttributes", "SetPlatformApplicationAttributes", "SetSMSAttributes",
    "VerifySMSSandboxPhoneNumber",
}  # fmt: skip


class Door:
    """The whole walk, with topics behind it."""

    def __init__(self, folder: Path) -> None:
        self.house = SnsHouse(folder)
        self.front = FrontDoor(folder, services=[self.house.service], selection=Everything())

    def ask(self, action: str, **fields: str) -> Answered:
        encoded = {name.replace("__", "."): quote(value, safe="") for name, value in fields.items()}
        return self.front.ask(self.front.query("sns", action, VERSION, fields=encoded))

    def made(self, action: str, what: str, **fields: str) -> str:
        answer = self.ask(action, **fields)
        found = re.search(f"<{what}>(.*?)</{what}>", answer.text)
        assert found, answer.text
        return found[1]

    def open(self, url: str, method: str = "GET") -> Answered:
        """Open a link in a message, as a browser does."""
        request = Request(method=method, path="/", query=urlsplit(url).query, headers=Headers({"host": "127.0.0.1:4747"}.items()))
        return self.front.ask(request)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    made = Door(tmp_path_factory.mktemp("door"))
    yield made
    made.front.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    made.front.close()


def test_every_operation_of_the_model_is_served_or_known_to_be_absent(root: SnsCaller) -> None:
    served = set(root.house.service.operations)
    assert served | ABSENT == set(MODEL.operation_names)
    assert not served & ABSENT


@pytest.mark.parametrize("operation", sorted(ABSENT))
def test_what_is_not_served_says_so_by_name(door: Door, operation: str) -> None:
    answer = door.ask(operation)
    assert answer.status == 501
    assert f"sns:{operation}" in answer.text


def test_faults_have_the_codes_and_statuses_of_the_model() -> None:
    ours = [value for value in vars(faults).values() if isinstance(value, type) and issubclass(value, Fault) and value is not Fault]
    for fault in ours:
        error = MODEL.shape_for(fault.__name__).metadata["error"]
        assert (fault.code, fault.status) == (error["code"], error["httpStatusCode"])


def test_a_link_confirms_a_subscription_and_another_one_ends_it(own: Door) -> None:
    topic = own.made("CreateTopic", "TopicArn", Name="news")
    own.ask("Subscribe", TopicArn=topic, Protocol="https", Endpoint="https://hooks.example.com/")
    topics = own.house.topics
    topics.deliver()
    (arn,) = [one.arn for one in topics.messages.subscriptions.of_topic(topic, after="", limit=9)]
    subscription = topics.messages.subscriptions.get(arn)
    links = topics.carrier._envelopes
    assert own.open(links.subscribe_url(topic, "0" * 128)).status == 400
    answer = own.open(links.subscribe_url(topic, subscription.token))
    assert (answer.status, f"<SubscriptionArn>{arn}</SubscriptionArn>" in answer.text) == (200, True)
    assert own.open(links.unsubscribe_url(arn)).status == 200
    assert topics.messages.subscriptions.of_topic(topic, after="", limit=9) == []
    assert own.open(links.unsubscribe_url(arn)).status == 200
    confirmed = [record for record in own.front.records if record["eventName"] == "ConfirmSubscription"]
    assert [record.get("errorCode") for record in confirmed] == ["InvalidParameterException", None]
    assert subscription.token.encode() not in b"".join(own.front.journal.records)
    assert {record["recipientAccountId"] for record in own.front.records} == {ACCOUNT}


def test_a_link_does_nothing_else(own: Door) -> None:
    topic = own.made("CreateTopic", "TopicArn", Name="news")
    protected = own.made("Subscribe", "SubscriptionArn", TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)
    assert own.open(f"/?Action=Unsubscribe&SubscriptionArn={protected}").status == 403
    assert own.open(f"/?Action=DeleteTopic&TopicArn={topic}").status in (400, 403)
    for action in ("DeleteTopic", "Publish", "GetTopicAttributes"):
        assert own.open(f"/?Action={action}&Version={VERSION}&TopicArn={topic}&Message=m").status == 403
    assert own.house.topics.messages.subscriptions.get(protected).state == "confirmed"
    assert own.open("/?Action=ConfirmSubscription").status == 400
    assert own.open("/?Action=Unsubscribe&SubscriptionArn=x").status == 400


def test_publishing_is_a_data_event_that_tells_nothing_of_the_message(own: Door) -> None:
    topic = own.made("CreateTopic", "TopicArn", Name="news")
    own.front.journal.records.clear()
    own.ask(
        "Publish", TopicArn=topic, Message="CANARY-message", Subject="CANARY-subject", MessageAttributes__entry__1__Name="a",
        MessageAttributes__entry__1__Value__DataType="String", MessageAttributes__entry__1__Value__StringValue="CANARY-value",
    )  # fmt: skip
    record = own.front.record
    assert (record["eventName"], record["eventCategory"], record["managementEvent"]) == ("Publish", "Data", False)
    assert record["resources"] == [{"accountId": ACCOUNT, "type": "AWS::SNS::Topic", "ARN": topic}]
    assert record["requestParameters"]["topicArn"] == topic
    assert record["requestParameters"]["message"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert b"CANARY" not in own.front.journal.records[0]


def test_a_password_in_an_endpoint_is_not_recorded(own: Door) -> None:
    topic = own.made("CreateTopic", "TopicArn", Name="news")
    own.ask("Subscribe", TopicArn=topic, Protocol="https", Endpoint="https://ana:CANARY@hooks.example.com/")
    own.ask("Subscribe", TopicArn=topic, Protocol="http", Endpoint="https://ana:CANARY@hooks.example.com/")
    assert b"CANARY" not in b"".join(own.front.journal.records)


texts = st.text(max_size=12) | st.sampled_from(
    [
        "news", "arn:aws:sns:us-east-1:123456789012:news", "arn:aws:sns:us-east-1:444455556666:news", "sqs", "https", "https://x.example/",
        QUEUE, "true", "json", '{"default":"x"}', "FilterPolicy", '{"a":["x"]}', "DisplayName", "Policy", "String", "Number",
        "arn:aws:sns:us-east-1:123456789012:news:00000000-0000-0000-0000-000000000000",
    ]
)  # fmt: skip
INNER = ["", ".member.1", ".entry.1.key", ".entry.1.value", ".member.1.Key", ".member.1.Value", ".member.1.Id", ".member.1.Message",
         ".entry.1.Name", ".entry.1.Value.DataType", ".entry.1.Value.StringValue", ".member.x", ".1"]  # fmt: skip


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_request_whatever_it_holds_makes_the_service_stumble(door: Door, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(sorted(set(MODEL.operation_names) - ABSENT)))
    shape = MODEL.operation_model(operation).input_shape
    members = list(shape.members) if shape is not None else []
    names = st.sampled_from(members or ["X"]).flatmap(lambda name: st.sampled_from(INNER).map(lambda inner: name + inner))
    fields: dict[str, Any] = data.draw(st.dictionaries(names, texts, max_size=6))
    required = shape.required_members if shape is not None else []
    for name in required:
        fields.setdefault(name, data.draw(texts))
    encoded = {name: quote(value.encode("utf-8", "replace"), safe="") for name, value in fields.items()}
    answer = door.front.ask(door.front.query("sns", operation, VERSION, fields=encoded))
    assert answer.status in (200, 400, 403, 404), answer.text
    assert door.front.records[-1]["eventName"] == operation
    door.front.journal.records.clear()


@settings(max_examples=100, deadline=None)
@given(
    query=st.dictionaries(st.sampled_from(["TopicArn", "Token", "SubscriptionArn", "AuthenticateOnUnsubscribe"]), texts, max_size=4),
    action=st.sampled_from(["ConfirmSubscription", "Unsubscribe"]),
)
def test_no_link_whatever_it_holds_makes_the_service_stumble(door: Door, query: dict[str, str], action: str) -> None:
    text = "&".join(f"{name}={quote(value.encode('utf-8', 'replace'), safe='')}" for name, value in query.items())
    answer = door.open(f"/?Action={action}&{text}")
    assert answer.status in (200, 400, 403, 404), answer.text
    door.front.journal.records.clear()

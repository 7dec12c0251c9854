"""Delivery: everybody who wants a message gets it, at least once, whatever happens in between."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from opentrail.messaging.topics import store
from opentrail.messaging.topics.dispatcher import Dispatcher
from opentrail.messaging.topics.lanes import PER_HOST, PLACES, Lane, Places
from opentrail.messaging.topics.outcomes import DONE, LONGEST_HTTP, Load, Outcome
from opentrail.messaging.topics.values import MessageAttribute
from opentrail.wire.faults import ServiceUnavailable
from simulators.full_disk import full_disk
from simulators.running import wait_for
from simulators.topics import ACCOUNT, ADDRESS, DEAD, QUEUE, NoSuchQueue, TopicHouse

HOOK = "https://hooks.example.com/in"
ATTRIBUTES = {"MessageAttributes": {"kind": {"DataType": "String", "StringValue": "test"}}}


def kept(house: TopicHouse) -> tuple[int, int]:
    """Messages and deliveries that are still there."""
    with house.messages.store.read() as connection:
        count = [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (store.messages, store.deliveries)]
    return count[0], count[1]


def test_each_subscriber_gets_the_message_and_nothing_of_it_is_left(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic)
    arn = house.subscribed(topic, "https", HOOK)
    message_id = house.publish(topic, "hello", Subject="greeting", **ATTRIBUTES)
    assert kept(house) == (1, 2)
    house.deliver()
    (body,) = house.queues.bodies[QUEUE]
    envelope = json.loads(body)
    assert list(envelope) == [
        "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL",
        "UnsubscribeURL", "MessageAttributes",
    ]  # fmt: skip
    assert envelope["Timestamp"] == "2026-01-05T10:11:12.000Z"
    assert envelope["MessageAttributes"] == {"kind": {"Type": "String", "Value": "test"}}
    assert house.queues.sources == [topic]
    ((url, headers, posted),) = house.web.posts
    assert url == HOOK
    assert headers == {
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": message_id,
        "x-amz-sns-topic-arn": topic,
        "x-amz-sns-subscription-arn": arn,
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
    }
    assert json.loads(posted)["UnsubscribeURL"] == f"{ADDRESS}/?Action=Unsubscribe&SubscriptionArn={arn}"
    assert kept(house) == (0, 0)


def test_raw_delivery_hands_over_the_message_alone(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic, RawMessageDelivery="true")
    house.subscribed(topic, "https", HOOK, RawMessageDelivery="true")
    house.publish(topic, "hello", **ATTRIBUTES)
    house.deliver()
    assert house.queues.bodies[QUEUE] == ["hello"]
    assert house.queues.attributes == [{"kind": MessageAttribute("String", "test")}]
    ((_, headers, posted),) = house.web.posts
    assert (posted, headers["x-amz-sns-rawdelivery"]) == ("hello", "true")


def test_a_raw_message_with_more_attributes_than_a_queue_takes_is_given_up(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic, RawMessageDelivery="true")
    house.publish(topic, MessageAttributes={f"a{number}": {"DataType": "Number", "StringValue": "1"} for number in range(11)})
    house.deliver()
    assert house.queues.bodies == {}
    assert kept(house) == (0, 0)


def test_each_protocol_gets_its_own_text(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic)
    house.subscribed(topic, "https", HOOK)
    house.publish(topic, json.dumps({"default": "to all", "sqs": "to queues", "email": 3}), MessageStructure="json")
    house.deliver()
    assert house.queues.messages() == ["to queues"]
    assert json.loads(house.web.posts[0][2])["Message"] == "to all"


def test_who_does_not_want_a_message_does_not_get_it(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic, FilterPolicy='{"kind": ["other"]}')
    house.subscribed(topic, "sqs", DEAD, FilterPolicy='{"a": ["x"]}', FilterPolicyScope="MessageBody")
    house.publish(topic, "hello", **ATTRIBUTES)
    assert kept(house) == (0, 0)
    house.publish(topic, '{"a": "x"}', **ATTRIBUTES)
    house.deliver()
    assert house.queues.bodies.keys() == {DEAD}


def test_an_endpoint_that_fails_is_tried_again_as_its_policy_says(house: TopicHouse) -> None:
    retry = {"minDelayTarget": 2, "maxDelayTarget": 6, "numRetries": 5, "numNoDelayRetries": 1, "numMaxDelayRetries": 1}
    topic = house.topic()
    house.subscribed(topic, "https", HOOK, DeliveryPolicy=json.dumps({"healthyRetryPolicy": retry}))
    house.web.answers[HOOK] = [500, OSError("no route"), 429, 302 + 300, TimeoutError()]
    house.publish(topic)
    # at once, no delay (at the next look), backoff 2, 4, 6, and the longest delay
    assert house.attempts(40, step=0.5) == [0, 0.5, 2.5, 6.5, 12.5, 18.5]
    assert kept(house) == (0, 0)


@pytest.mark.parametrize("status", [301, 400, 403, 404, 410])
def test_a_client_error_is_final(house: TopicHouse, status: int) -> None:
    topic = house.topic()
    house.subscribed(topic, "https", HOOK)
    house.web.answers[HOOK] = [status] * 5
    house.publish(topic)
    assert house.attempts(100) == [0]
    assert kept(house) == (0, 0)


def test_what_is_given_up_goes_to_the_dead_letter_queue_with_the_reason(house: TopicHouse) -> None:
    topic = house.topic()
    redrive = json.dumps({"deadLetterTargetArn": DEAD})
    house.subscribed(topic, "https", HOOK, RedrivePolicy=redrive)
    house.subscribed(topic, RedrivePolicy=redrive, RawMessageDelivery="true")
    house.web.answers[HOOK] = [500] * 4
    house.queues.raising[QUEUE] = NoSuchQueue()
    house.publish(topic)
    assert house.attempts(100) == [0, 20, 40, 60]
    assert sorted(body if body == "hello" else json.loads(body)["Message"] for body in house.queues.bodies[DEAD]) == ["hello", "hello"]
    assert {one["ErrorMessage"].value for one in house.queues.attributes} == {"it answered with status 500", "NoSuchQueue"}
    assert kept(house) == (0, 0)


def test_a_dead_letter_queue_in_trouble_is_waited_for(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic, "https", HOOK, RedrivePolicy=json.dumps({"deadLetterTargetArn": DEAD}))
    house.web.answers[HOOK] = [404]
    house.queues.raising[DEAD] = ServiceUnavailable()
    house.publish(topic)
    house.deliver()
    house.pass_time(100)
    assert kept(house) == (1, 1)
    del house.queues.raising[DEAD]
    house.pass_time(100)
    assert house.queues.messages(DEAD) == ["hello"]
    assert len(house.web.posts) == 1, "the endpoint itself is not asked again"
    assert kept(house) == (0, 0)


def test_an_endpoint_gets_no_more_in_a_second_than_its_policy_says(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic, "https", HOOK, DeliveryPolicy='{"throttlePolicy": {"maxReceivesPerSecond": 2}}')
    for _ in range(5):
        house.publish(topic)
    assert house.attempts(4, step=0.25) == [0, 0.5, 1, 1.5, 2]


def test_a_delivery_that_is_late_beyond_measure_is_given_up(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic, "https", HOOK)
    house.web.answers[HOOK] = [500] * 9
    house.publish(topic)
    house.clock.advance(30 * 86_400)  # the server was off: that is not the endpoint's fault
    house.deliver()
    assert kept(house) == (1, 1)
    house.pass_time(LONGEST_HTTP + 30)
    assert kept(house) == (0, 0)


def test_a_topic_that_is_deleted_takes_what_is_on_its_way_with_it(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic)
    house.publish(topic)
    house.messages.topics.delete(topic)
    house.deliver()
    assert kept(house) == (0, 0)
    assert house.queues.bodies == {}


class Killed(BaseException):
    """The process ends here."""


def test_a_dispatcher_that_dies_between_sending_and_noting_it_sends_again(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic)
    house.publish(topic, "once more")

    def die() -> None:
        raise Killed

    house.queues.after = die
    with pytest.raises(Killed):
        house.deliver()
    assert house.queues.messages() == ["once more"]
    house.queues.after = lambda: None
    again = house.reopened()
    again.deliver()
    assert again.queues.messages() == ["once more", "once more"]
    assert json.loads(again.queues.bodies[QUEUE][0])["MessageId"] == json.loads(again.queues.bodies[QUEUE][1])["MessageId"]
    assert kept(again) == (0, 0)


def test_whenever_the_dispatcher_dies_no_message_is_lost(tmp_path: Path) -> None:
    """It dies at every delivery in turn, before or after the message is in the queue."""
    house = TopicHouse(tmp_path)
    topic = house.topic()
    house.subscribed(topic)
    for number in range(12):
        house.publish(topic, str(number))
    for life in range(12):
        count = 0

        def die(life: int = life) -> None:
            nonlocal count
            count += 1
            if count > life // 2:
                raise Killed

        house.queues.after = die
        if life % 3 == 2:
            house.queues.raising[QUEUE] = Killed()
        with pytest.raises(Killed):
            house.deliver()
        house.queues.raising.clear()
        house = house.reopened()
    house.queues.after = lambda: None
    house.deliver()
    assert set(house.queues.messages()) == {str(number) for number in range(12)}
    assert kept(house) == (0, 0)


class Waiting:
    """Endpoints of which some hang until they are let go."""

    def __init__(self, hanging: str) -> None:
        self.hanging = hanging
        self.let_go = threading.Event()
        self.served: list[str] = []
        self.changed = threading.Condition()

    def carry(self, load: Load) -> Outcome:
        if self.hanging in load.subscription.endpoint:
            self.let_go.wait(90)
        with self.changed:
            self.served.append(load.subscription.endpoint)
            self.changed.notify_all()
        return DONE

    def bury(self, load: Load, queue_arn: str) -> Outcome:
        raise AssertionError

    def wait_for(self, count: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: len(self.served) >= count, 20)


def test_a_slow_endpoint_delays_nobody_else(house: TopicHouse) -> None:
    topic = house.topic()
    for number in range(12):
        house.subscribed(topic, "https", f"https://slow.example.com/{number}")
        house.subscribed(topic, "https", f"https://quick-{number}.example.com/")
    house.subscribed(topic)
    for _ in range(3):
        house.publish(topic)
    endpoints = Waiting("slow")
    dispatcher = Dispatcher(house.messages.store, house.clock, carrier=endpoints)
    dispatcher.step()
    assert endpoints.wait_for(13 * 3), "the slow ones are still being waited for"
    assert not any("slow" in endpoint for endpoint in endpoints.served)
    assert dispatcher.step() <= PER_HOST + 13
    endpoints.let_go.set()
    dispatcher.close()


def test_a_dispatcher_that_is_closed_begins_nothing_more(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic)
    house.publish(topic)
    house.dispatcher.close()
    house.deliver()
    assert house.queues.bodies == {}
    assert kept(house) == (1, 1)


def test_slow_hosts_never_have_all_places() -> None:
    places = Places()
    lanes = [Lane(f"s{number}", "https", f"https://slow-{number}.example.com/") for number in range(PLACES["http"])]
    for lane in lanes:
        places.note(lane, slow=True)
    assert sum(places.take(lane) for lane in lanes) == PLACES["http"] // 2
    assert places.take(Lane("quick", "https", "https://quick.example.com/"))
    for lane in lanes:
        places.give_back(lane)
        places.note(lane, slow=False)
    assert sum(places.take(lane) for lane in lanes) == PLACES["http"] - 1


def test_one_host_has_a_bounded_share() -> None:
    places = Places()
    lanes = [Lane(f"s{number}", "https", f"https://u:p@one.example.com/{number}") for number in range(PLACES["http"])]
    assert sum(places.take(lane) for lane in lanes) == PER_HOST


def test_mail_text_messages_and_chat_go_by_the_ways_of_the_settings(house: TopicHouse) -> None:
    topic = house.topic(DisplayName="Alarms")
    mailed = house.subscribed(topic, "email", "ana@example.com")
    house.subscribed(topic, "email", "ops@chat.opentrail")
    house.subscribed(topic, "email-json", "machine@example.com")
    house.subscribed(topic, "sms", "+4915112345678")
    house.publish(topic, "it burns", Subject="fire")
    house.deliver()
    found = {url: (title, body) for url, title, body in house.mail.sent}
    assert found["mailto://x?to=ana%40example.com"] == (
        "fire", f"it burns\n\n--\nTo stop receiving notifications from this topic: {ADDRESS}/?Action=Unsubscribe&SubscriptionArn={mailed}"
    )  # fmt: skip
    assert found["slack://x"] == ("fire", "it burns")
    assert found["twilio://x/%2B4915112345678"] == ("fire", "it burns")
    assert json.loads(found["mailto://x?to=machine%40example.com"][1])["Message"] == "it burns"


def test_a_mail_asks_to_confirm_with_a_link(house: TopicHouse) -> None:
    topic = house.topic()
    made = house.messages.subscriptions.subscribe(
        topic, owner=ACCOUNT, protocol="email", endpoint="ana@example.com", given={}, at_once=False
    )
    house.deliver()
    ((_, title, body),) = house.mail.sent
    assert title == "AWS Notification - Subscription Confirmation"
    assert body.endswith(f"\n\n{ADDRESS}/?Action=ConfirmSubscription&TopicArn={topic}&Token={made.token}")


def test_mail_that_is_not_taken_is_tried_again_and_a_channel_that_is_not_there_is_not(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic, "email", "ana@example.com")
    house.subscribed(topic, "email", "nobody@chat.opentrail")
    house.mail.failing = True
    house.publish(topic)
    house.deliver()
    assert kept(house) == (1, 1)
    house.mail.failing = False
    house.pass_time(10)
    assert len(house.mail.sent) == 2
    assert kept(house) == (0, 0)


def test_whatever_goes_wrong_in_an_attempt_the_delivery_stays(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic)
    house.queues.raising[QUEUE] = RuntimeError("a mistake of ours")
    house.publish(topic)
    house.deliver()
    assert kept(house) == (1, 1)
    house.queues.raising.clear()
    house.deliver()
    assert house.queues.messages() == ["hello"]


def test_a_run_goes_on_after_trouble_and_ends_when_told_to(house: TopicHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    pauses: list[float] = []

    def step() -> int:
        if len(pauses) == 1:
            stop.set()
        pauses.append(0)
        raise OSError("the disk is full")

    class NoPause(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            return self.is_set()

    quick: Any = NoPause()
    stop = quick
    monkeypatch.setattr(house.dispatcher, "step", step)
    house.dispatcher.run(stop)
    assert len(pauses) == 2


def test_a_full_disk_makes_no_storm_of_messages(house: TopicHouse, caplog: pytest.LogCaptureFixture) -> None:
    """What was delivered and could not be noted is delivered again, but not as fast as one can look."""
    topic = house.topic()
    house.subscribed(topic, "https", HOOK)
    house.publish(topic)
    with full_disk(house.database, "DELETE FROM sns_deliveries"):
        for _ in range(300):
            house.deliver()
            house.clock.elapsed += 0.1
    assert 1 < len(house.web.posts) < 8
    assert "No space left" in (house.dispatcher.ails() or "")
    assert "it is made again" in caplog.text
    house.clock.elapsed += 60.0
    house.deliver()
    assert house.dispatcher.ails() is None
    assert kept(house) == (0, 0)


def test_it_runs_until_it_is_stopped_and_delivers_when_it_is_woken(house: TopicHouse) -> None:
    topic = house.topic()
    house.subscribed(topic)
    stop = threading.Event()
    thread = threading.Thread(target=house.dispatcher.run, args=(stop,))
    thread.start()
    house.publish(topic)
    house.dispatcher.wake()
    try:
        wait_for(lambda: kept(house) == (0, 0))
    finally:
        stop.set()
        house.dispatcher.wake()
        thread.join(90)
    assert not thread.is_alive()
    assert len(house.queues.messages()) == 1

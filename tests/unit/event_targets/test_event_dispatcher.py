"""Delivery to targets: retries, dead letters, targets that are down, restarts at every step, clocks that are set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from opentrail.rules.dispatching import outbox, retrying
from opentrail.rules.dispatching.bus_targets import MOST_HOPS
from opentrail.rules.dispatching.dispatcher import LONGEST, Dispatcher
from opentrail.rules.dispatching.lanes import PLACES, Lane, Places
from opentrail.rules.names import BusName
from opentrail.rules.store import targets
from opentrail.rules.values import HttpParameters, InputTransformer, RetryPolicy, Target
from opentrail.wire.faults import fault
from simulators.event_targets import ACCOUNT, BUS, OTHER, REGION, Died, RulesWorld, queue, queue_target
from simulators.full_disk import full_disk
from simulators.rule_places import DEAD, api, make_bus

HOUR = 3600.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RulesWorld]:
    made = RulesWorld(tmp_path)
    yield made
    made.database.close()


def numbers(world: RulesWorld, arn: str = queue("jobs")) -> list[int]:
    """Numbers of the records that reached a target, in order."""
    return [json.loads(text)["detail"]["requestParameters"]["number"] for text in world.endpoint.texts(arn)]


def down(world: RulesWorld, name: str = "jobs") -> None:
    world.endpoint.trouble[queue(name)] = OSError("no route")


def up(world: RulesWorld, name: str = "jobs") -> None:
    world.endpoint.trouble.clear()


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:react",
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/all",
        queue("jobs"),
    ],
)
def test_every_kind_of_target_gets_what_its_input_says(world: RulesWorld, arn: str) -> None:
    transformer = InputTransformer(template='"<who> <aws.events.rule-name>"', paths={"who": "$.detail.eventName"})
    world.rule("users", Target(rule_arn=BUS.rule_arn("users"), target_id="t", arn=arn, transformer=transformer))
    world.happens("CreateUser")
    world.settle()
    assert world.endpoint.texts(arn) == ['"CreateUser users"']


def test_chat_gets_a_title(world: RulesWorld) -> None:
    world.rule("users", Target(rule_arn=BUS.rule_arn("users"), target_id="t", arn="arn:aws:opentrail:::chat/ops", input='"look"'))
    world.happens("CreateUser")
    world.settle()
    assert world.endpoint.got == [("chat ops", 'AWS API Call via CloudTrail: users\n"look"')]


def test_a_fifo_queue_gets_its_group(world: RulesWorld) -> None:
    world.rule("users", queue_target("users", "jobs.fifo", message_group_id="g"))
    world.happens("CreateUser")
    world.settle()
    assert world.endpoint.groups == ["g"]


def test_nothing_is_left_of_what_is_delivered(world: RulesWorld) -> None:
    world.rule("users", queue_target("users"), queue_target("users", "second", target_id="u"))
    world.happens("CreateUser")
    world.settle()
    with world.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(outbox.bodies)).scalar_one() == 0
    assert world.dispatcher.waiting() == 0


def test_down_for_an_hour_and_back(world: RulesWorld) -> None:
    world.rule("users", queue_target("users"))
    world.rule("others", queue_target("others", "healthy"))
    down(world)
    for number in range(1, 31):
        world.happens()
        world.pass_time(10, step=5)
        assert numbers(world, queue("healthy")) == list(range(1, number + 1))  # the one that is down delays nobody
    world.pass_time(HOUR, step=30)
    tried = world.endpoint.calls - 30
    assert tried < 2 * HOUR / retrying.LONGEST_PAUSE  # no storm while it is down
    up(world)
    world.pass_time(2 * retrying.LONGEST_PAUSE, step=5)
    got = numbers(world)
    assert sorted(got) == list(range(1, 31))
    assert got[1:] == sorted(got[1:])  # in order, but for the one with which it was tried


def test_a_target_that_is_back_after_a_restart_hears_of_all(world: RulesWorld) -> None:
    world.rule("users", queue_target("users"))
    down(world)
    world.happens()
    world.pass_time(HOUR, step=30)
    up(world)
    world.restart()
    world.happens()
    world.pass_time(5)
    assert sorted(numbers(world)) == [1, 2]  # the first one was put off for ten minutes


def test_one_event_that_is_refused_holds_up_no_other(world: RulesWorld) -> None:
    world.rule("users", queue_target("users"))
    world.happens()
    down(world)
    world.settle()
    original = world.endpoint._take

    def take(arn: str, text: str) -> None:
        if json.loads(text)["detail"]["requestParameters"]["number"] == 1:
            world.endpoint.calls += 1
            raise OSError("not this one")
        world.endpoint.trouble = {}
        original(arn, text)

    world.endpoint._take = take  # type: ignore[method-assign]
    for _ in range(5):
        world.happens()
    world.pass_time(300)
    assert numbers(world) == [2, 3, 4, 5, 6]
    assert world.dispatcher.waiting() == 1


def test_attempts_end_in_the_dead_letter_queue(world: RulesWorld) -> None:
    arn = world.rule("users", queue_target("users", retry=RetryPolicy(attempts=2), dead_letter_arn=DEAD, input='"short"'))
    world.happens()
    down(world)
    world.pass_time(60)
    assert world.endpoint.calls == 3
    ((place, body, attributes),) = world.endpoint.buried
    assert place == DEAD
    assert json.loads(body)["detail"]["requestParameters"] == {"number": 1}
    assert attributes == {
        "RULE_ARN": arn,
        "TARGET_ARN": queue("jobs"),
        "ERROR_CODE": "CONNECTION_FAILURE",
        "ERROR_MESSAGE": "no route",
        "RETRY_ATTEMPTS": "2",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
    }
    assert world.dispatcher.waiting() == 0


def test_age_ends_all_that_wait_for_a_target_that_is_down(world: RulesWorld) -> None:
    world.rule("users", queue_target("users", retry=RetryPolicy(max_age=60), dead_letter_arn=DEAD))
    for _ in range(20):
        world.happens()
    down(world)
    world.pass_time(150)
    assert [attributes["EXHAUSTED_RETRY_CONDITION"] for _, _, attributes in world.endpoint.buried] == ["MaximumEventAgeInSeconds"] * 20


def test_what_waited_while_nothing_ran_is_tried_all_the_same(world: RulesWorld) -> None:
    world.rule("users", queue_target("users", retry=RetryPolicy(max_age=60)))
    world.happens()
    world.follow()
    world.clock.at += 2 * 86_400
    world.restart()
    world.settle()
    assert numbers(world) == [1]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDenied", "NO_PERMISSIONS"),
        ("KmsAccessDenied", "NO_PERMISSIONS"),
        ("NotFound", "NO_RESOURCE"),
        ("QueueDoesNotExist", "NO_RESOURCE"),
        ("InvalidParameterValue", "INVALID_PARAMETER"),
        ("Odd", "ERROR_FROM_TARGET"),
    ],
)
def test_what_will_never_work_is_not_tried_again(world: RulesWorld, code: str, told: str) -> None:
    world.rule("users", queue_target("users", dead_letter_arn=DEAD))
    world.endpoint.trouble[queue("jobs")] = fault(code, "why not")
    world.happens()
    world.settle()
    assert world.endpoint.calls == 1
    ((_, _, attributes),) = world.endpoint.buried
    assert (attributes["ERROR_CODE"], attributes["ERROR_MESSAGE"], attributes["RETRY_ATTEMPTS"]) == (told, "why not", "0")
    assert "EXHAUSTED_RETRY_CONDITION" not in attributes


def test_a_dead_letter_queue_that_is_down_is_tried_again(world: RulesWorld) -> None:
    world.rule("users", queue_target("users", dead_letter_arn=DEAD))
    world.endpoint.trouble = {queue("jobs"): fault("AccessDenied", "no"), DEAD: OSError("down")}
    world.happens()
    world.pass_time(60)
    assert world.endpoint.buried == []
    del world.endpoint.trouble[DEAD]
    world.pass_time(retrying.DEAD_LETTER_DELAY + 1)
    assert len(world.endpoint.buried) == 1


@pytest.mark.parametrize("place", ["arrived", "noted"])
def test_dying_during_a_delivery_loses_nothing(world: RulesWorld, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world.rule("users", queue_target("users"))
    for _ in range(3):
        world.happens()
    world.follow()

    def die(*_: Any) -> None:
        raise Died

    with monkeypatch.context() as patch:
        if place == "arrived":
            patch.setattr(world.endpoint, "after", die)
        else:
            patch.setattr(world.dispatcher, "_note", die)
        with pytest.raises(Died):
            world.dispatcher.step()
    world.restart()
    world.settle()
    assert set(numbers(world)) == {1, 2, 3}
    assert world.dispatcher.waiting() == 0


def test_a_full_disk_makes_no_storm(world: RulesWorld, caplog: pytest.LogCaptureFixture) -> None:
    """What was delivered and could not be noted is delivered again, but not as fast as one can look."""
    world.rule("users", queue_target("users"))
    world.happens()
    world.follow()
    with full_disk(world.database, "DELETE FROM event_deliveries"):
        for _ in range(300):
            world.dispatcher.step()
            world.clock.elapsed += 0.1
            world.clock.at += 0.1
    assert 1 < world.endpoint.calls < 8
    assert "No space left" in (world.dispatcher.ails() or "")
    assert "it is made again" in caplog.text
    world.pass_time(60)
    assert world.dispatcher.ails() is None
    assert world.dispatcher.waiting() == 0
    assert set(numbers(world)) == {1}


def test_the_dispatcher_rests_until_something_is_due(world: RulesWorld) -> None:
    assert world.dispatcher.rest() == LONGEST
    world.rule("users", queue_target("users"))
    down(world)
    world.happens()
    world.settle()
    assert 0.1 <= world.dispatcher.rest() <= 1.0
    world.clock.advance(5)
    assert world.dispatcher.rest() == pytest.approx(0.1)


@pytest.mark.parametrize("jump", [-30 * 86_400.0, -HOUR, HOUR, 30 * 86_400.0])
def test_a_clock_that_is_set_makes_nothing_older_and_nothing_wait_longer(world: RulesWorld, jump: float) -> None:
    world.rule("users", queue_target("users", dead_letter_arn=DEAD))
    down(world)
    world.happens()
    world.pass_time(20)
    tried = world.endpoint.calls
    world.clock.at += jump
    world.pass_time(40)
    assert tried < world.endpoint.calls <= tried + 4
    up(world)
    world.pass_time(60)
    assert numbers(world) == [1]
    assert world.endpoint.buried == []


def test_a_clock_that_was_set_back_while_nothing_ran(world: RulesWorld) -> None:
    world.rule("users", queue_target("users"))
    down(world)
    world.happens()
    world.settle()
    world.clock.at -= 30 * 86_400
    world.restart()
    up(world)
    world.pass_time(retrying.LONGEST + 1, step=30)
    assert numbers(world) == [1]


@pytest.mark.parametrize("jump", [-30 * 86_400.0, -HOUR, HOUR, 30 * 86_400.0])
def test_what_comes_in_right_after_the_clock_was_set_is_neither_old_nor_early(world: RulesWorld, jump: float) -> None:
    world.rule("users", queue_target("users", dead_letter_arn=DEAD))
    down(world)
    world.happens()
    world.settle()
    world.clock.at += jump
    world.happens()
    world.follow()  # the dispatcher has not seen yet that the clock was set
    world.pass_time(5)
    up(world)
    world.pass_time(retrying.LONGEST_PAUSE + 10)
    assert sorted(numbers(world)) == [1, 2]
    assert world.endpoint.buried == []


@pytest.mark.parametrize("jump", [-30 * 86_400.0, 30 * 86_400.0])
def test_an_attempt_during_which_the_clock_is_set_is_no_older_for_it(world: RulesWorld, jump: float) -> None:
    world.rule("users", queue_target("users", dead_letter_arn=DEAD))
    world.happens()
    world.happens()
    tried = []

    def take(arn: str, text: str) -> None:
        tried.append(world.clock.elapsed)
        if len(tried) == 1:
            world.clock.at += jump
        raise OSError("no route")

    plain, world.endpoint._take = world.endpoint._take, take  # type: ignore[method-assign]
    world.pass_time(20)
    assert 2 < len(tried) < 12
    world.endpoint._take = plain  # type: ignore[method-assign]
    world.pass_time(retrying.LONGEST_PAUSE + 10)
    assert sorted(numbers(world)) == [1, 2]
    assert world.endpoint.buried == []


def test_what_is_on_its_way_to_a_target_that_is_removed_goes_nowhere(world: RulesWorld) -> None:
    world.rule("users", queue_target("users"))
    world.happens()
    world.follow()
    with world.store.write() as connection:
        connection.execute(targets.delete())
    world.settle()
    assert (world.endpoint.got, world.dispatcher.waiting()) == ([], 0)


def bus_target(rule: str, there: BusName, *, here: BusName = BUS) -> Target:
    return Target(rule_arn=here.rule_arn(rule), target_id="t", arn=there.arn)


def test_another_bus_takes_the_event_and_its_rules_see_it(world: RulesWorld) -> None:
    second = BusName(region=REGION, account_id=ACCOUNT, name="second")
    make_bus(world, second)
    world.rule("on", bus_target("on", second))
    world.rule("all", queue_target("all", bus=second), bus=second)
    world.happens()
    world.settle()
    assert numbers(world) == [1]


def test_a_circle_ends(world: RulesWorld) -> None:
    second = BusName(region=REGION, account_id=ACCOUNT, name="second")
    make_bus(world, second)
    world.rule("on", bus_target("on", second), queue_target("on", target_id="u"))
    world.rule("back", bus_target("back", BUS, here=second), bus=second)
    world.happens()
    world.settle()
    assert numbers(world) == [1] * (1 + MOST_HOPS // 2)
    assert world.dispatcher.waiting() == 0


@pytest.mark.parametrize("allowed", [True, False])
def test_a_bus_of_another_account_by_leave_of_its_policy(world: RulesWorld, allowed: bool) -> None:
    theirs = BusName(region=REGION, account_id=OTHER)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT if allowed else '999988887777'}:root"},
        "Action": "events:PutEvents",
        "Resource": theirs.arn,
    }
    make_bus(world, theirs, json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    world.rule("on", bus_target("on", theirs))
    world.rule("all", queue_target("all", bus=theirs), bus=theirs)
    world.happens()
    world.settle()
    assert numbers(world) == ([1] if allowed else [])


def test_no_third_account(world: RulesWorld, caplog: pytest.LogCaptureFixture) -> None:
    second, third = (BusName(region=REGION, account_id=account) for account in (OTHER, "777788889999"))
    anybody = {"Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": "*"}
    for name in (second, third):
        make_bus(world, name, json.dumps({"Version": "2012-10-17", "Statement": [anybody]}))
    world.rule("on", bus_target("on", second))
    world.rule("further", bus_target("further", third, here=second), bus=second)
    world.rule("all", queue_target("all", bus=third), bus=third)
    world.happens()
    world.settle()
    assert numbers(world) == []
    assert "another account" in caplog.text


def test_an_api_destination_is_called_as_connection_and_target_say(world: RulesWorld) -> None:
    secret = {
        "ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "s3cret"},
        "InvocationHttpParameters": {
            "HeaderParameters": [{"Key": "X-Team", "Value": "blue"}, {"Key": "Host", "Value": "evil"}],
            "QueryStringParameters": [{"Key": "q", "Value": "a b"}],
            "BodyParameters": [{"Key": "token", "Value": "t"}],
        },
    }
    http = HttpParameters(
        path_values=["CreateUser/"], headers={"x-team": "red", "X-Name": "$.detail.eventName"}, query={"id": "$.detail.eventID"}
    )
    api(world, "API_KEY", secret, http=http)
    world.happens()
    world.settle()
    (call,) = world.endpoint.requests
    assert (call["method"], call["url"]) == ("PUT", "https://api.example.com/v1/CreateUser%2F/in?x=1&id=event-1&q=a%20b")
    assert {"X-Key": "s3cret", "X-Team": "blue", "X-Name": "CreateUser"}.items() <= call["headers"].items()
    assert not {name.lower() for name in call["headers"]} & {"host", "x-team "}
    body = json.loads(call["body"])
    assert (body["token"], body["detail"]["eventName"]) == ("t", "CreateUser")


def test_basic_authorization(world: RulesWorld) -> None:
    api(world, "BASIC", {"BasicAuthParameters": {"Username": "me", "Password": "pw"}})
    world.happens()
    world.settle()
    assert world.endpoint.requests[0]["headers"]["Authorization"] == "Basic bWU6cHc="


@pytest.mark.parametrize(("status", "again"), [(500, True), (429, True), (401, True), (404, False), (302, False)])
def test_statuses_say_whether_it_is_tried_again(world: RulesWorld, status: int, again: bool) -> None:
    url = api(world, "BASIC", {"BasicAuthParameters": {"Username": "me", "Password": "pw"}})
    world.endpoint.status[url] = status
    world.happens()
    world.pass_time(10)
    assert (world.endpoint.calls > 1) == again
    assert (len(world.endpoint.buried) == 1) == (not again)


def test_no_more_calls_in_a_second_than_the_destination_says(world: RulesWorld) -> None:
    api(world, "BASIC", {"BasicAuthParameters": {"Username": "me", "Password": "pw"}}, rate=2)
    for _ in range(20):
        world.happens()
    world.settle()
    world.pass_time(5, step=0.1)
    assert 9 <= len(world.endpoint.requests) <= 12


def test_whoever_waits_for_a_place_has_it_when_it_is_free(world: RulesWorld) -> None:
    for number in range(3 * PLACES["queue"]):
        world.rule(f"r{number}", queue_target(f"r{number}", f"jobs{number}"))
    world.happens()
    world.follow()
    begun: list[Any] = []
    dispatcher = Dispatcher(world.database, world.clock, carrier=world.dispatcher._carrier, start=begun.append)
    assert dispatcher.step() == len(begun) == PLACES["queue"]
    begun[0]()  # one thread, without another look, works on all that wait
    assert dispatcher.waiting() == PLACES["queue"] - 1
    for call in begun[1:]:
        call()
    assert dispatcher.waiting() == 0


def test_places_of_one_kind_are_never_all_held_by_what_is_slow() -> None:
    places, slow = Places(), [Lane(key=f"s{number}", kind="api-destination", endpoint=f"slow{number}") for number in range(100)]
    for lane in slow:
        places.note(lane, slow=True)
    assert sum(places.take(lane) for lane in slow) == PLACES["api-destination"] // 2
    assert places.take(Lane(key="f", kind="api-destination", endpoint="fast"))
    assert places.take(Lane(key="q", kind="queue", endpoint="queue"))

"""Rules with a schedule fire by the clock: once each, once for what was missed, and right after a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentrail.rules.scheduling import Scheduling
from opentrail.rules.values import DISABLED
from simulators.event_targets import BUS, Died, RulesWorld, queue, queue_target


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RulesWorld]:
    made = RulesWorld(tmp_path)
    yield made
    made.database.close()


def scheduling(world: RulesWorld) -> Scheduling:
    return Scheduling(world.database, world.clock, wake=lambda: None)


def fired(world: RulesWorld) -> int:
    world.settle()
    return len(world.endpoint.texts(queue("jobs")))


def test_a_rate_counts_from_when_the_rule_was_made(world: RulesWorld) -> None:
    arn = world.rule("tick", queue_target("tick"), pattern=None, schedule="rate(5 minutes)")
    clock = scheduling(world)
    for _ in range(40):
        clock.step()
        world.clock.advance(15)
    assert fired(world) == 1
    event = json.loads(world.endpoint.texts(queue("jobs"))[0])
    assert (event["source"], event["detail-type"], event["resources"], event["detail"]) == ("aws.events", "Scheduled Event", [arn], {})


def test_cron_fires_at_its_minute(world: RulesWorld) -> None:
    world.rule("noon", queue_target("noon"), pattern=None, schedule="cron(0 12 * * ? *)")
    clock = scheduling(world)
    assert clock.step() == 0
    world.clock.advance(2 * 3600)  # from 10:11:12
    assert clock.step() == 1
    assert clock.step() == 0
    assert fired(world) == 1


def test_what_was_missed_fires_once_right_after_the_start(world: RulesWorld) -> None:
    world.rule("tick", queue_target("tick"), pattern=None, schedule="rate(1 minute)")
    scheduling(world).step()
    world.clock.advance(3600)
    again = scheduling(world)
    assert [again.step(), again.step()] == [1, 0]
    world.clock.advance(60)
    assert again.step() == 1
    assert fired(world) == 2


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_goes_back_far_stops_no_schedule(world: RulesWorld, restarted: bool) -> None:
    world.rule("tick", queue_target("tick"), pattern=None, schedule="rate(1 minute)")
    clock = scheduling(world)
    clock.step()
    world.clock.advance(60)
    assert clock.step() == 1
    world.clock.at -= 5 * 3600
    if restarted:
        clock = scheduling(world)
    clock.step()
    world.clock.advance(60)
    assert [clock.step(), clock.step()] == [1, 0]
    world.clock.at += 5 * 3600  # and forward again: once, not once for each minute
    assert [clock.step(), clock.step()] == [1, 0]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_goes_back_a_little_fires_nothing_twice(world: RulesWorld, restarted: bool) -> None:
    world.rule("noon", queue_target("noon"), pattern=None, schedule="cron(0 12 * * ? *)")
    clock = scheduling(world)
    clock.step()
    world.clock.advance(2 * 3600)
    assert clock.step() == 1
    world.clock.at -= 2 * 3600 - (12 * 3600 - (10 * 3600 + 11 * 60 + 12)) + 300  # to 11:55
    if restarted:
        clock = scheduling(world)
    for _ in range(60):
        assert clock.step() == 0
        world.clock.advance(30)
    assert fired(world) == 1


def test_dying_while_it_fires_fires_it_once(world: RulesWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.rule("tick", queue_target("tick"), pattern=None, schedule="rate(1 minute)")
    clock = scheduling(world)
    clock.step()
    world.clock.advance(60)

    def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr("opentrail.rules.scheduling._next", die)
        with pytest.raises(Died):
            clock.step()
    assert scheduling(world).step() == 1
    assert fired(world) == 1


def test_a_rule_that_is_disabled_or_changed_is_forgotten(world: RulesWorld) -> None:
    world.rule("tick", queue_target("tick"), pattern=None, schedule="rate(1 minute)")
    clock = scheduling(world)
    clock.step()
    world.rule("tick", queue_target("tick"), pattern=None, schedule="rate(1 minute)", state=DISABLED)
    world.clock.advance(60)
    assert clock.step() == 0
    assert BUS.rule_arn("tick")

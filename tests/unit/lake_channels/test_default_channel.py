"""The channel of programs that name none: made at its first need, with a store; visible; gone when somebody deletes it."""

from __future__ import annotations

import asyncio

import pytest

from opentrail.events.activity import DEFAULT_CHANNEL
from opentrail.lake import faults
from opentrail.lake.channels.channel import DEFAULT_NAME, channel_arn
from opentrail.lake.channels.known import AGAIN, Known
from opentrail.lake.families import Family
from simulators.channels import PLACE, ChannelGround, to

ARN = channel_arn(PLACE)


def prepared(ground: ChannelGround, channel_id: str = DEFAULT_CHANNEL) -> Known | None:
    return asyncio.run(ground.known.prepared(PLACE, channel_id))


def test_it_is_made_with_its_store_at_the_first_need(ground: ChannelGround) -> None:
    assert ground.known.find(ARN) is None
    ground.head = 7
    found = prepared(ground)
    assert found == Known(arn=ARN, policy=None, takes_activity=True, has_store=True)
    (store,) = ground.stores.all()
    (channel,) = ground.channels.list(PLACE)
    assert (channel.name, channel.source, channel.store_ids, channel.arn) == (DEFAULT_NAME, "Custom", (store.id,), ARN)
    assert store.name == DEFAULT_NAME
    assert ground.routes.now().destinations(ARN, 8) == (store.id,)
    prepared(ground)
    assert (len(ground.stores.all()), len(ground.channels.list(PLACE))) == (1, 1)


def test_many_first_needs_at_once_make_one(ground: ChannelGround) -> None:
    async def story() -> list[Known | None]:
        return await asyncio.gather(*(ground.known.prepared(PLACE, DEFAULT_CHANNEL) for _ in range(20)))

    assert all(asyncio.run(story()))
    assert len(ground.stores.all()) == 1


def test_a_store_that_was_made_before_a_crash_is_used(ground: ChannelGround) -> None:
    store = ground.stores.add(DEFAULT_NAME)
    prepared(ground)
    assert ground.channels.get(PLACE, ARN).store_ids == (store.id,)


def test_without_room_for_a_store_it_is_there_all_the_same_and_gets_one_later(
    ground: ChannelGround, caplog: pytest.LogCaptureFixture
) -> None:
    ground.stores.refusing = faults.EventDataStoreMaxLimitExceededException()
    found = prepared(ground)
    assert found is not None
    assert not found.has_store
    assert ground.channels.get(PLACE, ARN).store_ids == ()
    assert "event history only" in caplog.text
    ground.stores.refusing = None
    prepared(ground)
    assert ground.stores.all() == ()
    ground.clock.advance(AGAIN)
    ground.head = 40
    found = prepared(ground)
    assert found is not None
    assert found.has_store
    (store,) = ground.stores.all()
    assert [ground.routes.now().destinations(ARN, position) for position in (40, 41)] == [(), (store.id,)]


def test_a_store_of_another_family_with_its_name_is_left_alone(ground: ChannelGround, caplog: pytest.LogCaptureFixture) -> None:
    ground.stores.add(DEFAULT_NAME, family=Family.EVENTS)
    found = prepared(ground)
    assert found is not None
    assert not found.has_store
    assert len(ground.stores.all()) == 1
    assert len(caplog.records) == 1


def test_a_default_channel_that_was_deleted_stays_so_until_it_is_made(ground: ChannelGround) -> None:
    prepared(ground)
    ground.channels.delete(PLACE, ARN)
    assert prepared(ground) is None
    assert ground.channels.list(PLACE) == []
    store = ground.stores.add("mine")
    ground.channels.create(PLACE, DEFAULT_NAME, "Custom", to(store))
    found = prepared(ground)
    assert found is not None
    assert found.has_store
    assert ground.channels.get(PLACE, ARN).store_ids == (store.id,)


def test_no_other_channel_comes_by_itself(ground: ChannelGround) -> None:
    assert prepared(ground, "11111111-2222-3333-4444-555555555555") is None
    assert ground.channels.list(PLACE) == []


def test_what_is_known_follows_each_change(ground: ChannelGround) -> None:
    made = ground.channels.create(PLACE, "abc", "Custom", to(ground.stores.add()))
    assert ground.known.find(made.arn) == Known(arn=made.arn, policy=None, takes_activity=True, has_store=True)
    ground.put_policy(made.arn, "{}")
    found = ground.known.find(made.arn)
    assert found is not None
    assert found.policy == "{}"
    ground.channels.delete(PLACE, made.arn)
    assert ground.known.find(made.arn) is None

"""Where each record goes, by the position at which it was written, however late it is read."""

from __future__ import annotations

import threading

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.lake.channels.routes import LINGERING, Routes, channel_of
from simulators.channels import PLACE, ChannelGround, to


def test_a_record_goes_where_it_was_to_go_when_it_was_written(ground: ChannelGround) -> None:
    old, new = ground.stores.add("old"), ground.stores.add("new")
    ground.head = 10
    made = ground.channels.create(PLACE, "abc", "Custom", to(old))
    ground.head = 20
    ground.channels.update(PLACE, made.arn, destinations=to(new))
    ground.head = 30
    ground.channels.update(PLACE, made.arn, destinations=to(new, old))
    routes = ground.routes.now()
    assert [routes.destinations(made.arn, position) for position in (10, 11, 20, 21, 30, 31, 1000)] == [
        (),
        (old.id,),
        (old.id,),
        (new.id,),
        (new.id,),
        (new.id, old.id),
        (new.id, old.id),
    ]
    assert routes.destinations("arn:nobody", 15) == ()
    assert routes.store_ids == {old.id, new.id}


def test_a_change_of_the_name_changes_no_route(ground: ChannelGround) -> None:
    store = ground.stores.add()
    made = ground.channels.create(PLACE, "abc", "Custom", to(store))
    ground.head = 5
    ground.channels.update(PLACE, made.arn, name="def", destinations=to(store))
    assert [ground.routes.now().destinations(made.arn, position) for position in (1, 5, 6)] == [(store.id,)] * 3


def test_what_was_let_in_before_the_channel_was_deleted_is_not_lost(ground: ChannelGround) -> None:
    store = ground.stores.add()
    made = ground.channels.create(PLACE, "abc", "Custom", to(store))
    ground.head = 5
    ground.channels.delete(PLACE, made.arn)
    assert ground.routes.now().destinations(made.arn, 6) == (store.id,)
    ground.routes.forget(100)
    assert ground.routes.now().destinations(made.arn, 6) == (store.id,)
    ground.clock.advance(LINGERING + 1)
    ground.routes.forget(100)
    assert ground.routes.now().destinations(made.arn, 6) == ()


def test_routes_are_forgotten_when_their_last_record_is_read(ground: ChannelGround) -> None:
    old, new = ground.stores.add("old"), ground.stores.add("new")
    made = ground.channels.create(PLACE, "abc", "Custom", to(old))
    ground.head = 20
    ground.channels.update(PLACE, made.arn, destinations=to(new))
    ground.routes.forget(19)
    assert ground.routes.now().destinations(made.arn, 20) == (old.id,)
    ground.routes.forget(20)
    assert ground.routes.now().destinations(made.arn, 20) == ()
    assert ground.routes.now().destinations(made.arn, 21) == (new.id,)
    assert ground.routes.now().store_ids == {new.id}


def test_another_process_sees_a_change_at_once(ground: ChannelGround) -> None:
    elsewhere = Routes(ground.database, ground.clock)
    nothing = elsewhere.now()
    assert elsewhere.now() is nothing
    store = ground.stores.add()
    made = ground.channels.create(PLACE, "abc", "Custom", to(store))
    assert elsewhere.now().destinations(made.arn, 1) == (store.id,)


def test_a_default_channel_that_is_made_again_keeps_its_past(ground: ChannelGround) -> None:
    first, second = ground.stores.add("one"), ground.stores.add("two")
    made = ground.channels.create(PLACE, "OpenTrail-Applications", "Custom", to(first))
    ground.head = 5
    ground.channels.delete(PLACE, made.arn)
    ground.head = 7
    ground.channels.create(PLACE, "OpenTrail-Applications", "Custom", to(second))
    assert [ground.routes.now().destinations(made.arn, position) for position in (5, 7, 8)] == [(first.id,), (first.id,), (second.id,)]
    ground.clock.advance(LINGERING + 1)
    ground.routes.forget(7)
    assert ground.routes.now().destinations(made.arn, 8) == (second.id,)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=12))
def test_routes_agree_with_a_plain_diary(ground: ChannelGround, steps: list[tuple[int, int]]) -> None:
    stores = [ground.stores.add(f"store-{number}") for number in range(4)]
    made = ground.channels.create(PLACE, f"channel-{len(ground.stores.by_id)}", "Custom", to(stores[0]))
    begin = ground.head
    diary: dict[int, str] = {}
    now = stores[0]
    for choice, records in steps:
        for _ in range(records):
            ground.head += 1
            diary[ground.head] = now.id
        now = stores[choice]
        ground.channels.update(PLACE, made.arn, destinations=to(now))
    routes = ground.routes.now()
    assert {position: routes.destinations(made.arn, position) for position in diary} == {key: (value,) for key, value in diary.items()}
    assert routes.destinations(made.arn, begin) == ()
    ground.channels.delete(PLACE, made.arn)


def test_changes_at_the_same_time_leave_one_route_for_each_position(ground: ChannelGround) -> None:
    stores = [ground.stores.add(f"store-{number}") for number in range(3)]
    made = ground.channels.create(PLACE, "abc", "Custom", to(stores[0]))
    gate = threading.Barrier(3)

    def change(number: int) -> None:
        gate.wait()
        for turn in range(5):
            ground.head += 1
            ground.channels.update(PLACE, made.arn, destinations=to(stores[(number + turn) % 3]))

    threads = [threading.Thread(target=change, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    routes = ground.routes.now()
    assert routes.destinations(made.arn, ground.head + 1) == ground.channels.get(PLACE, made.arn).store_ids
    assert all(len(routes.destinations(made.arn, position)) == 1 for position in range(1, ground.head + 2))


def test_the_channel_of_a_record() -> None:
    assert channel_of({"metadata": {"channelARN": "arn:x"}}) == "arn:x"
    for record in ({}, {"metadata": 7}, {"metadata": {"channelARN": 7}}, {"metadata": {}}):
        assert channel_of(record) is None

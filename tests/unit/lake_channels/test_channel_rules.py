"""What a channel may be called, come from and lead to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opentrail.events.activity import DEFAULT_CHANNEL
from opentrail.lake import faults
from opentrail.lake.channels.channel import DEFAULT_NAME, MOST_CHANNELS, PARTNERS
from opentrail.lake.event_data_store import PENDING_DELETION
from opentrail.lake.families import Family
from simulators.channels import PLACE, ChannelGround, to

ELSEWHERE = replace(PLACE, region="eu-west-1")
STRANGER = replace(PLACE, account_id="999988887777")


def test_a_channel_is_what_was_asked_for(ground: ChannelGround) -> None:
    first, second = ground.stores.add("one"), ground.stores.add("two")
    tags = [{"Key": "team", "Value": "orders"}, {"Key": "empty"}]
    made = ground.channels.create(PLACE, "my-channel", "Custom", to(first, second), tags)
    assert made.arn == f"arn:aws:cloudtrail:us-east-1:123456789012:channel/{made.id}"
    assert (made.name, made.source, made.store_ids) == ("my-channel", "Custom", (first.id, second.id))
    assert made.tags == {"team": "orders", "empty": ""}
    assert ground.channels.get(PLACE, made.arn) == ground.channels.get(PLACE, made.id) == made


def test_a_destination_may_be_named_by_its_id(ground: ChannelGround) -> None:
    store = ground.stores.add()
    made = ground.channels.create(PLACE, "abc", "Custom", [{"Type": "EVENT_DATA_STORE", "Location": store.id}])
    assert made.store_arn(made.store_ids[0]) == store.arn


@pytest.mark.parametrize("name", ["ab", "a" * 129, "has space", "a/b", "", "aws-service-channel/x/y"])
def test_a_name_that_is_none(ground: ChannelGround, name: str) -> None:
    with pytest.raises(faults.InvalidParameterException):
        ground.channels.create(PLACE, name, "Custom", to(ground.stores.add()))


@pytest.mark.parametrize("source", ["custom", "Nobody", "CloudTrail", ""])
def test_a_source_that_is_none(ground: ChannelGround, source: str) -> None:
    with pytest.raises(faults.InvalidSourceException, match="Custom"):
        ground.channels.create(PLACE, "abc", source, to(ground.stores.add()))


def test_one_channel_for_each_partner_and_several_custom_ones(ground: ChannelGround) -> None:
    there = to(ground.stores.add())
    for number, source in enumerate(sorted(PARTNERS)):
        ground.channels.create(PLACE, f"partner-{number}", source, there)
    with pytest.raises(faults.ChannelAlreadyExistsException, match="GitHub"):
        ground.channels.create(PLACE, "another", "GitHub", there)
    ground.channels.create(PLACE, "first", "Custom", there)
    ground.channels.create(PLACE, "second", "Custom", there)


def test_a_name_is_taken_in_its_account_and_region_only(ground: ChannelGround) -> None:
    ground.channels.create(PLACE, "abc", "Custom", to(ground.stores.add()))
    with pytest.raises(faults.ChannelAlreadyExistsException):
        ground.channels.create(PLACE, "abc", "Custom", to(ground.stores.add()))
    for place in (ELSEWHERE, STRANGER):
        ground.channels.create(place, "abc", "Custom", to(ground.stores.add(place=place)))
    assert [len(ground.channels.list(place)) for place in (PLACE, ELSEWHERE, STRANGER)] == [1, 1, 1]


def test_twenty_five_channels_and_no_more(ground: ChannelGround) -> None:
    there = to(ground.stores.add())
    for number in range(MOST_CHANNELS):
        ground.channels.create(PLACE, f"channel-{number}", "Custom", there)
    with pytest.raises(faults.ChannelMaxLimitExceededException):
        ground.channels.create(PLACE, "one-more", "Custom", there)
    ground.channels.delete(PLACE, ground.channels.list(PLACE)[0].arn)
    ground.channels.create(PLACE, "one-more", "Custom", there)


UNFIT: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"family": Family.EVENTS}, faults.InvalidEventDataStoreCategoryException),
    ({"status": PENDING_DELETION}, faults.InactiveEventDataStoreException),
    ({"account_id": "999988887777"}, faults.EventDataStoreNotFoundException),
    ({"region": "eu-west-1"}, faults.EventDataStoreNotFoundException),
]


@pytest.mark.parametrize(("members", "fault"), UNFIT, ids=[fault.__name__ for _, fault in UNFIT])
def test_a_store_that_cannot_be_a_destination(ground: ChannelGround, members: dict[str, Any], fault: type[Exception]) -> None:
    good, bad = ground.stores.add("good"), ground.stores.add("bad", **members)
    with pytest.raises(fault):
        ground.channels.create(PLACE, "abc", "Custom", to(good, bad))
    made = ground.channels.create(PLACE, "abc", "Custom", to(good))
    with pytest.raises(fault):
        ground.channels.update(PLACE, made.arn, destinations=to(bad))
    assert ground.channels.get(PLACE, made.arn).store_ids == (good.id,)


def test_destinations_that_are_none(ground: ChannelGround) -> None:
    store = ground.stores.add()
    for given, fault in [
        ([], faults.InvalidParameterException),
        (to(store) * 2, faults.InvalidParameterException),
        (to(store) * 201, faults.InvalidParameterException),
        ([{"Type": "AWS_SERVICE", "Location": "s3"}], faults.InvalidParameterException),
        ([{"Type": "EVENT_DATA_STORE", "Location": "my-store"}], faults.EventDataStoreARNInvalidException),
        (to(replace(store, id="00000000-0000-0000-0000-000000000000")), faults.EventDataStoreNotFoundException),
    ]:
        with pytest.raises(fault):
            ground.channels.create(PLACE, "abc", "Custom", given)
    assert ground.channels.list(PLACE) == []


def test_tags_that_are_none(ground: ChannelGround) -> None:
    there = to(ground.stores.add())
    with pytest.raises(faults.InvalidTagParameterException):
        ground.channels.create(PLACE, "abc", "Custom", there, [{"Key": "aws:x"}])
    with pytest.raises(faults.InvalidTagParameterException):
        ground.channels.create(PLACE, "abc", "Custom", there, [{"Key": "x"}, {"Key": "x"}])
    with pytest.raises(faults.TagsLimitExceededException):
        ground.channels.create(PLACE, "abc", "Custom", there, [{"Key": f"k{number}"} for number in range(51)])


def test_an_update_changes_what_it_names(ground: ChannelGround) -> None:
    old, new = ground.stores.add("old"), ground.stores.add("new")
    made = ground.channels.create(PLACE, "abc", "GitHub", to(old))
    ground.clock.advance(5)
    renamed = ground.channels.update(PLACE, made.id, name="def")
    assert (renamed.name, renamed.source, renamed.store_ids) == ("def", "GitHub", (old.id,))
    assert renamed.updated_at == made.updated_at + 5
    moved = ground.channels.update(PLACE, made.arn, destinations=to(new))
    assert (moved.name, moved.store_ids) == ("def", (new.id,))
    ground.channels.create(PLACE, "abc", "Custom", to(old))
    with pytest.raises(faults.ChannelAlreadyExistsException):
        ground.channels.update(PLACE, made.arn, name="abc")


def test_what_is_not_there_is_not_found(ground: ChannelGround) -> None:
    made = ground.channels.create(PLACE, "abc", "Custom", to(ground.stores.add()))
    for place in (ELSEWHERE, STRANGER):
        with pytest.raises(faults.ChannelNotFoundException):
            ground.channels.get(place, made.arn)
        with pytest.raises(faults.ChannelNotFoundException):
            ground.channels.delete(place, made.arn)
    for wrong in ("abc", made.arn.replace("channel/", "eventdatastore/"), made.arn + "/x"):
        with pytest.raises(faults.ChannelARNInvalidException):
            ground.channels.get(PLACE, wrong)
    ground.channels.delete(PLACE, made.id)
    with pytest.raises(faults.ChannelNotFoundException):
        ground.channels.get(PLACE, made.id)
    with pytest.raises(faults.ChannelNotFoundException):
        ground.channels.delete(PLACE, made.id)


def test_a_store_knows_whether_channels_deliver_to_it(ground: ChannelGround) -> None:
    first, second = ground.stores.add("one"), ground.stores.add("two")
    made = ground.channels.create(PLACE, "abc", "Custom", to(first))

    def delivered() -> list[bool]:
        return [ground.channels.deliver_to(store.id) for store in (first, second)]

    assert delivered() == [True, False]
    ground.channels.update(PLACE, made.arn, destinations=to(second))
    assert delivered() == [False, True]
    ground.channels.delete(PLACE, made.arn)
    assert delivered() == [False, False]


def test_nothing_is_left_of_what_a_channel_carried(ground: ChannelGround) -> None:
    store = ground.stores.add()
    made = ground.channels.create(PLACE, "OpenTrail-Applications", "Custom", to(store), [{"Key": "a", "Value": "b"}])
    ground.put_policy(made.arn, "{}")
    assert ground.channels.get(PLACE, made.arn).resource_policy == "{}"
    assert ground.channels.tags_of(made.arn) == {"a": "b"}
    ground.channels.delete(PLACE, made.arn)
    again = ground.channels.create(PLACE, "OpenTrail-Applications", "Custom", to(store))
    assert (again.arn, again.resource_policy, again.tags) == (made.arn, None, {})


def test_the_default_name_and_the_default_id_belong_together(ground: ChannelGround) -> None:
    there = to(ground.stores.add())
    made = ground.channels.create(PLACE, DEFAULT_NAME, "Custom", there)
    other = ground.channels.create(PLACE, "other", "Custom", there)
    assert made.id == DEFAULT_CHANNEL != other.id
    with pytest.raises(faults.InvalidParameterException):
        ground.channels.update(PLACE, made.id, name="something-else")
    with pytest.raises(faults.InvalidParameterException):
        ground.channels.update(PLACE, other.id, name=DEFAULT_NAME)
    assert ground.channels.update(PLACE, made.id, name=DEFAULT_NAME).id == DEFAULT_CHANNEL
    ground.channels.delete(PLACE, made.id)
    with pytest.raises(faults.InvalidParameterException):
        ground.channels.create(PLACE, DEFAULT_NAME, "GitHub", there)

"""`IngestionStatus`: true at once, kept over a restart, gone with the channel."""

from __future__ import annotations

from opentrail.lake.channels.status import Statuses
from opentrail.lake.channels.store import Status
from simulators.channels import PLACE, ChannelGround, to


def test_what_was_tried_and_taken(ground: ChannelGround) -> None:
    arn = ground.channels.create(PLACE, "abc", "Custom", to(ground.stores.add())).arn
    assert ground.statuses.of(arn) == Status()
    at = ground.clock.time()
    ground.statuses.note(arn, attempted="e1", taken="e1", error=None)
    assert ground.statuses.of(arn) == Status(success_at=at, success_event_id="e1", attempt_at=at, attempt_event_id="e1")
    ground.clock.advance(1)
    ground.statuses.note(arn, attempted="e2", taken=None, error="InvalidData")
    told = Status(success_at=at, success_event_id="e1", attempt_at=at + 1, attempt_event_id="e2", error_code="InvalidData")
    assert ground.statuses.of(arn) == told
    ground.statuses.save()
    assert Statuses(ground.database, ground.clock).of(arn) == told
    ground.clock.advance(1)
    ground.statuses.note(arn, attempted="e3", taken="e3", error=None)
    assert ground.statuses.of(arn) == Status(
        success_at=at + 2, success_event_id="e3", attempt_at=at + 2, attempt_event_id="e3", error_code="InvalidData"
    )


def test_nothing_is_kept_of_a_channel_that_is_gone(ground: ChannelGround) -> None:
    arn = ground.channels.create(PLACE, "abc", "Custom", to(ground.stores.add())).arn
    ground.statuses.note(arn, attempted="e1", taken="e1", error=None)
    ground.channels.delete(PLACE, arn)
    ground.statuses.save()
    assert Statuses(ground.database, ground.clock).of(arn) == Status()

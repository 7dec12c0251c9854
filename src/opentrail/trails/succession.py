"""Trails that had the same name one after the other: who covers what a deleted one leaves behind. Pure.

Digests are found by the name of their trail, and a walk through them goes back in time. So the chain of a deleted trail ends where that of
the next one of its name begins, however late its last digests are made; what was delivered since is handed over. Chains end in the order of
their trails. Thus no two trails ever make a digest with the same key, and no digest lies between those of another trail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opentrail.trails.plans import ChainState
from opentrail.trails.store import Trail


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """What the chain of a deleted trail has to heed."""

    heir: ChainState | None = None
    """The chain of the next trail of the name."""
    living: ChainState | None = None
    """The chain of the trail that has the name now: it covers whatever comes late."""
    waits: bool = False
    """Whether the chain of an older trail of the name has not ended yet."""


NOBODY = Succession()


def name_of(trail: Trail) -> tuple[str, str, str]:
    """What two trails cannot share at the same time."""
    return trail.account_id, trail.home_region, trail.name


def succession(trail: Trail, state: ChainState, trails: Mapping[int, Trail], chains: Iterable[ChainState]) -> Succession:
    """For the chain `state` of the deleted `trail`, among all `trails` and all `chains` of trails with its name."""
    beside = sorted(
        (
            one
            for one in chains
            if (one.account_id, one.region) == (state.account_id, state.region)
            and one.trail_id != trail.id
            and name_of(trails[one.trail_id]) == name_of(trail)
        ),
        key=lambda one: one.trail_id,
    )
    return Succession(
        heir=next((one for one in beside if one.trail_id > trail.id), None),
        living=next((one for one in beside if one.is_open and trails[one.trail_id].deleted_at is None), None),
        waits=any(one.is_open and one.trail_id < trail.id for one in beside),
    )

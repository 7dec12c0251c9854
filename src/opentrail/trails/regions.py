"""Partitions and their Regions, as the trails see them: where shadows are, and which chains a multi-Region trail has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import botocore.session

from opentrail.trails.store import Trail

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Regions:
    """Every partition with its Regions."""

    partitions: Mapping[str, tuple[str, ...]]

    def partition(self, region: str) -> str:
        """The partition of `region`; `aws` for one that nobody has heard of."""
        for name, regions in self.partitions.items():
            if region in regions:
                return name
        return "aws"

    def beside(self, region: str) -> tuple[str, ...]:
        """All Regions of the partition of `region`, itself included."""
        regions = self.partitions.get(self.partition(region), ())
        return regions if region in regions else (*regions, region)

    def of(self, trail: Trail) -> tuple[str, ...]:
        """The Regions in which `trail` has files and a chain of digests, busy or not."""
        return self.beside(trail.home_region) if trail.is_multi_region_trail else (trail.home_region,)


def is_region_name(text: str) -> bool:
    """Whether a Region could be called `text`: `mx-central-1` even before anybody has heard of it."""
    return _NAME.fullmatch(text) is not None


def known_regions() -> Regions:
    """The partitions and Regions in which botocore's data place CloudTrail."""
    session = botocore.session.get_session()
    return Regions({name: tuple(session.get_available_regions("cloudtrail", name)) for name in session.get_available_partitions()})

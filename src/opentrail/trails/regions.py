"""Partitions and their Regions, as the trails see them: where shadows are, and which chains a multi-Region trail has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import botocore.session


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


def known_regions() -> Regions:
    """The partitions and Regions in which botocore's data place CloudTrail."""
    session = botocore.session.get_session()
    return Regions({name: tuple(session.get_available_regions("cloudtrail", name)) for name in session.get_available_partitions()})

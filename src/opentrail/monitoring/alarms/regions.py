"""Long names of Regions, as botocore's data give them: `US East (N. Virginia)`."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.loaders import Loader


def region_names() -> Mapping[str, str]:
    """Region → its long name."""
    endpoints = Loader().load_data("endpoints")
    return {name: region["description"] for partition in endpoints["partitions"] for name, region in partition["regions"].items()}

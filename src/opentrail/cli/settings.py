"""`opentrail settings`: the table of settings."""

from __future__ import annotations

import dataclasses
import json

from opentrail.cli.connection import AsJson
from opentrail.cli.tables import show
from opentrail.config import described


def settings(as_json: AsJson = False) -> None:
    """List every setting: default, unit, meaning."""
    if as_json:
        print(json.dumps([dataclasses.asdict(row) | {"variable": row.variable} for row in described()], indent=2))
        return
    show(
        ("Setting", "Default", "Unit", "Meaning"),
        [
            (row.name, _written(row.default), row.unit, row.sentence + (f" ({', '.join(row.choices)})" if row.choices else ""))
            for row in described()
        ],
    )


def _written(default: object) -> str:
    """As one writes it after `--set`."""
    return str(default).lower() if isinstance(default, bool) else str(default)

"""`opentrail settings`: the table of settings."""

from __future__ import annotations

import dataclasses
import json

from rich.console import Console
from rich.table import Table

from opentrail.cli.connection import AsJson
from opentrail.config import described


def settings(as_json: AsJson = False) -> None:
    """List every setting with its default, its unit and what it does."""
    if as_json:
        print(json.dumps([dataclasses.asdict(row) | {"variable": row.variable} for row in described()], indent=2))
        return
    table = Table("Setting", "Default", "Unit", "Meaning", box=None, pad_edge=False)
    for row in described():
        meaning = row.sentence + (f" ({', '.join(row.choices)})" if row.choices else "")
        table.add_row(row.name, str(row.default), row.unit, meaning)
    Console().print(table)

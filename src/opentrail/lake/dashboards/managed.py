"""The dashboards that come with OpenTrail, as data: one TOML file each in the folder `managed/` (reference of Lake, §7).

A file names the dashboard, the family of store that it asks, and its widgets. In their statements the parameters stand by name; what
the API
shows and refreshes substitute has a `?` in the place of each.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from opentrail.lake.dashboards.parameters import MANAGED
from opentrail.lake.dashboards.widgets import Widget
from opentrail.lake.families import Family

PREFIX: Final = "AWSCloudTrail-"
"""Names that begin so are not free."""
HIGHLIGHTS: Final = "AWSCloudTrail-Highlights"
"""The one of them that a user creates: it asks every store of the account."""
_PARAMETER: Final = re.compile("|".join(re.escape(name) for name in MANAGED))
_SIZES: Final[Mapping[str, tuple[str, str]]] = {
    "Table": ("4", "12"),
    "LineChart": ("4", "12"),
    "BarChart": ("4", "6"),
    "PieChart": ("4", "6"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """One managed dashboard."""

    name: str
    title: str
    description: str
    family: Family
    widgets: tuple[Widget, ...]


@cache
def managed() -> Mapping[str, Managed]:
    """Every managed dashboard by name, in the order of the names; Highlights is among them."""
    folder = files(__package__) / "managed"
    texts = [file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".toml")]
    found = [_read(tomllib.loads(text)) for text in texts]
    return {one.name: one for one in sorted(found, key=lambda one: one.name)}


@cache
def statements() -> Mapping[str, str]:
    """Alias → statement of every managed widget."""
    return {widget.alias: widget.statement for one in managed().values() for widget in one.widgets}


def _read(data: Mapping[str, Any]) -> Managed:
    name = data["name"]
    return Managed(
        name=name,
        title=data["title"],
        description=data["description"],
        family=Family(data["family"]),
        widgets=tuple(_widget(name, widget) for widget in data["widgets"]),
    )


def _widget(dashboard: str, data: Mapping[str, Any]) -> Widget:
    statement = data["statement"].strip()
    view = {"Title": data["title"], "View": data["view"]}
    height, width = _SIZES[data["view"]]
    view |= {"Height": height, "Width": width}
    view |= {property: data[key] for key, property in _PROPERTIES.items() if key in data}
    return Widget(
        alias=f"{dashboard}-{re.sub(r'[^A-Za-z0-9]+', '', data['title'].title())}",
        statement=_PARAMETER.sub("?", statement),
        parameters=tuple(_PARAMETER.findall(statement)),
        view=view,
    )


_PROPERTIES: Final = {
    "x": "XAxisColumn",
    "y": "YAxisColumn",
    "label": "LabelColumn",
    "value": "ValueColumn",
    "filter": "FilterColumn",
    "orientation": "Orientation",
}

"""Widgets: a statement, its parameters, and how its answer is shown (reference of Lake, §7). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentrail.lake.dashboards import parameters
from opentrail.lake.faults import InvalidQueryStatementException, ServiceQuotaExceededException
from opentrail.wire.faults import ValidationException

MOST: Final = 10
"""Widgets of a custom dashboard."""
_KEY: Final = re.compile(r"[a-zA-Z0-9._\-]{3,128}")
_VALUE: Final = re.compile(r"[a-zA-Z0-9._\- ]{1,128}")
_INCHES: Final = re.compile(r"\d{1,4}(?:\.\d{1,4})?")
_ALWAYS: Final = ("Height", "Width", "Title", "View")
_VIEWS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "Table": ((), ()),
    "LineChart": (("YAxisColumn", "XAxisColumn"), ("FilterColumn",)),
    "PieChart": (("LabelColumn", "ValueColumn"), ("FilterColumn",)),
    "BarChart": (("LabelColumn", "ValueColumn"), ("FilterColumn", "Orientation")),
}
"""View → properties it needs, and those it may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Widget:
    """One widget of a dashboard."""

    alias: str
    statement: str
    parameters: tuple[str, ...]
    """Names, one for each `?` of the statement, in order."""
    view: Mapping[str, str]

    def as_wire(self) -> dict[str, Any]:
        """In botocore's spelling."""
        found: dict[str, Any] = {"QueryAlias": self.alias, "QueryStatement": self.statement, "ViewProperties": dict(self.view)}
        return found | ({"QueryParameters": list(self.parameters)} if self.parameters else {})


def from_wire(given: Mapping[str, Any]) -> Widget:
    """The widget behind `as_wire`."""
    names = tuple(given.get("QueryParameters") or ())
    return Widget(alias=given["QueryAlias"], statement=given["QueryStatement"], parameters=names, view=given["ViewProperties"])


def checked(given: Sequence[Mapping[str, Any]], new_alias: Callable[[], str], before: Sequence[Widget] = ()) -> tuple[Widget, ...]:
    """The widgets of a request. One that asks what a widget asked `before` keeps its alias.

    Raises `ServiceQuotaExceededException`, `InvalidQueryStatementException`, `ValidationException`.
    """
    if len(given) > MOST:
        raise ServiceQuotaExceededException(f"A dashboard has at most {MOST} widgets; these are {len(given)}.")
    aliases: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for widget in before:
        aliases.setdefault((widget.statement, widget.parameters), []).append(widget.alias)
    return tuple(_checked(one, number, aliases, new_alias) for number, one in enumerate(given, 1))


def _checked(
    given: Mapping[str, Any], number: int, aliases: Mapping[tuple[str, tuple[str, ...]], list[str]], new_alias: Callable[[], str]
) -> Widget:
    statement: str = given["QueryStatement"]
    if not 1 <= len(statement) <= 10_000:
        raise ValidationException(f"The QueryStatement of widget {number} has {len(statement)} characters; it has 1 to 10000.")
    names = tuple(given.get("QueryParameters") or ())
    if "QueryParameters" in given and given["QueryParameters"] is not None and not 1 <= len(names) <= 10:
        raise ValidationException(f"Widget {number} has {len(names)} QueryParameters; give 1 to 10, or leave them out.")
    for name in names:
        if name not in parameters.CUSTOM:
            raise ValidationException(
                f"Widget {number} has the parameter {name[:128]!r}; those of custom dashboards are {', '.join(parameters.CUSTOM)}."
            )
    try:
        parameters.substituted(statement, names)
    except InvalidQueryStatementException as refused:
        raise InvalidQueryStatementException(f"Widget {number}: {refused.message}") from None
    known = aliases.get((statement, names))
    alias = known.pop(0) if known else new_alias()
    return Widget(alias=alias, statement=statement, parameters=names, view=_view(given["ViewProperties"], number))


def _view(given: Mapping[str, str], number: int) -> dict[str, str]:
    for key, value in given.items():
        if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            raise ValidationException(
                f"Widget {number} has the view property {key[:128]!r} = {value[:128]!r}: keys are 3 to 128 letters, digits, dots, "
                "hyphens and underscores, values 1 to 128 of them or spaces."
            )
    _require(given, _ALWAYS, f"Widget {number}")
    if given["View"] not in _VIEWS:
        raise ValidationException(f"Widget {number} has the View {given['View']!r}; there are {', '.join(_VIEWS)}.")
    needed, optional = _VIEWS[given["View"]]
    _require(given, needed, f"Widget {number}, a {given['View']},")
    if unknown := given.keys() - {*_ALWAYS, *needed, *optional}:
        raise ValidationException(f"Widget {number}, a {given['View']}, cannot have {', '.join(sorted(unknown))}.")
    if given.get("Orientation", "Vertical") not in ("Horizontal", "Vertical"):
        raise ValidationException(f"Widget {number} has the Orientation {given['Orientation']!r}; it is Horizontal or Vertical.")
    for key in ("Height", "Width"):
        if not _INCHES.fullmatch(given[key]):
            raise ValidationException(f"Widget {number} has the {key} {given[key]!r}; give a number of inches.")
    return dict(given)


def _require(given: Mapping[str, str], names: Sequence[str], whose: str) -> None:
    missing = [name for name in names if name not in given]
    if missing:
        raise ValidationException(f"{whose} lacks the view properties {', '.join(missing)}.")

"""What a target is sent: the event, a part of it, fixed text, or a template filled in (EventBridge guide, "Input transformation"). Pure.

A template is a JSON value, or several of them behind each other (lines of quoted text). A placeholder `<name>` in quotes becomes text
within the string; outside of them the value itself, as JSON. A path that leads nowhere becomes no text, outside of quotes an empty string:
what is sent is JSON in every case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from opentrail.rules import json_paths
from opentrail.rules.json_paths import NotAPath
from opentrail.rules.values import InputTransformer, Target
from opentrail.wire.faults import ValidationException

MOST_INPUT: Final = 8192
"""Characters of `Input` and `InputTemplate`."""
MOST_PATHS: Final = 100
_RESERVED: Final = frozenset(
    {"aws.events.event", "aws.events.event.json", "aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time"}
)
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_PLACEHOLDER: Final = re.compile(r"<([A-Za-z0-9_.-]+)>")
_PIECE: Final = re.compile(r"\\.|\"|<[A-Za-z0-9_.-]+>", re.DOTALL)
_decoder: Final = json.JSONDecoder(parse_constant=lambda name: _refuse(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What is known of an event beside what is in it."""

    event: Mapping[str, Any]
    rule_arn: str
    rule_name: str
    ingestion_time: str
    """When the bus took it, `2026-01-05T10:11:12Z`."""


def check_target_input(target: Target) -> None:
    """Whether the input of a target can be made. Raises `ValidationException` with what to change."""
    name = target.target_id
    if sum(one is not None for one in (target.input, target.input_path, target.transformer)) > 1:
        raise ValidationException(f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}.")
    if target.input is not None:
        if len(target.input) > MOST_INPUT:
            raise ValidationException(f"Input for target {name} has more than {MOST_INPUT} characters.")
        try:
            _decoder.decode(target.input)
        except (ValueError, RecursionError) as error:
            raise ValidationException(f"JSON syntax error in input for target {name}. It says: {error}.") from None
    if target.input_path is not None and target.input_path != "":
        _check_path(target.input_path, f"in InputPath for target {name}")
    if target.transformer is not None:
        _check_transformer(target.transformer, name)


def text_for(target: Target, occasion: Occasion) -> str:
    """What the target is sent."""
    if target.input is not None:
        return target.input
    if target.input_path:
        _, found = json_paths.value_at(occasion.event, _steps(target.input_path))
        return compact(found)
    if target.transformer is not None:
        return _filled(target.transformer, occasion)
    return compact(occasion.event)


def compact(value: Any) -> str:
    """As JSON on one line, which can be stored and sent whatever is in it: half of a surrogate pair stays an escape."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def _check_transformer(transformer: InputTransformer, name: str) -> None:
    if len(transformer.paths) > MOST_PATHS:
        raise ValidationException(f"InputPathsMap for target {name} has more than {MOST_PATHS} entries.")
    for variable, path in transformer.paths.items():
        if not _NAME.fullmatch(variable) or variable.upper().startswith("AWS"):
            raise ValidationException(
                f"Invalid InputPathsMap of target {name}: the key {variable[:100]} may have A-Z, a-z, 0-9, _ and -, and not begin with AWS."
            )
        _check_path(path, f"for {variable} in InputPathsMap of target {name}")
    template = transformer.template
    if not 1 <= len(template) <= MOST_INPUT:
        raise ValidationException(f"InputTemplate for target {name} must have 1 to {MOST_INPUT} characters.")
    for variable in _PLACEHOLDER.findall(template):
        if variable not in transformer.paths and variable not in _RESERVED:
            raise ValidationException(
                f"InputTemplate for target {name} contains invalid placeholder {variable[:100]}. InputPathsMap has no such key."
            )
    try:
        _check_values(_replaced(template, lambda _name, quoted: "" if quoted else "0"))
    except (ValueError, RecursionError) as error:
        raise ValidationException(
            f"Invalid InputTemplate for target {name}: {error}. It must be JSON once the placeholders are filled in; put text in quotes."
        ) from None


def _check_values(text: str) -> None:
    """One JSON value, or several with blanks between them."""
    if not list(_ends(text)):
        raise ValueError("there is nothing in it")


def _ends(text: str) -> Iterator[int]:
    place = 0
    while rest := text[place:].lstrip(" \t\r\n"):
        begin = len(text) - len(rest)
        _, place = _decoder.raw_decode(text, begin)
        yield place


def _check_path(path: str, what: str) -> None:
    try:
        _steps(path)
    except NotAPath as error:
        raise ValidationException(f"Invalid JSONPath {what}: {error}.") from None


@lru_cache(maxsize=10_000)
def _steps(path: str) -> tuple[json_paths.Step, ...]:
    return json_paths.path(path)


def _filled(transformer: InputTransformer, occasion: Occasion) -> str:
    def value(name: str, quoted: bool) -> str:
        there, found = _value(transformer, occasion, name)
        if not there:
            return "" if quoted else '""'
        if not quoted:
            return compact(found)
        return compact(found if isinstance(found, str) else compact(found))[1:-1]

    return _replaced(transformer.template, value)


def _value(transformer: InputTransformer, occasion: Occasion, name: str) -> tuple[bool, Any]:
    path = transformer.paths.get(name)
    if path is not None:
        return json_paths.value_at(occasion.event, _steps(path))
    match name:
        case "aws.events.event.json":
            return True, occasion.event
        case "aws.events.event":
            return True, {key: value for key, value in occasion.event.items() if key != "detail"}
        case "aws.events.rule-arn":
            return True, occasion.rule_arn
        case "aws.events.rule-name":
            return True, occasion.rule_name
        case "aws.events.event.ingestion-time":
            return True, occasion.ingestion_time
        case _:
            return False, None


def _replaced(template: str, value: Callable[[str, bool], str]) -> str:
    """The template with every placeholder replaced; `value` is told its name and whether it stands in quotes."""
    quoted = False

    def piece(found: re.Match[str]) -> str:
        nonlocal quoted
        text = found[0]
        if text == '"':
            quoted = not quoted
        if text[0] != "<":
            return text
        return value(text[1:-1], quoted)

    return _PIECE.sub(piece, template)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")

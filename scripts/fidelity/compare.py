"""A real record beside ours: what is the same, and why the rest is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fidelity.inverse import US
from fidelity.log import Event, Plain
from fidelity.replay import Call
from opentrail.recorder import errors

DECIDED = ("eventSource", "eventName", "awsRegion", "readOnly", "eventType", "apiVersion", "managementEvent", "eventCategory")
STOPPED = "stopped before its service looked at it (the real record has no parameters either way)"


@dataclass
class Verdict:
    """How one record compares. A field that could not be compared is in `why` and counts neither way."""

    event: Event
    same: dict[str, bool] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)


def compared(call: Call, ours: Plain | None) -> Verdict:
    """`ours` is the record of the call, `None` when none was found."""
    verdict = Verdict(event=call.event)
    real = call.event.real
    if ours is None:
        verdict.why["requestParameters"] = call.failure or "no record was found"
        verdict.same["requestParameters"] = call.failure is not None and False
        return verdict
    for name in DECIDED:
        verdict.same[name] = ours.get(name) == real.get(name)
        if not verdict.same[name]:
            verdict.why[name] = f"{real.get(name)} is {ours.get(name)} here"
    _request(verdict, call, ours)
    _errors(verdict, call, ours)
    _response(verdict, call, ours)
    _resources(verdict, real, ours)
    return verdict


def _request(verdict: Verdict, call: Call, ours: Plain) -> None:
    real = call.event.real
    if real.get("errorCode") and real["requestParameters"] is None and call.event.operation and _takes_parameters(real, ours):
        verdict.why["requestParameters"] = f"{real['errorCode']}: {STOPPED}"
        return
    expected, printed = _normal(call.expected), _normal(ours["requestParameters"])
    verdict.same["requestParameters"] = expected == printed
    if expected != printed:
        differences = sorted(set(_differences(expected, printed)))
        verdict.why["requestParameters"] = "; ".join(differences[:4]) + (f"; not turned back: {call.unknown}" if call.unknown else "")


def _takes_parameters(real: Plain, ours: Plain) -> bool:
    code = str(real["errorCode"]).removeprefix("Client.")
    return code in errors.WITHOUT_PARAMETERS and ours["requestParameters"] is not None


def _normal(value: Any, key: str = "") -> Any:
    """Without what must differ: the address that was called, the comma that the real records have behind some years and not others."""
    if key == "Host":
        return "(host)"
    if isinstance(value, str) and US.fullmatch(value):
        return value.replace(", ", " ").replace("\u202f", " ")
    if isinstance(value, Mapping):
        return {name: _normal(item, name) for name, item in value.items()}
    return [_normal(item) for item in value] if isinstance(value, list) else value


def _differences(real: Any, ours: Any, path: str = "") -> Iterator[str]:
    """What differs, by key; values are not told, they may be a customer's."""
    if isinstance(real, Mapping) and isinstance(ours, Mapping):
        for name in [*real, *(name for name in ours if name not in real)]:
            if name not in ours:
                yield f"{path}{name} is missing"
            elif name not in real:
                yield f"{path}{name} is too much"
            else:
                yield from _differences(real[name], ours[name], f"{path}{name}.")
    elif isinstance(real, list) and isinstance(ours, list) and len(real) == len(ours):
        for one, other in zip(real, ours, strict=True):
            yield from _differences(one, other, path)
    elif real != ours:
        kinds = type(real).__name__, type(ours).__name__
        yield f"{path.rstrip('.') or 'all'}: " + ("other value" if kinds[0] == kinds[1] else f"{kinds[0]} is {kinds[1]} here")


def _errors(verdict: Verdict, call: Call, ours: Plain) -> None:
    real, own = call.event.real.get("errorCode"), ours.get("errorCode")
    if real == own:
        if real is not None:
            verdict.same["errorCode"] = True
    elif real is None:
        verdict.why["errorCode"] = "refused here (what it needs is not in the log, or the sandbox does not have the operation)"
    elif own is None:
        verdict.why["errorCode"] = f"{real} is not provoked by the replay"
    else:
        verdict.why["errorCode"] = f"{real}: other trouble came first here ({own})"


def _response(verdict: Verdict, call: Call, ours: Plain) -> None:
    real, own = call.event.real.get("responseElements"), ours.get("responseElements")
    if call.event.real.get("errorCode") or ours.get("errorCode"):
        return
    if real is None or own is None:
        verdict.same["responseElements"] = real == own
        if real != own:
            verdict.why["responseElements"] = "null in one of the two"
        return
    too_much = sorted(set(_paths(own)) - set(_paths(real)))
    missing = sorted(set(_paths(real)) - set(_paths(own)))
    verdict.same["responseElements"] = not [path for path in too_much if not _unlike_here(path, real)]
    if too_much:
        verdict.why["responseElements"] = "too much: " + ", ".join(too_much[:6])
    if missing:
        verdict.why["responseElements (not answered by the sandbox)"] = ", ".join(missing[:6])


def _unlike_here(path: str, real: Any) -> bool:
    """Whether the real record is empty where ours has something below (a list of the log that was empty)."""
    value: Any = real
    for name in path.split(".")[:-1]:
        value = value[0] if isinstance(value, list) and value else value
        value = value.get(name) if isinstance(value, Mapping) else None
        if value in ({}, [], None):
            return value is not None
    return False


def _paths(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield f"{path}{name}"
            yield from _paths(item, f"{path}{name}.")
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item, path)


def _resources(verdict: Verdict, real: Plain, ours: Plain) -> None:
    theirs, own = real.get("resources"), ours.get("resources")
    if ours.get("errorCode") != real.get("errorCode"):
        return
    shape = [[sorted(entry), entry.get("type")] for entry in theirs or ()]
    verdict.same["resources"] = shape == [[sorted(entry), entry.get("type")] for entry in own or ()]
    if not verdict.same["resources"]:
        verdict.why["resources"] = f"{[entry.get('type') for entry in theirs or ()]} is {[entry.get('type') for entry in own or ()]} here"

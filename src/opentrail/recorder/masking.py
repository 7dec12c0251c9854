"""Secrets of a request, kept out of what is said about it afterwards.

Services quote what they were sent: an error message says which password is too short, an answer repeats a token. What the record keeps
back of the parameters it keeps back there too, and with it what the request was signed with. Nothing is known of the text: each withheld
value of the request is looked for in it, as it is and as it looks inside a URL, HTML or JSON.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from botocore.model import ListShape, MapShape, Shape, StructureShape

from opentrail.events import record as records
from opentrail.recorder import secrets
from opentrail.recorder.observation import Observation

SHORTEST = 4
"""Characters that a withheld value has at least; shorter ones would take ordinary words apart."""
MOST_VALUES = 5_000
"""Values of one request that are looked at."""

Tree = Mapping[str, "Tree | None"]
"""Members that hold secrets, or lead to some: member → what is below it, `None` when all of it is secret."""
_ITEMS = "*"

_SECRET_HEADERS = re.compile(r"authorization|token|secret|cookie|mfa$|password|api-?key|customer-key$")
_SECRET_QUERY = frozenset({"x-amz-signature", "x-amz-credential", "x-amz-security-token", "x-amz-s3session-token", "signature"})
_UNCHANGED = re.compile(r"[A-Za-z0-9_.~-]+")
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")
_PASSWORD = re.compile(r"://[^/@\s:]*:([^/@\s]+)@")


def of_text(text: str, observation: Observation, printed: Mapping[str, Any]) -> str:
    """`text` without the secrets of the request; `printed` is its `requestParameters` as they would be recorded."""
    return _without(text, _withheld(text, observation, printed))


def of_value(value: Any, parameters: Mapping[str, Any] | None, tree: Tree) -> Any:
    """`value`, which JSON can say, without what a request holds at the places of `tree` (`secret_members`)."""
    held = {text for text in _at(tree, parameters) if len(text) >= SHORTEST}
    if not held:
        return value
    said = records.encode(value).decode()
    withheld = {text for text in held if text in said or json.dumps(text)[1:-1] in said}
    return _replaced(value, withheld) if withheld else value


def _replaced(value: Any, withheld: set[str]) -> Any:
    if isinstance(value, str):
        return _without(value, withheld)
    if isinstance(value, Mapping):
        return {_without(str(key), withheld): _replaced(item, withheld) for key, item in value.items()}
    return [_replaced(item, withheld) for item in value] if isinstance(value, list | tuple) else value


def _without(text: str, withheld: set[str]) -> str:
    for secret in sorted(withheld, key=len, reverse=True):
        text = text.replace(secret, secrets.HIDDEN)
    return text


def without_user_info(text: str) -> str:
    """`text` without the `user:password@` of URLs in it: clients put their addresses into their User-Agent."""
    return _USER_INFO.sub("", text) if "@" in text else text


def host(text: str) -> str:
    """A `Host` header without anything before an `@`."""
    return text.rpartition("@")[2]


def _withheld(text: str, observation: Observation, printed: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    shown: list[str] | None = None
    for value in _leaves(observation.parameters):
        for form in _forms(value):
            if form not in text:
                continue
            if shown is None:
                shown = list(_leaves(printed))
            if not any(value in said for said in shown):
                found |= {form, value}
    found.update(proof for proof in proofs(observation) if len(proof) >= SHORTEST and proof in text)
    return found


def _leaves(value: Any) -> Iterator[str]:
    """The texts in `value`, bytes as text and in base64; no names of members."""
    left = [value]
    for _ in range(MOST_VALUES):
        if not left:
            return
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, bytes | bytearray):
            yield bytes(item).decode("utf-8", "replace")
            yield base64.b64encode(item).decode()
        elif isinstance(item, Mapping):
            left.extend(item.values())
        elif isinstance(item, list | tuple):
            left.extend(item)


def _forms(value: str) -> set[str]:
    if len(value) < SHORTEST:
        return set()
    if _UNCHANGED.fullmatch(value):
        return {value}
    return {value, quote(value), quote(value, safe=""), html.escape(value), json.dumps(value)[1:-1]}


def proofs(observation: Observation) -> Iterator[str]:
    """What the request proved itself with: signatures, session tokens, customers' keys, passwords in the addresses that clients send."""
    for name, line in observation.headers:
        if _SECRET_HEADERS.search(name):
            yield line
            # `AWS4-HMAC-SHA256 … Signature=0f3a`, `AWS AKIA…:signature`, `Basic dXNlcjo=`
            yield line.rpartition("Signature=" if line.startswith("AWS4-") else ":" if line.startswith("AWS ") else " ")[2]
        elif "://" in line:
            yield from _PASSWORD.findall(line)
    if observation.query:
        for name, value in parse_qsl(observation.query):
            if name.lower() in _SECRET_QUERY:
                yield value


def secret_members(service: str, shape: Shape | None, seen: frozenset[str] = frozenset()) -> Tree:
    """Where in a value of the shape something may be that is not recorded."""
    if isinstance(shape, StructureShape):
        if shape.name in seen:
            return {}
        found: dict[str, Tree | None] = {}
        for member, inner in shape.members.items():
            held = inner.type_name == "blob" or secrets.is_environment(member)
            if held or secrets.treatment(service, shape.name, member, inner) is not None:
                found[member] = None
            elif below := secret_members(service, inner, seen | {shape.name}):
                found[member] = below
        return found
    if isinstance(shape, ListShape):
        return {_ITEMS: None} if secrets.sensitive(shape.member) else _inside(secret_members(service, shape.member, seen))
    if isinstance(shape, MapShape):
        hidden = secrets.sensitive(shape.value) or secrets.sensitive(shape.key)
        return {_ITEMS: None} if hidden else _inside(secret_members(service, shape.value, seen))
    return {}


def _inside(tree: Tree) -> Tree:
    return {_ITEMS: tree} if tree else {}


def _at(tree: Tree | None, value: Any) -> Iterator[str]:
    if tree is None:
        yield from _leaves(value)
        return
    for member, below in tree.items():
        if member == _ITEMS:
            for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ():
                yield from _at(below, item)
        elif isinstance(value, Mapping) and member in value:
            yield from _at(below, value[member])

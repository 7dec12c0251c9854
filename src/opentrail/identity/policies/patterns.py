"""Wildcard patterns of policies as functions: `*`, `?` and `${variables}`, matched in bounded time (`globs.py`).

Variables are put in when a request is matched, and what they stand for is literal: a `*` in a user name is no wildcard.

How far a wildcard may reach differs (IAM user guide, "Resource" and "ARN condition operators"): in `StringLike` anywhere; in the ARN
operators never out of its colon-separated part; in the `Resource` element a `*` that ends its part may run on over the following ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opentrail.identity.policies.globs import Automaton, Glob
from opentrail.identity.policies.tokens import Literal, Many, ManyInPart, One, OneInPart, Token, Variable, tokens

Lookup = Callable[[str], Sequence[str] | None]
"""Values of a condition key, given in lower case; `None` when the request has none."""

Matcher = Callable[[str, Lookup], bool]


def pattern(text: str, *, variables: bool = False) -> Matcher:
    """A matcher for the whole of a text. It compares exactly; for comparing without case lower both sides."""
    return _matcher(tokens(text, variables=variables))


def exact(text: str, *, variables: bool = False) -> Matcher:
    """A matcher for equality: `*` and `?` stand for themselves, variables are put in."""
    return _matcher(tokens(text, variables=variables, wildcards=False))


def arn_pattern(text: str, *, variables: bool = False) -> Matcher:
    """A matcher for ARNs: each of the six colon-separated parts by itself, so a wildcard never reaches over a colon (but in the last part).

    The last part of a pattern with fewer (`*`, `arn:aws:s3*`) is about all that is left.
    """
    parts = _arn_parts(tokens(text, variables=variables))
    if all(isinstance(token, Literal) for part in parts[:-1] for token in part):
        return pattern(text, variables=variables)
    matchers = [_matcher(part) for part in parts]
    cuts = len(parts) - 1

    def matches(value: str, lookup: Lookup) -> bool:
        pieces = value.split(":", cuts)
        return len(pieces) == len(matchers) and all(matcher(piece, lookup) for matcher, piece in zip(matchers, pieces, strict=True))

    return matches


def resource_pattern(text: str, *, variables: bool = False) -> Matcher:
    """A matcher for the `Resource` element.

    In front of the fifth colon wildcards stay within their part, except a `*` that ends it, and `${` is plain text: variables have a
    meaning in the last part only (IAM user guide, "Resource", "Where you can use policy variables").
    """
    head, tail = _around_fifth_colon(text)
    parts = [*_confined(tokens(head, variables=False)), *tokens(tail, variables=variables)]
    if not any(isinstance(part, ManyInPart | OneInPart) for part in parts):
        return _matcher(parts)
    if not any(isinstance(part, Variable) for part in parts):
        automaton = Automaton(parts)
        return lambda value, _lookup: automaton.matches(value)

    def matches(value: str, lookup: Lookup) -> bool:
        resolved = _resolved(parts, lookup)
        return resolved is not None and Automaton(resolved).matches(value)

    return matches


def _around_fifth_colon(text: str) -> tuple[str, str]:
    """`text` up to and with its fifth colon, and what comes behind it; all of a text with fewer is in front."""
    at = -1
    for _ in range(5):
        at = text.find(":", at + 1)
        if at < 0:
            return text, ""
    return text[: at + 1], text[at + 1 :]


def _confined(head: Sequence[Token]) -> list[Token]:
    """The tokens in front of the fifth colon, with wildcards that cannot leave their part marked as such."""
    found: list[Token] = []
    for number, token in enumerate(head, 1):
        following = head[number] if number < len(head) else None
        ends = following is None or (isinstance(following, Literal) and following.text.startswith(":"))
        if isinstance(token, Many) and not ends:
            found.append(ManyInPart())
        elif isinstance(token, One):
            found.append(OneInPart())
        else:
            found.append(token)
    return found


def _arn_parts(all_tokens: Sequence[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in all_tokens:
        if not isinstance(token, Literal):
            parts[-1].append(token)
            continue
        pieces = token.text.split(":", 6 - len(parts)) if len(parts) < 6 else [token.text]
        for index, piece in enumerate(pieces):
            if index:
                parts.append([])
            if piece:
                parts[-1].append(Literal(piece))
    return parts


def _matcher(parts: Sequence[Token]) -> Matcher:
    if any(isinstance(part, Variable) for part in parts):
        *start, last = parts
        simple = all(isinstance(part, Literal | Variable) for part in start)

        def matches(value: str, lookup: Lookup) -> bool:
            resolved = _resolved(parts, lookup)
            if resolved is None:
                return False
            if simple and not isinstance(last, One):
                text = _text(resolved)
                return value.startswith(text) if isinstance(last, Many) else value == text
            return Glob(resolved).matches(value)

        return matches
    if all(isinstance(part, Literal) for part in parts):
        plain = _text(parts)
        return lambda value, _lookup: value == plain
    if len(parts) == 1 and isinstance(parts[0], Many):
        return lambda _value, _lookup: True
    if len(parts) == 2 and isinstance(parts[0], Literal) and isinstance(parts[1], Many):
        prefix = parts[0].text
        return lambda value, _lookup: value.startswith(prefix)
    glob = Glob(parts)
    return lambda value, _lookup: glob.matches(value)


def _resolved(parts: Sequence[Token], lookup: Lookup) -> list[Token] | None:
    """The parts with variables put in; `None` when one has no single value and no default: such a pattern equals nothing."""
    resolved: list[Token] = []
    for part in parts:
        if isinstance(part, Variable):
            values = lookup(part.key)
            if values is not None and len(values) == 1:
                resolved.append(Literal(values[0]))
            elif part.default is not None:
                resolved.append(Literal(part.default))
            else:
                return None
        else:
            resolved.append(part)
    return resolved


def _text(parts: Sequence[Token]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Literal))

"""Writes macros into SQL: `trino_name(arguments)` becomes what the macro says, with the arguments in place. Pure.

Spark's own SQL functions have fixed types, and ours take an array of anything; so the text is replaced. Within `trino_try(…)` what would
fail at run time is NULL: casts are tried, and `raise_error` is not called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

Macros = Mapping[tuple[str, int], tuple[tuple[str, ...], str]]
"""Name and number of arguments → their names, and SQL."""

_LINE: Final = re.compile(r"(\w+)\(([\w, ]*)\) = (.+)")
_CALL: Final = re.compile(r"trino_(\w+)\(|'(?:[^'\\]|\\.)*'|`(?:[^`]|``)*`", re.DOTALL)
_PIECE: Final = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`]|``)*`|[()\[\],]|[^()\[\],'`]+|.", re.DOTALL)
_FAULT: Final = re.compile(r"raise_error\(|(?<![\w`])CAST\(|'(?:[^'\\]|\\.)*'|`(?:[^`]|``)*`", re.DOTALL)
_SIMPLE: Final = re.compile(r"[\w.]+|'(?:[^'\\]|\\.)*'")


def read(lines: str) -> Macros:
    """Macros, one a line: `name(arguments) = SQL`."""
    found: dict[tuple[str, int], tuple[tuple[str, ...], str]] = {}
    for line in lines.strip().splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(line)
        names = tuple(name.strip() for name in match[2].split(",") if name.strip())
        found[match[1], len(names)] = (names, match[3])
    return found


def expanded(sql: str, macros: Macros) -> str:
    """`sql` with every macro written into it. Calls of what is no macro stay."""
    written: list[str] = []
    at = 0
    while (match := _CALL.search(sql, at)) is not None:
        written.append(sql[at : match.start()])
        if match[1] is None:  # a text or a name
            written.append(match[0])
            at = match.end()
            continue
        arguments, at = _arguments(sql, match.end())
        written.append(_called(match[1], [expanded(one, macros) for one in arguments], macros))
    return "".join(written) + sql[at:]


def _called(name: str, arguments: list[str], macros: Macros) -> str:
    if name == "try":
        return f"({_tried(arguments[0])})"
    found = macros.get((name, len(arguments)))
    if found is None:
        return f"trino_{name}({', '.join(arguments)})"
    names, body = found
    places = dict(zip(names, (one if _SIMPLE.fullmatch(one) else f"({one})" for one in arguments), strict=True))
    words = re.compile(r"'(?:[^'\\]|\\.)*'" + (rf"|(?<![.\w])(?:{'|'.join(names)})\b" if names else ""), re.DOTALL)
    return f"({expanded(words.sub(lambda word: places.get(word[0], word[0]), body), macros)})"


def _tried(sql: str) -> str:
    written: list[str] = []
    at = 0
    while (match := _FAULT.search(sql, at)) is not None:
        written.append(sql[at : match.start()])
        at = match.end()
        if match[0] == "raise_error(":
            _, at = _arguments(sql, at)
            written.append("NULL")
        else:
            written.append("TRY_CAST(" if match[0] == "CAST(" else match[0])
    return "".join(written) + sql[at:]


def _arguments(sql: str, at: int) -> tuple[list[str], int]:
    """The arguments of the call whose `(` ends at `at`, and where its `)` ends."""
    parts: list[str] = [""]
    depth = 0
    for piece in _pieces(sql, at):
        at += len(piece)
        if piece == ")" and depth == 0:
            break
        depth += (piece in ("(", "[")) - (piece in (")", "]"))
        if piece == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    found = [part.strip() for part in parts]
    return ([] if found == [""] else found), at


def _pieces(sql: str, at: int) -> Iterator[str]:
    for match in _PIECE.finditer(sql, at):
        yield match[0]

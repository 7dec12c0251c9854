"""The words of a statement: what is text, comment, name, number, or the id of an event data store. Pure, and light enough for the front.

Lake writes the id of a store bare (`FROM 1b2c3d4e-f852-…`), which is no word of SQL; it is one here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_WORDS: Final = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<store>(?<![\w"-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-]))
  | (?P<unicode>[Uu]&'(?:[^']|'')*')
  | (?P<binary>[Xx]'[^']*')
  | (?P<string>'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<number>(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<word>[^\W\d]\w*)
  | (?P<sign><>|!=|<=|>=|\|\||->|=>|[-+*/%=<>(),.;\[\]:?|{}])
""",
    re.VERBOSE | re.DOTALL,
)
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Refused(Exception):
    """A statement that Lake does not take: what is wrong, and at which character."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the statement."""

    kind: str
    """`store`, `string`, `binary`, `quoted`, `number`, `word`, `sign`, or `end`."""
    text: str
    """As written; of a string or quoted name, what is between the quotes."""
    at: int
    """Offset of its first character."""
    upper: str = ""
    """A bare word or sign in upper case; empty for everything else, so that `"from"` and `'from'` are no keywords."""


def words(statement: str) -> list[Word]:
    """The words of `statement`, the last of kind `end`. Raises `Refused` for what is no word, and for what is not ended."""
    found: list[Word] = []
    at = 0
    while at < len(statement):
        match = _WORDS.match(statement, at)
        if match is None:
            raise Refused(_unreadable(statement, at), at)
        kind, text = str(match.lastgroup), match[0]
        if kind == "number" and statement[match.end() : match.end() + 1].isalnum():
            raise Refused(f"{statement[at : match.end() + 12].split()[0]!r} is neither a number nor a name", at)
        if kind == "sign" and text == "/" and statement.startswith("/*", at):
            raise Refused("the comment that begins here has no end: add */", at)
        if kind == "string":
            found.append(Word(kind, text[1:-1].replace("''", "'"), at))
        elif kind == "unicode":
            found.append(Word("string", _unescaped(text[3:-1].replace("''", "'"), at), at))
        elif kind == "binary":
            found.append(Word(kind, text[2:-1], at))
        elif kind == "quoted":
            name = text[1:-1].replace('""', '"')
            found.append(Word("store" if _UUID.fullmatch(name) else kind, name, at))
        elif kind != "space":
            found.append(Word(kind, text, at, text.upper() if kind in ("word", "sign") else ""))
        at = match.end()
    found.append(Word("end", "", len(statement)))
    return found


def store_ids(statement: str) -> tuple[str, ...]:
    """The ids of event data stores in `statement`, outside texts and comments, lower case, in order, each once.

    Bare or in double quotes. A statement that cannot be read to its end yields what was found so far: whoever translates it will refuse it.
    """
    found: dict[str, None] = {}
    at = 0
    while at < len(statement) and (match := _WORDS.match(statement, at)) is not None:
        text = match[0].strip('"') if match.lastgroup == "quoted" else match[0]
        if match.lastgroup in ("store", "quoted") and _UUID.fullmatch(text):
            found[text.lower()] = None
        at = match.end()
    return tuple(found)


def quoted(statement: str) -> str:
    """`statement` with each bare id of a store in double quotes, for readers of ordinary SQL. Texts and comments stay as they are."""
    parts: list[str] = []
    at = 0
    while at < len(statement) and (match := _WORDS.match(statement, at)) is not None:
        parts.append(f'"{match[0].lower()}"' if match.lastgroup == "store" else match[0])
        at = match.end()
    return "".join(parts) + statement[at:]


def line_and_column(statement: str, at: int) -> tuple[int, int]:
    """Where character `at` is, both from 1."""
    before = statement[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def _unreadable(statement: str, at: int) -> str:
    character = statement[at]
    if character == "'":
        return "the text that begins here has no end: add the closing '"
    if character == '"':
        return 'the name that begins here has no end: add the closing "'
    if character == "`":
        return "backquotes are not Trino's: write names in double quotes"
    if character == "$":
        return "a placeholder is left: put the ID of an event data store in its place"
    return f"{character!r} has no meaning here"


def _unescaped(text: str, at: int) -> str:
    def one(match: re.Match[str]) -> str:
        if match[0] == "\\\\":
            return "\\"
        code = int(match[1] or match[2], 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise Refused(f"{match[0]!r} is no character", at)
        return chr(code)

    found = re.sub(r"\\\\|\\\+([0-9a-fA-F]{6})|\\([0-9a-fA-F]{4})", one, text)
    if re.search(r"(?<!\\)\\(?!\\)", re.sub(r"\\\\|\\\+[0-9a-fA-F]{6}|\\[0-9a-fA-F]{4}", "", text)):
        raise Refused("a backslash in U&'…' is followed by four hexadecimal digits, or by + and six", at)
    return found

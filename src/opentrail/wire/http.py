"""The nouns of HTTP as the rest of the house sees them: small frozen values, free of any server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field


class Headers:
    """Header lines in the order received; names are compared without case, values are `latin-1` text without outer blanks."""

    __slots__ = ("_first", "_lines")

    def __init__(self, lines: Iterable[tuple[str, str]] = ()) -> None:
        self._lines = tuple((name.lower(), value.strip(" \t")) for name, value in lines)
        self._first: dict[str, str] = {}
        for name, value in self._lines:
            self._first.setdefault(name, value)

    @classmethod
    def from_asgi(cls, raw: Iterable[tuple[bytes, bytes]]) -> Headers:
        """From the `headers` of an ASGI scope."""
        return cls((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first line called `name` (lower case)."""
        return self._first.get(name, default)

    def getall(self, name: str) -> list[str]:
        """Every line called `name` (lower case), in order."""
        return [value for key, value in self._lines if key == name]

    def __contains__(self, name: object) -> bool:
        return name in self._first

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __repr__(self) -> str:
        return f"Headers({list(self._lines)!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request.

    `path` is the path of the request line as sent, still percent-encoded; `query` is what follows `?`, also as sent.
    `body` is empty for operations whose body is streamed (S3 PutObject, UploadPart).
    """

    method: str
    path: str
    query: str = ""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP response; a streamed `body` yields chunks and is read once."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | AsyncIterator[bytes] = b""

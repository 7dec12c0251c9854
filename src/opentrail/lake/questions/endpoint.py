"""A language model behind an OpenAI-compatible endpoint, for questions that we have no answer to. Off unless the settings name one.

What is sent is the question and the columns of the table; never an event, an account, or the ID of a store.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from opentrail.lake.families import Family
from opentrail.lake.faults import GenerateResponseException
from opentrail.lake.schema import COLUMNS, as_trino

TIMEOUT: Final = 30.0
"""Seconds that the model may take."""
_LARGEST: Final = 1 << 20
_TABLE: Final = "events"
"""The name under which the model knows the table."""
_FENCE: Final = re.compile(r"```(?:sql)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)
_NO: Final = "UNKNOWN"
_SELECT: Final = re.compile(r"(?:SELECT|WITH)\b", re.IGNORECASE)
_FROM: Final = re.compile(rf"\b(FROM|JOIN)(\s+)\"?{_TABLE}\"?(?![\w.\"])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a model is asked."""

    url: str
    """Up to and with the version: `https://api.example.com/v1`."""
    model: str
    key_file: Path | None = None
    """Holds the key, for its owner only; read at each question, so that it can be changed."""

    def ask(self, question: str, store: str) -> str:
        """A statement over the store, not yet checked beyond its shape. Raises `GenerateResponseException`."""
        body = {
            "model": self.model,
            "temperature": 0,
            "messages": [{"role": "system", "content": _instructions()}, {"role": "user", "content": question}],
        }
        headers = {"content-type": "application/json", "accept": "application/json"}
        try:
            if self.key_file is not None:
                headers["authorization"] = f"Bearer {self.key_file.read_text().strip()}"
            request = urllib.request.Request(f"{self.url.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers)
            with _opener().open(request, timeout=TIMEOUT) as response:
                answered = json.loads(response.read(_LARGEST))
            said = answered["choices"][0]["message"]["content"]
        except (OSError, ValueError, KeyError, IndexError, TypeError) as trouble:  # URLError is an OSError
            raise GenerateResponseException(f"The language model gave no answer that can be read ({type(trouble).__name__}).") from None
        return statement(said, store)


def statement(said: Any, store: str) -> str:
    """The statement in what a model said, over the store. Raises `GenerateResponseException` when it is not one SELECT over the table."""
    if not isinstance(said, str):
        raise GenerateResponseException("The language model gave no text.")
    fenced = _FENCE.search(said)
    text = (fenced[1] if fenced else said).strip().rstrip(";").strip()
    if text == _NO:
        raise GenerateResponseException("The language model does not know a query for this question.")
    if not _SELECT.match(text) or ";" in text or not 1 <= len(text) <= 9000:
        raise GenerateResponseException("The language model did not give one SELECT statement.")
    made, places = _FROM.subn(lambda found: f"{found[1]}{found[2]}{store}", text)
    if not places:
        raise GenerateResponseException("The language model gave a statement that does not read the event data store.")
    return made


def _instructions() -> str:
    columns = "\n".join(f"- {column.name} {as_trino(column.type)}" for column in COLUMNS[Family.EVENTS])
    return (
        f"Write one Trino SELECT statement over the table {_TABLE}, which holds AWS CloudTrail events, that answers the user's question. "
        f"Answer with the statement alone. If the question cannot be answered from the table, answer {_NO}.\nColumns:\n{columns}"
    )


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key is for the host that the settings name."""

    def redirect_request(self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str) -> None:
        raise urllib.error.HTTPError(newurl, code, "redirected", headers, fp)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirects)

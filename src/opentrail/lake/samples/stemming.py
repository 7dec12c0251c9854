"""Words of a text as the search compares them: lower case, without what fills sentences, cut down to their stems. Pure.

The stems are rough on purpose: `created`, `creating`, `creates` and `creation` need to meet, they need not be words.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from typing import Final

FILLING: Final = frozenset((files(__package__) / "filling.txt").read_text(encoding="utf-8").split())
"""Words that say nothing about the subject."""
_WORD: Final = re.compile(r"[a-z0-9]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SAME: Final = {
    "login": "signin",
    "logins": "signin",
    "logon": "signin",
    "logged": "signin",
    "failure": "fail",
    "failures": "fail",
    "denial": "deni",
    "refusal": "refus",
    "refusals": "refus",
    "removal": "remov",
    "ips": "ip",
}


def words(text: str) -> list[str]:
    """Stems of the words of `text` that mean something, in order, repeated as they are. `CreateUser` is `createuser`, `create`, `user`."""
    found: list[str] = []
    for token in re.findall(r"[A-Za-z0-9]+", re.sub(r"(?i)\b(sign|log)(?:ged|ned|ning|ging)?[- ]ins?\b", "signin", text)):
        parts = _CAMEL.split(token)
        found += [part.lower() for part in ([token, *parts] if len(parts) > 1 else [token])]
    return [stem(word) for word in found if word not in FILLING and _WORD.fullmatch(word)]


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """The stem of one word in lower case."""
    if word in _SAME:
        return _SAME[word]
    if len(word) <= 3 or any(letter.isdigit() for letter in word):
        return word
    word = _without_plural(word)
    for ending in ("ations", "ation", "ions", "ion", "ings", "ing", "ied", "ed", "ments", "ment", "ly"):
        rest = word[: -len(ending)]
        if word.endswith(ending) and len(rest) >= 3 and re.search(r"[aeiouy]", rest):
            if ending.startswith("ion") and rest[-1] not in "ts":
                continue
            word = rest + ("y" if ending == "ied" else "at" if ending.startswith("ation") else "")
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    word = word.removesuffix("e")
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


def _without_plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word

"""Where the data of a key lie below the folder of its bucket. Pure.

An ordinary key is its own path (`AWSLogs/…/x.json.gz`), so that a person finds it. What a file system cannot take is written with `~`,
which itself doubles, so that two keys never share a path (long names are told apart by their SHA-256):

    ~~        a tilde                             ~e        an empty component (`a//b`, `dir/`, `/a`)
    ~xHH      a byte: control characters,         ~h<hex>   end of a component cut for length
              and the dots of `.` and `..`        ~k<hex>   a whole key that is too long or too deep
    ~d        end of a folder whose plain name is a file (`a` beside `a/b`)
    ~<n>      end of a further file for the same key, while the plain name is taken
    ~v<id>.   start of the data of a noncurrent version, in the folder of versions (`~v<id>~<n>.` while that name is taken)
"""

from __future__ import annotations

import re
from hashlib import sha256

MAX_COMPONENT = 200
"""Bytes of one component; file systems take 255, the rest is for `~d` and `~<n>`."""
MAX_PATH = 1500
"""Bytes of the whole path; Linux takes 4,096 together with the data folder."""
MAX_DEPTH = 40
_SPECIAL = re.compile(r"[\x00-\x1f\x7f~]")


def path_of(key: str) -> str:
    """The path of `key`, relative, its components joined by `/`: none of them empty, `.` or `..`, none with NUL."""
    components = key.split("/")
    path = "/".join(_component(component) for component in components)
    if len(components) > MAX_DEPTH or len(path.encode()) > MAX_PATH:
        return "~k" + sha256(key.encode()).hexdigest()
    return path


def _component(text: str) -> str:
    if text == "":
        return "~e"
    if text in (".", ".."):
        return "~x2e" * len(text)
    escaped = _SPECIAL.sub(_escape, text)
    if len(escaped.encode()) <= MAX_COMPONENT:
        return escaped
    # Cut the key's own text, not the escaped one: half an escape must not meet the mark.
    return _SPECIAL.sub(_escape, text[:32]) + "~h" + sha256(text.encode()).hexdigest()[:40]


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return "~~" if character == "~" else f"~x{ord(character):02x}"

"""The stem of an English word, by Porter's second algorithm, as `word_stem` gives it. Pure."""

from __future__ import annotations

import re
from typing import Final

_VOWEL: Final = "aeiouy"
_DOUBLE: Final = ("bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt")
_SPECIAL: Final = {
    "skis": "ski",
    "skies": "sky",
    "dying": "die",
    "lying": "lie",
    "tying": "tie",
    "idly": "idl",
    "gently": "gentl",
    "ugly": "ugli",
    "early": "earli",
    "only": "onli",
    "singly": "singl",
    **{word: word for word in ("sky", "news", "howe", "atlas", "cosmos", "bias", "andes")},
}
_STEP2: Final = (
    *(("ization", "ize"), ("ational", "ate"), ("fulness", "ful"), ("ousness", "ous"), ("iveness", "ive"), ("tional", "tion")),
    *(("biliti", "ble"), ("lessli", "less"), ("entli", "ent"), ("ation", "ate"), ("alism", "al"), ("aliti", "al"), ("ousli", "ous")),
    *(("iviti", "ive"), ("fulli", "ful"), ("enci", "ence"), ("anci", "ance"), ("abli", "able"), ("izer", "ize"), ("ator", "ate")),
    *(("alli", "al"), ("bli", "ble")),
)
_STEP3: Final = (
    *(("ational", "ate"), ("tional", "tion"), ("alize", "al"), ("icate", "ic"), ("iciti", "ic"), ("ical", "ic"), ("ness", ""), ("ful", "")),
)
_STEP4: Final = ("ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "al", "er", "ic")


def word_stem(word: str, language: str) -> str:
    """The stem. Raises `ValueError` for a language that is not English."""
    if language != "en":
        raise ValueError(f"Unknown stemmer language: {language}")
    word = word.lower().strip("'")
    if len(word) <= 2:
        return word
    if word in _SPECIAL:
        return _SPECIAL[word]
    word = re.sub(rf"(^|[{_VOWEL}])y", r"\1Y", word)
    first = re.match(r"gener|commun|arsen", word)
    r1 = first.end() if first else _region(word, 0)
    r2 = _region(word, r1)
    word = _plural(re.sub(r"'s'?$|'$", "", word))
    if word in ("inning", "outing", "canning", "herring", "earring", "proceed", "exceed", "succeed"):
        return word
    word = _ended(word, r1)
    if len(word) > 2 and word[-1] in "yY" and word[-2] not in _VOWEL:
        word = word[:-1] + "i"
    word = _last(_replaced(word, r1, r2), r1, r2)
    return word.lower()


def _region(word: str, start: int) -> int:
    found = re.compile(rf"[{_VOWEL}][^{_VOWEL}]").search(word, start)
    return found.end() if found else len(word)


def _plural(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ied", "ies")):
        return word[:-2] if len(word) > 4 else word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss")) and re.search(rf"[{_VOWEL}].+s$", word):
        return word[:-1]
    return word


def _ended(word: str, r1: int) -> str:
    for suffix in ("eedly", "eed"):
        if word.endswith(suffix):
            return word[: -len(suffix)] + "ee" if len(word) - len(suffix) >= r1 else word
    for suffix in ("ingly", "edly", "ing", "ed"):
        stem = word[: -len(suffix)]
        if word.endswith(suffix):
            if not re.search(rf"[{_VOWEL}]", stem):
                return word
            if stem.endswith(("at", "bl", "iz")):
                return stem + "e"
            if stem.endswith(_DOUBLE):
                return stem[:-1]
            return stem + "e" if _short(stem) and len(stem) <= r1 else stem
    return word


def _short(word: str) -> bool:
    return bool(re.search(rf"[^{_VOWEL}][{_VOWEL}][^{_VOWEL}wxY]$", word) or re.fullmatch(rf"[{_VOWEL}][^{_VOWEL}]", word))


def _replaced(word: str, r1: int, r2: int) -> str:
    for suffix, new in _STEP2:
        if word.endswith(suffix):
            word = word[: -len(suffix)] + new if len(word) - len(suffix) >= r1 else word
            break
    else:
        if word.endswith("ogi") and len(word) - 3 >= r1 and word[-4:-3] == "l":
            word = word[:-1]
        elif word.endswith("li") and len(word) - 2 >= r1 and word[-3:-2] in tuple("cdeghkmnrt"):
            word = word[:-2]
    for suffix, new in _STEP3:
        if word.endswith(suffix):
            return word[: -len(suffix)] + new if len(word) - len(suffix) >= r1 else word
    return word[:-5] if word.endswith("ative") and len(word) - 5 >= r2 else word


def _last(word: str, r1: int, r2: int) -> str:
    for suffix in _STEP4:
        if word.endswith(suffix):
            word = word[: -len(suffix)] if len(word) - len(suffix) >= r2 else word
            break
    else:
        if word.endswith(("sion", "tion")) and len(word) - 3 >= r2:
            word = word[:-3]
    if word.endswith("e") and (len(word) - 1 >= r2 or (len(word) - 1 >= r1 and not _short(word[:-1]))):
        return word[:-1]
    return word[:-1] if word.endswith("ll") and len(word) - 1 >= r2 else word

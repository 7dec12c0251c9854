"""A question in plain English → what it asks of the events. Pure; the words are in `vocabulary.toml`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from opentrail.lake.questions import times, values
from opentrail.lake.questions.text import Text
from opentrail.lake.questions.vocabulary import FILLING, Dimension, Thing, vocabulary, whole

MOST: Final = 1000
"""The greatest number of rows that a question can ask for."""
DEFAULT: Final = 10
"""How many "the top users" are."""

_TOP: Final = whole(
    r"(?:the )?(?:top|first|most|highest|biggest|largest)[- ](\d{1,4})(?: most)?|(?:the )?(\d{1,4}) (?:most|top|"
    r"highest)(?: (?:frequent|common|active|used))?|(?:limit(?:ed)?(?: to)?) (\d{1,4})"
)
_NEWEST: Final = whole(
    r"(?:the )?(?:(?:last|latest|most recent|newest|recent) (\d{1,4})|(\d{1,4}) (?:most recent|latest|newest|"
    r"last))(?: (?:events?|calls?|entries|records?))?"
)
_MOST: Final = whole(
    r"(?:the )?(?:top|most(?: (?:often|frequent(?:ly)?|common(?:ly)?|active|used|popular))?|highest|busiest|frequent(?:ly)?)"
)
_LEAST: Final = whole(r"(?:the )?(?:least(?: (?:often|frequent(?:ly)?|common(?:ly)?|active|used))?|fewest|rarest|rare(?:ly)?)")
_MANY: Final = r"(?:how many|(?:the )?(?:total )?(?:number|count) of|count(?: the| of)?)"
_UNLIKE: Final = r"(?: (?:the )?(?:different|distinct|unique))"
_COUNT: Final = whole(r"how many(?: times)?|how often|(?:the )?(?:total )?(?:number|count)(?: of)?|count")
_PER: Final = r"(?:group(?:ed)? by|broken down by|split by|per|by|for each|for every|in each|in every|of each|across|each)"
_BUCKET: Final = whole(
    rf"(?:{_PER} (?:the )?(minute|hour|day|week|month)|(hourly|daily|weekly|monthly)(?: trend)?|(over time|trend(?: over time)?))"
)
_WHEN: Final = whole("when")
_EXTREME: Final = whole("last|first")
_JUST_CALLS: Final = whole("(?:api )?calls?|actions|operations")
_ASKED_CALLS: Final = whole(
    "(?:which|what|top|different|distinct|unique|;) (?:different |aws |kinds? of )?(?:api )?(?:calls|actions|"
    "operations)|apis|api names?|event names?"
)
_ERRORS: Final = whole("errors?")
_BUSIEST: Final = whole(r"(?:(?:the|which|what)(?: were| are)? )?(?:the )?(?:busiest|most active) (minute|hour|day|week|month)s?")
_BUCKETS: Final = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month"}


@dataclass(slots=True, kw_only=True)
class Meaning:
    """What a question asks."""

    conditions: list[str] = field(default_factory=list)
    """All of them hold."""
    groups: list[tuple[str, str]] = field(default_factory=list)
    """Columns that are counted by, and their names in the result."""
    bucket: str | None = None
    """A unit of time that is counted by."""
    ranked: bool = False
    """Whether the stretches of time with the most come first."""
    counted: tuple[str, str] | None = None
    """A column of which the different values are counted."""
    counts: bool = False
    """Whether numbers are asked for rather than events."""
    limit: int | None = None
    least: bool = False
    """Whether the rarest come first."""
    oldest: bool = False
    """Whether the oldest event comes first."""
    shown: list[tuple[str, str]] = field(default_factory=list)
    """Columns that a list of events shows besides the usual ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A question that was taken apart."""

    meaning: Meaning
    left: tuple[str, ...]
    """Words that were not understood."""
    understood: int
    """Pieces that were."""


def read(question: str, today: date) -> Read:
    """Take `question` apart. Raises `ValueError` where it names a day that does not exist."""
    text = Text(question)
    meaning = Meaning()
    _take_limits(text, meaning)
    time = times.take(text, today)
    meaning.conditions += values.take(text)
    _take_bucket(text, meaning)
    meaning.counts = meaning.counts or text.find(_COUNT) is not None
    for phrase in vocabulary().phrases:
        if text.take(phrase.words):
            if phrase.group is not None:
                meaning.shown.append(phrase.group)
            meaning.conditions += [one for one in phrase.conditions if one not in meaning.conditions]
    _take_things(text, meaning)
    _take_groups(text, meaning)
    _take_services(text, meaning)
    meaning.conditions = list(dict.fromkeys([*_ordered(meaning.conditions), *time]))
    left = tuple(word for word in text.words() if not _is_filling(word))
    return Read(meaning=meaning, left=left, understood=text.understood)


def _is_filling(word: str) -> bool:
    return word in FILLING or word.removesuffix("'s") in FILLING or (len(word) == 1 and word.isalpha())


def _ordered(conditions: list[str]) -> list[str]:
    """Services first, then names of events, then the rest: the order in which a person would write them."""
    rank = {"eventSource": 0, "eventName": 1}
    return sorted(conditions, key=lambda one: rank.get(one.lstrip("(").split(" ", 1)[0], 2))


def _take_limits(text: Text, meaning: Meaning) -> None:
    if found := text.take(_TOP):
        meaning.limit = _bounded(next(group for group in found.groups() if group))
        meaning.counts = True
    elif not _is_time(text) and (found := text.take(_NEWEST)):
        meaning.limit = _bounded(found[1] or found[2])


def _is_time(text: Text) -> bool:
    """Whether "the last 3" goes on with a unit of time."""
    return text.find(whole(r"(?:last|past|previous) \d+ (?:minute|hour|day|week|month|quarter|year)s?")) is not None


def _bounded(number: str) -> int:
    return max(1, min(int(number), MOST))


def _take_bucket(text: Text, meaning: Meaning) -> None:
    if found := text.take(_BUSIEST):
        meaning.bucket, meaning.counts, meaning.ranked = found[1].lower(), True, True
        meaning.limit = meaning.limit or DEFAULT
    elif found := text.take(_BUCKET):
        meaning.bucket = (found[1] or _BUCKETS.get((found[2] or "").lower()) or "day").lower()
        meaning.counts = True


def _take_things(text: Text, meaning: Meaning) -> None:
    """Verbs with the things that they are done to; then things alone, and verbs alone."""
    known = vocabulary()
    for thing in known.things:
        for verb, patterns in thing.verbs.items():
            if _took(text, known.verbs[verb], thing.words):
                _note(meaning, thing, patterns)
                break
    text.take_all(values.NAMED_THING)
    if any(one.startswith(("eventName", "(eventName")) for one in meaning.conditions):
        return
    for thing in known.things:
        about = rf"(?:{thing.words}) (?:activity|events?|calls?|changes|operations|actions)"
        if thing.any and text.take(
            whole(
                about
                if thing.verb_only
                else rf"{about}|(?<!by )(?<!which )(?<!what )(?<!top )(?<!per )(?<!each )(?<!many )(?:{thing.words})"
            )
        ):
            _note(meaning, thing, thing.any)
            return
    for words, patterns in known.deeds:
        if text.take(words):
            meaning.conditions.append(_event_names(patterns))
            meaning.conditions.append("readOnly = false")
            return


def _took(text: Text, verb: str, thing: str) -> bool:
    between = r"(?: (?:a|an|the|any|some|new|my|our|all|from|in|to|of|which|what|these|those|most|more|many))*"
    return any(
        text.take(whole(pattern)) is not None
        for pattern in (
            rf"(?:{verb}){between} (?:{thing})",
            rf"(?:{thing})(?: (?:that|which|who|have|has|had|is|are|be|get|got|was|were|been|being|newly|recently))+ (?:{verb})",
            rf"(?:{thing}) (?:creations?|deletions?|modifications?|updates?|invocations?)" if re.search("ions", verb) else r"(?!)",
        )
        if _fits(pattern, text, verb)
    )


def _fits(pattern: str, text: Text, verb: str) -> bool:
    found = text.find(whole(pattern))
    if found is None:
        return False
    noun = re.search(r"(?:creation|deletion|modification|update|invocation)s?$", found[0], re.IGNORECASE)
    return noun is None or re.search(whole(verb), noun[0]) is not None


def _note(meaning: Meaning, thing: Thing, patterns: tuple[str, ...]) -> None:
    source = f"eventSource = '{thing.source}'"
    if source not in meaning.conditions:
        meaning.conditions.append(source)
    meaning.conditions.append(_event_names(patterns))
    if thing.column and thing.column not in meaning.shown:
        meaning.shown.append(thing.column)


def _event_names(patterns: tuple[str, ...]) -> str:
    exact = [one for one in patterns if "%" not in one]
    parts = [f"eventName LIKE '{one}'" for one in patterns if "%" in one]
    if exact:
        parts.insert(0, f"eventName = '{exact[0]}'" if len(exact) == 1 else f"eventName IN ({', '.join(repr(one) for one in exact)})")
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _take_groups(text: Text, meaning: Meaning) -> None:
    most, least = text.take(_MOST) is not None, text.take(_LEAST) is not None
    meaning.counts = meaning.counts or most or least
    meaning.least = least
    if text.find(_WHEN) and (extreme := text.find(_EXTREME)):
        meaning.limit, meaning.oldest = 1, extreme[0].lower() == "first"
    dimensions = sorted(vocabulary().dimensions, key=lambda one: -len(one.words))
    _take_counted(text, meaning, dimensions)
    _take_grouped(text, meaning, dimensions)
    asked = whole(r"which|what|who|list(?: of)?|show(?: me)?|names? of|give me|all|every|different|distinct|unique|find")
    if meaning.counted is None and not meaning.groups:
        _take_head(text, meaning, dimensions, asks=text.find(asked) is not None or meaning.counts)
    if text.find(whole("who|whom|whose")) and (meaning.counts or meaning.counted) and not meaning.groups and not meaning.counted:
        meaning.groups.append(("userIdentity.arn", "userArn"))
    text.take(_COUNT)
    if text.take(_ERRORS) and not any("errorCode" in condition for condition in meaning.conditions):
        meaning.conditions.append("errorCode IS NOT NULL")
    if (most or least or meaning.limit) and meaning.counts and not (meaning.groups or meaning.bucket or meaning.counted):
        meaning.groups = list(meaning.shown)
    if meaning.groups and not meaning.bucket and meaning.limit is None and (most or least):
        meaning.limit = DEFAULT


def _take_counted(text: Text, meaning: Meaning, dimensions: list[Dimension]) -> None:
    """`how many users`: their different values; `how many calls` and `how many errors`: the events themselves."""
    for one in dimensions:
        unlike = text.take(whole(rf"{_MANY}{_UNLIKE} (?:{one.words})"))
        if unlike or (one.name not in ("eventName", "errorCode", "errorMessage") and text.take(whole(rf"{_MANY} (?:{one.words})"))):
            meaning.counted = (one.column, one.name)
            meaning.counts = True
            return
    if text.take(whole(rf"{_MANY} errors?")):
        meaning.conditions += [one for one in ("errorCode IS NOT NULL",) if not any("errorCode" in other for other in meaning.conditions)]
    text.take(whole(rf"{_MANY} (?:api )?(?:calls|actions|operations|events|times)"))


def _take_grouped(text: Text, meaning: Meaning, dimensions: list[Dimension]) -> None:
    """`by user`, `per service and region`."""
    found = True
    joined = _PER
    while found:
        found = False
        for one in dimensions:
            if text.take(whole(rf"{joined} (?:the |source )?(?:{one.words})")):
                _group(meaning, one)
                found, joined = True, rf"(?:{_PER}|and|,|; and|; ,)"
                break


def _take_head(text: Text, meaning: Meaning, dimensions: list[Dimension], *, asks: bool) -> None:
    """`which users …`, `the top services`: what is asked for itself."""
    if not asks:
        return
    places = []
    for one in dimensions:
        found = text.find(whole(one.words))
        if found is not None:
            places.append((found.start(), -len(found[0]), one))
    for _, _, one in sorted(places, key=lambda place: place[:2]):
        if meaning.groups and not text.find(whole(rf"and (?:which |what |the )?(?:{one.words})")):
            continue
        if one.name == "eventName" and text.find(_JUST_CALLS) and not text.find(_ASKED_CALLS):
            continue
        text.take(whole(one.words))
        _group(meaning, one)


def _group(meaning: Meaning, one: Dimension) -> None:
    if (one.column, one.name) not in meaning.groups:
        meaning.groups.append((one.column, one.name))
    meaning.counts = True
    if one.name in ("errorCode", "errorMessage") and not any("errorCode" in condition for condition in meaning.conditions):
        meaning.conditions.append(f"{one.column} IS NOT NULL")


def _take_services(text: Text, meaning: Meaning) -> None:
    found = [source for words, source in vocabulary().services if text.take(words)]
    mentioned = any(one.startswith("eventSource") for one in meaning.conditions)
    unlike = list(dict.fromkeys(found))
    if unlike and not mentioned:
        condition = f"eventSource = '{unlike[0]}'" if len(unlike) == 1 else f"eventSource IN ({', '.join(repr(one) for one in unlike)})"
        meaning.conditions.append(condition)

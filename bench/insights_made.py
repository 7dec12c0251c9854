"""Accounts as the bench of Insights makes them: series of calls by minute, from a seed, with anomalies planted and noted.

Kinds of an account's 100 series: steady (0.2 to 60 calls a minute), office hours, a daily wave, sporadic (some calls on some days, now and
then a dozen in a minute), nightly batches and batches at any hour with heavy-tailed sizes, deploys (spikes of 5 to 15 times the usual, once
to three times a day), new services (silent for weeks, then steady), slow growth (3 % a day), errors (rare, or steady and low), silent ones.
All are overdispersed: each minute's rate is drawn from a gamma distribution around its mean, which itself wanders.

Planted, at random from the second week on, at most one in a series and week:
* burst: 5 to 30 minutes, calls to 5 times (or more) what is usual at that hour, and by 15 a minute at least; on series with deploys twice
  the highest deploy; on sporadic and silent series 40 to 120 a minute;
* slow burst: rises over an hour to 6 times the usual and stays for half an hour;
* fall: a rate of 5 a minute or more goes to none for half an hour to two hours;
* errors: 12 to 60 a minute for 3 to 20 minutes where there are few.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

DAY = 1440
WEEKS = 5
KINDS = {
    "steady": 14,
    "office": 14,
    "wave": 8,
    "sporadic": 26,
    "nightly": 6,
    "batch": 4,
    "deploys": 6,
    "new": 4,
    "growth": 4,
    "errors": 8,
    "silent": 6,
}


@dataclass(frozen=True, kw_only=True)
class Planted:
    what: str
    begin: int
    end: int
    """The first minute after it."""
    direction: str


@dataclass(kw_only=True)
class Series:
    kind: str
    errors: bool
    counts: list[tuple[int, int]] = field(default_factory=list)
    """Minutes with calls, and how many."""
    planted: list[Planted] = field(default_factory=list)


def account(seed: int) -> Iterator[Series]:
    for kind, number in KINDS.items():
        for which in range(number):
            yield _series(random.Random(f"{seed} {kind} {which}"), kind)


def _series(rng: random.Random, kind: str) -> Series:
    length = WEEKS * 7 * DAY
    rate, spikes = _rhythm(rng, kind)
    for minute in list(spikes):
        if minute >= length:
            del spikes[minute]
    series = Series(kind=kind, errors=kind == "errors")
    shape = rng.choice((8.0, 20.0, 60.0))
    planted = _planted(rng, kind, rate, spikes)
    forced: dict[int, Callable[[float], float]] = {}
    for each, change in planted:
        series.planted.append(each)
        for minute in range(each.begin, each.end):
            forced[minute] = lambda usual, at=minute, change=change: change(at, usual)
    drift, level = 0.0, 1.0
    quiet = kind in ("silent", "sporadic", "nightly", "batch")
    minutes = sorted(set(spikes) | set(forced)) if quiet else range(length)
    for minute in minutes:
        if minute % 10 == 0:
            drift = 0.98 * drift + rng.gauss(0, 0.012)
            level = math.exp(drift)
        mean = rate(minute) * level
        if mean > 0:
            mean *= rng.gammavariate(shape, 1 / shape)
        mean += spikes.get(minute, 0.0)
        if minute in forced:
            mean = forced[minute](mean)
        count = _poisson(rng, mean)
        if count:
            series.counts.append((minute, count))
    return series


def _rhythm(rng: random.Random, kind: str) -> tuple[Callable[[int], float], dict[int, float]]:
    spikes: dict[int, float] = {}
    length = WEEKS * 7 * DAY
    size = math.exp(rng.uniform(math.log(0.2), math.log(60)))
    begin = rng.uniform(7, 10)

    def none(minute: int) -> float:
        return 0.0

    def flat(minute: int) -> float:
        return size

    def office(minute: int) -> float:
        hour = minute % DAY / 60
        day = minute // DAY % 7
        busy = max(0.0, min(1.0, hour - begin)) * max(0.0, min(1.0, begin + 9 - hour))
        return size * (0.05 + (busy if day not in (2, 3) else 0.1 * busy))

    def wave(minute: int) -> float:
        return size * (1 + 0.7 * math.sin(2 * math.pi * (minute % DAY) / DAY + begin))

    if kind == "steady":
        return flat, spikes
    if kind == "office":
        size *= 1.5
        return office, spikes
    if kind == "wave":
        return wave, spikes
    if kind == "growth":
        return lambda minute: min(size, 10.0) * 1.03 ** (minute / DAY), spikes
    if kind == "deploys":
        size = min(size, 10.0)
        height = size * rng.uniform(5, 15) + 5
        for day in range(WEEKS * 7):
            for _ in range(rng.randint(1, 3)):
                at = day * DAY + rng.randrange(9 * 60, 18 * 60)
                peak = height * rng.uniform(0.6, 1.2)
                for minute in range(at, at + rng.randint(3, 10)):
                    spikes[minute] = peak
        return flat, spikes
    if kind == "new":
        opens = rng.randrange(8 * DAY, 28 * DAY)
        size = min(size, 25.0)
        return lambda minute: size if minute >= opens else 0.0, spikes
    if kind == "errors":
        size = rng.choice((0.0005, 0.002, 0.01, 0.1, 0.5))
        return flat, spikes
    if kind == "sporadic":
        share = rng.uniform(0.2, 3.0)
        at = 0.0
        while (at := at + rng.expovariate(share / DAY)) < length:
            spikes[int(at)] = rng.choice((1, 1, 1, 2, 4, 12))
        return none, spikes
    if kind in ("nightly", "batch"):
        median = math.exp(rng.uniform(math.log(10), math.log(400)))
        for day in range(WEEKS * 7):
            at = day * DAY + (int(begin * 20) + rng.randint(0, 8) if kind == "nightly" else rng.randrange(DAY))
            lasts = rng.randint(4, 8)
            whole = median * rng.lognormvariate(0, 0.5)
            for minute in range(at, at + lasts):
                spikes[minute] = whole / lasts
        return none, spikes
    return none, spikes


def _planted(
    rng: random.Random, kind: str, rate: Callable[[int], float], spikes: dict[int, float]
) -> list[tuple[Planted, Callable[[int, float], float]]]:
    found: list[tuple[Planted, Callable[[int, float], float]]] = []
    if kind in ("nightly", "batch", "new"):
        return found
    for week in range(1, WEEKS):
        if rng.random() < 0.4:
            continue
        begin = week * 7 * DAY + rng.randrange(60, 7 * DAY - 240)
        usual = max(rate(minute) for minute in range(begin - 60, begin + 180, 10))
        lowest = min(rate(minute) for minute in range(begin - 60, begin + 180, 10))
        high = 2 * max(spikes.values(), default=0.0) if kind == "deploys" else 0.0
        choices = ["burst"]
        if kind == "errors":
            choices = ["errors"]
        elif kind not in ("sporadic", "silent", "deploys"):
            choices.append("slow burst")
            if lowest >= 5:
                choices += ["fall", "fall"]
        what = rng.choice(choices)
        if what == "errors":
            size = max(rng.uniform(12, 60), 6 * usual)
            end = begin + rng.randint(3, 20)
        elif what == "burst":
            size = rng.uniform(40, 120) if kind in ("sporadic", "silent") else max(usual * rng.uniform(5, 10), usual + 15, high)
            end = begin + rng.randint(5, 30)
        elif what == "slow burst":
            size = max(6 * usual, usual + 15)
            end = begin + 90
        else:
            size = 0.0
            end = begin + rng.randint(30, 120)
        planted = Planted(what=what, begin=begin, end=end, direction="fall" if what == "fall" else "rise")
        if what == "fall":
            found.append((planted, lambda at, mean: 0.0))
        elif what == "slow burst":
            found.append((planted, lambda at, mean, size=size, begin=begin: max(mean, size * min(1.0, (at - begin) / 60))))
        else:
            found.append((planted, lambda at, mean, size=size: max(mean, size)))
    return found


def _poisson(rng: random.Random, mean: float) -> int:
    if mean > 30:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    if mean <= 0:
        return 0
    limit, made, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        made += 1
        product *= rng.random()
    return made

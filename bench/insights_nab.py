"""The detector of Insights on the Numenta Anomaly Benchmark (NAB): 58 files of real and artificial metrics with labelled anomalies.

    OPENTRAIL_NAB=/path/to/NAB python bench/insights_nab.py [--quick] [--out FILE]

The checkout is that of github.com/numenta/NAB; nothing of it is kept here. The scoring is written from its published rules: the first
15 % of a file (of 5,000 rows at most) are not scored; in each labelled window the earliest detection counts, by a sigmoid of its place;
each detection outside costs, less so shortly after a window; each missed window costs; one threshold for all files of a profile, the best
one; 0 is a detector that says nothing and 100 a perfect one. That it is the same scoring is shown by scoring the published results of NAB's
own detectors anew; where ours finds a better threshold for them than NAB's search did, their score comes out higher.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from part import Line, finish, options

from opentrail.insights.detector.metrics import scores

PROFILES = {"standard": (1.0, 0.11, 1.0), "reward_low_FP_rate": (1.0, 0.22, 1.0), "reward_low_FN_rate": (1.0, 0.11, 2.0)}
"""What a window found, a false alarm and a missed window weigh."""
PROBATION, PROBATION_ROWS = 0.15, 5000
PEERS = ("null", "windowedGaussian", "randomCutForest", "numenta")
GOAL = 60.0


def sigmoid(place: float) -> float:
    """Worth of a detection by its place: -1 is the left edge of its window, 0 the right one, beyond 0 it is behind it."""
    return -1.0 if place > 3 else 2 / (1 + math.exp(5 * place)) - 1


def rows(
    times: Sequence[str], found: Sequence[float], windows: Sequence[Sequence[str]], name: str
) -> list[tuple[float, str | None, float]]:
    """Of each scored row: the detector's score, the window it lies in, and its worth before weights."""
    index = {time: number for number, time in enumerate(times)}
    edges = [(index[begin[:19]], index[end[:19]]) for begin, end in windows]
    probation = min(math.floor(PROBATION * len(times)), PROBATION * PROBATION_ROWS)
    out: list[tuple[float, str | None, float]] = []
    before: tuple[int, int] | None = None
    for row, score in enumerate(found):
        inside = next((edge for edge in edges if edge[0] <= row <= edge[1]), None)
        if inside is not None:
            worth = sigmoid(-(inside[1] - row + 1) / (inside[1] - inside[0] + 1)) / sigmoid(-1.0)
        elif before is not None:
            worth = sigmoid((row - before[1]) / (before[1] - before[0]))
        else:
            worth = -1.0
        if row >= probation:
            out.append((score, None if inside is None else f"{name}|{inside[0]}", worth))
        if inside is not None and row == inside[1]:
            before = inside
    return out


def score(all_rows: list[tuple[float, str | None, float]], windows: int) -> dict[str, tuple[float, float]]:
    """By profile: the score at the best threshold, and that threshold."""
    ordered = sorted(all_rows, key=lambda row: -row[0])
    names = {name for _, name, _ in all_rows if name is not None}
    result = {}
    for profile, (hit, false, miss) in PROFILES.items():
        parts = dict.fromkeys(names, -miss)
        total = -miss * len(names)
        best, threshold, current = total, 1.1, 1.1
        for value, name, worth in ordered:
            if value != current:
                if total > best:
                    best, threshold = total, current
                current = value
            if name is None:
                total += worth * false
            elif worth * hit > parts[name]:
                total += worth * hit - parts[name]
                parts[name] = worth * hit
        if total > best:
            best, threshold = total, current
        nothing, perfect = -miss * windows, hit * windows
        result[profile] = (100 * (best - nothing) / (perfect - nothing), threshold)
    return result


def ours(path: Path) -> tuple[list[str], list[float]]:
    with path.open() as file:
        read = list(csv.DictReader(file))
    times = [row["timestamp"][:19] for row in read]
    return times, scores([float(row["value"]) for row in read])


def published(path: Path) -> tuple[list[str], list[float]]:
    with path.open() as file:
        read = list(csv.DictReader(file))
    return [row["timestamp"][:19] for row in read], [float(row["anomaly_score"]) for row in read]


def whole(
    folder: Path, files: Sequence[tuple[str, Path]], read: Callable[[Path], tuple[list[str], list[float]]]
) -> dict[str, tuple[float, float]]:
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text())
    gathered: list[tuple[float, str | None, float]] = []
    for name, path in files:
        times, found = read(path)
        gathered += rows(times, found, labels[name], name)
    return score(gathered, sum(len(each) for each in labels.values()))


def main() -> None:
    chosen = options(__doc__)
    if "OPENTRAIL_NAB" not in os.environ:
        finish(
            [Line(what="NAB: not measured", reached="OPENTRAIL_NAB is not set (the folder of a checkout of github.com/numenta/NAB)")],
            {},
            chosen,
        )
        return
    folder = Path(os.environ["OPENTRAIL_NAB"])
    names = sorted(json.loads((folder / "labels" / "combined_windows.json").read_text()))
    figures: dict[str, object] = {}
    official = json.loads((folder / "results" / "final_results.json").read_text())
    lines: list[Line] = []
    reached = whole(folder, [(name, folder / "data" / name) for name in names], ours)
    figures["opentrail"] = reached
    for profile, (value, threshold) in reached.items():
        goal = profile == "standard"
        lines.append(
            Line(
                what=f"NAB, {profile}",
                reached=f"{value:.1f} (threshold {threshold:.4f})",
                ratio=f"{value / official['randomCutForest'][profile]:.2f}x Random Cut Forest",
                goal=f"over {GOAL:g}" if goal else "",
                met=value > GOAL if goal else None,
            )
        )
    for peer in PEERS[:2] if chosen.quick else PEERS:
        files = [(name, folder / "results" / peer / Path(name).parent / f"{peer}_{Path(name).name}") for name in names]
        if not all(path.exists() for _, path in files):
            continue
        again = {profile: value for profile, (value, _) in whole(folder, files, published).items()}
        figures[peer] = again
        apart = abs(again["standard"] - official[peer]["standard"])
        lines.append(
            Line(
                what=f"our scoring of the published results of {peer}",
                reached=f"{again['standard']:.2f}, {apart:.4f} off what NAB publishes",
                met=apart < 0.01,
            )
        )
    finish(lines, figures, chosen)


if __name__ == "__main__":
    main()

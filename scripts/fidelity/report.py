"""The figures, for a person: shares by field and by kind, and each kind that is not the same with its reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from fidelity.compare import DECIDED, Verdict
from fidelity.log import Kind, Log

FIELDS = ("requestParameters", *DECIDED, "errorCode", "resources", "responseElements")
GOAL = 0.95


def share(verdicts: Iterable[Verdict], name: str) -> tuple[int, int]:
    """Of the records in which the field could be compared: how many are the same, how many there are."""
    said = [verdict.same[name] for verdict in verdicts if name in verdict.same]
    return sum(said), len(said)


def by_kind(verdicts: Sequence[Verdict], name: str) -> dict[Kind, list[Verdict]]:
    """The verdicts in which the field could be compared, by kind."""
    found: dict[Kind, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if name in verdict.same:
            found[verdict.event.kind].append(verdict)
    return found


def kinds_same(verdicts: Sequence[Verdict], name: str) -> tuple[int, int]:
    """Kinds of which every record compared is the same, and kinds compared."""
    kinds = by_kind(verdicts, name)
    return sum(all(verdict.same[name] for verdict in found) for found in kinds.values()), len(kinds)


def _percent(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.2f} %)" if whole else "none"


def summary(log: Log, verdicts: Sequence[Verdict]) -> str:
    """What is printed."""
    lines = [f"{'field':20} {'records':26} kinds"]
    lines += [f"{name:20} {_percent(*share(verdicts, name)):26} {_percent(*kinds_same(verdicts, name))}" for name in FIELDS]
    for name in FIELDS:
        for kind, reasons in _reasons(verdicts, name):
            lines.append(f"{name}: {kind[0].removesuffix('.amazonaws.com')}:{kind[1]}: {reasons}")
    for kind, reason in sorted(log.left_out.items()):
        lines.append(f"left out: {kind[0].removesuffix('.amazonaws.com')}:{kind[1]}: {reason}")
    return "\n".join(lines)


def _reasons(verdicts: Sequence[Verdict], name: str) -> list[tuple[Kind, str]]:
    found: dict[Kind, Counter[str]] = defaultdict(Counter)
    for verdict in verdicts:
        if verdict.same.get(name) is False:
            found[verdict.event.kind][verdict.why.get(name, "")] += 1
    return [
        (kind, "; ".join(f"{reason} ({number}x)" for reason, number in reasons.most_common(2))) for kind, reasons in sorted(found.items())
    ]


def written(log: Log, verdicts: Sequence[Verdict]) -> str:
    """docs/reference/record-fidelity.md: figures and reasons, names of operations, nothing else of the log."""
    lines = [
        "# How true the records are",
        "",
        "A real CloudTrail log (attack simulations in one account, one hour, one Region) is called again, record by record, by boto3",
        "through `opentrail serve --sandbox`: each record's `requestParameters` are turned back into the parameters of a call, ids",
        "that the sandbox makes up are learnt from its answers, and the record that OpenTrail makes (read by `LookupEvents`) is laid",
        "beside the real one.",
        "",
        "    .venv/bin/python scripts/record-fidelity FOLDER    # of decompressed log files; writes this page",
        "",
        f"{log.records} records of {len(log.kinds)} kinds (event source and name); {len(log.events)} records of "
        f"{len({event.kind for event in log.events})} kinds can be called again.",
        "",
        "| Field | Records that are the same | Kinds all of whose records are |",
        "|---|---|---|",
    ]
    lines += [f"| `{name}` | {_percent(*share(verdicts, name))} | {_percent(*kinds_same(verdicts, name))} |" for name in FIELDS]
    lines += [
        "",
        "`requestParameters`: same keys and same values, but for `Host`. `errorCode`: where both records have one. `resources`: number",
        "of entries, their types, their keys. `responseElements`: where both calls succeeded, ours has no key that the real one lacks.",
        "What is too much there moto answers, or a younger version of the API, and the service did not; what moto leaves out is not",
        "counted. How results are printed is judged by `tests/golden/responses.jsonl`.",
        "",
        "## Not the same",
        "",
    ]
    for name in FIELDS:
        reasons = _reasons(verdicts, name)
        if reasons:
            lines += [f"### `{name}`", ""]
            lines += [f"- {kind[0].removesuffix('.amazonaws.com')}:{kind[1]}: {reason}" for kind, reason in reasons]
            lines += [""]
    lines += ["## Not compared", ""]
    unclear: Counter[tuple[str, str]] = Counter()
    for verdict in verdicts:
        for name, why in verdict.why.items():
            if name not in verdict.same and name in ("requestParameters", "errorCode"):
                unclear[name, why.partition(" (")[0]] += 1
    lines += [f"- `{name}`: {why}: {number} record{'' if number == 1 else 's'}" for (name, why), number in sorted(unclear.items())]
    lines += [f"- {kind[0].removesuffix('.amazonaws.com')}:{kind[1]}: {reason}" for kind, reason in sorted(log.left_out.items())]
    return "\n".join(lines) + "\n"

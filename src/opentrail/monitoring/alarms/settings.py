"""What PutMetricAlarm is told: checked as a whole before anything changes. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentrail.monitoring.alarms.verdict import TREATMENTS
from opentrail.monitoring.metrics import names
from opentrail.monitoring.metrics.faults import (
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    MissingRequiredParameterException,
    ValidationError,
)
from opentrail.monitoring.metrics.statistics import SIMPLE, Statistic, statistic
from opentrail.monitoring.values import Metric

COMPARISONS: Final[Mapping[str, str]] = {
    # operator → how reasons spell it
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
LONGEST: Final = 604_800
"""Seconds that all evaluated periods may take together, from `HOUR` on per period."""
LONGEST_SHORT: Final = 86_400
HOUR: Final = 3600
ACTION_LISTS: Final = ("OKActions", "AlarmActions", "InsufficientDataActions")
MOST_ACTIONS: Final = 5
_TOPIC: Final = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]{1,64}):\d{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?")
_FUNCTION: Final = re.compile(r"arn:aws[a-z-]*:lambda:([a-z0-9-]{1,64}):\d{12}:function:[A-Za-z0-9_-]{1,64}(?::[A-Za-z0-9$_-]{1,128})?")
_OTHERS: Final = re.compile(r"arn:aws[a-z-]*:(automate|swf|autoscaling|ssm|ssm-incidents|aiops|lambda|ec2)(:[^\s]*){1,}")

_KEPT: Final = (
    "AlarmDescription ActionsEnabled OKActions AlarmActions InsufficientDataActions MetricName Namespace Statistic ExtendedStatistic "
    "Dimensions Period Unit EvaluationPeriods DatapointsToAlarm Threshold ComparisonOperator TreatMissingData "
    "EvaluateLowSampleCountPercentile Metrics"
)
KEPT: Final = frozenset(_KEPT.split())
UNSERVED: Final[Mapping[str, str]] = {
    "ThresholdMetricId": "OpenTrail has no anomaly detection models. Give a Threshold",
    "EvaluationWindow": "OpenTrail evaluates sliding windows only. Leave EvaluationWindow out",
    "WarmUpConfiguration": "OpenTrail evaluates an alarm at once. Leave WarmUpConfiguration out",
    "EvaluationCriteria": "OpenTrail has no PromQL. Name a metric",
    "EvaluationInterval": "OpenTrail evaluates by the Period of the alarm. Leave EvaluationInterval out",
    "ActionConfiguration": "OpenTrail sends no tags along. Leave ActionConfiguration out",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a metric alarm looks at, and when it finds it too much."""

    metric: Metric
    statistic: Statistic
    period: int
    unit: str | None
    periods: int
    """How many are evaluated (N)."""
    to_alarm: int
    """How many of them must breach (M)."""
    comparison: str
    threshold: float
    treatment: str

    def breaches(self, value: float) -> bool:
        """Whether `value` is on the wrong side of the threshold."""
        match self.comparison:
            case "GreaterThanOrEqualToThreshold":
                return value >= self.threshold
            case "GreaterThanThreshold":
                return value > self.threshold
            case "LessThanThreshold":
                return value < self.threshold
        return value <= self.threshold

    @property
    def step(self) -> int:
        """Seconds by which the window slides (User Guide, "Evaluating an alarm")."""
        if self.period < 60:
            return 10
        return HOUR if self.periods * self.period > LONGEST_SHORT else 60

    @property
    def lasting(self) -> bool:
        """Whether a breach before the end of its period stays one, whatever else comes in."""
        if self.comparison.startswith("Greater"):
            return self.statistic.name in ("Sum", "SampleCount", "Maximum")
        return self.statistic.name == "Minimum"


def checked(given: Mapping[str, Any], *, account_id: str, region: str) -> dict[str, Any]:
    """The settings of a metric alarm to be kept, spelled as the API does. Raises the fault that says what is wrong with them."""
    for member, why in UNSERVED.items():
        if given.get(member):
            raise ValidationError(f"{member} cannot be used here: {why}.")
    kept = {name: value for name, value in given.items() if name in KEPT and value is not None}
    kept["ActionsEnabled"] = given.get("ActionsEnabled", True)
    for list_ in ACTION_LISTS:
        kept[list_] = actions(list_, given.get(list_) or (), region)
    comparison = given.get("ComparisonOperator")
    if comparison not in COMPARISONS:
        if comparison in ("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"):
            raise ValidationError(
                f"{comparison} takes an anomaly detection model, which OpenTrail does not have. Choose of {_listed(COMPARISONS)}."
            )
        raise InvalidParameterValueException(f"The value of ComparisonOperator is not valid. Choose of {_listed(COMPARISONS)}.")
    if given.get("Threshold") is None:
        raise MissingRequiredParameterException("The parameter Threshold is required.")
    if not math.isfinite(given["Threshold"]):
        raise InvalidParameterValueException("The parameter Threshold must be a number.")
    if given.get("Metrics"):
        _check_metrics(given)
    elif given.get("Metrics") is not None:
        kept.pop("Metrics")
    watched(kept, account_id=account_id, region=region)
    return kept


def watched(settings: Mapping[str, Any], *, account_id: str, region: str) -> Watched:
    """What a metric alarm with these settings looks at. Raises the fault that says why there can be none."""
    source = _source(settings)
    metric = names.metric(source, account_id=account_id, region=region)
    period, periods = source.get("Period"), settings.get("EvaluationPeriods")
    if period is None or periods is None:
        raise MissingRequiredParameterException(f"The parameter {'Period' if period is None else 'EvaluationPeriods'} is required.")
    if period not in (10, 20, 30) and (period <= 0 or period % 60):
        raise InvalidParameterValueException("Period must be 10, 20, 30 or a multiple of 60.")
    if periods < 1:
        raise InvalidParameterValueException("EvaluationPeriods must be at least 1.")
    longest = LONGEST if period >= HOUR else LONGEST_SHORT
    if period * periods > longest:
        raise InvalidParameterCombinationException(
            f"Metrics cannot be checked across more than {'a week' if longest == LONGEST else 'a day'} "
            f"(EvaluationPeriods * Period must be <= {longest})."
        )
    to_alarm = settings.get("DatapointsToAlarm", periods)
    if not 1 <= to_alarm <= periods:
        raise ValidationError("DatapointsToAlarm must be at least 1 and at most EvaluationPeriods.")
    treatment = settings.get("TreatMissingData", "missing")
    if treatment not in TREATMENTS:
        raise ValidationError(f"The value of TreatMissingData is not valid. Choose of {', '.join(TREATMENTS)}.")
    low_samples = settings.get("EvaluateLowSampleCountPercentile")
    if low_samples is not None:
        if low_samples not in ("evaluate", "ignore"):
            raise ValidationError("The value of EvaluateLowSampleCountPercentile is not valid. Choose of evaluate, ignore.")
        if "ExtendedStatistic" not in settings:
            raise InvalidParameterCombinationException(
                "EvaluateLowSampleCountPercentile is for alarms on a percentile (ExtendedStatistic)."
            )
    return Watched(
        metric=metric,
        statistic=_statistic(source),
        period=period,
        unit=names.unit(source),
        periods=periods,
        to_alarm=to_alarm,
        comparison=settings["ComparisonOperator"],
        threshold=float(settings["Threshold"]),
        treatment=treatment,
    )


def actions(member: str, given: Sequence[str], region: str) -> list[str]:
    """The actions of one list, each once. Raises `ValidationError` for one that cannot be performed."""
    if len(given) > MOST_ACTIONS:
        raise ValidationError(f"{member} must not have more than {MOST_ACTIONS} actions.")
    for arn in given:
        found = _TOPIC.fullmatch(arn)
        if found is not None:
            if found[1] != region:
                raise ValidationError(f"Invalid region {found[1]} specified. Only {region} is supported.")
            if arn.endswith(".fifo"):
                raise ValidationError(f"OpenTrail has no FIFO topics: {arn} cannot be told. Name a standard topic.")
            continue
        if _FUNCTION.fullmatch(arn) or _OTHERS.fullmatch(arn):
            raise ValidationError(f"OpenTrail cannot perform the action {arn}. Name an SNS topic, and have it call what is to be done.")
        raise ValidationError(f"Invalid arn syntax: {arn}")
    return list(dict.fromkeys(given))


def _source(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where metric, period and statistic stand: in the settings, or in their one query."""
    if not settings.get("Metrics"):
        return settings
    stat = settings["Metrics"][0]["MetricStat"]
    named = statistic(stat["Stat"])
    member = "Statistic" if named is not None and named.percent is None else "ExtendedStatistic"
    return {**stat["Metric"], "Period": stat["Period"], member: stat["Stat"], **({"Unit": stat["Unit"]} if stat.get("Unit") else {})}


def _statistic(source: Mapping[str, Any]) -> Statistic:
    simple, extended = source.get("Statistic"), source.get("ExtendedStatistic")
    if simple and extended:
        raise InvalidParameterCombinationException("Statistic and ExtendedStatistic cannot both be given.")
    if not simple and not extended:
        raise MissingRequiredParameterException("One of the parameters Statistic and ExtendedStatistic is required.")
    found = statistic(str(simple or extended))
    if found is None or (found.percent is None) != bool(simple):
        raise InvalidParameterValueException(
            f"The statistic {str(simple or extended)[:100]} is not valid. Statistic is one of {', '.join(SIMPLE)}; "
            "ExtendedStatistic a percentile, p0.0 to p100."
        )
    return found


def _check_metrics(given: Mapping[str, Any]) -> None:
    """An alarm may name its metric in a query; there is one query, since there is no metric math."""
    for member in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit"):
        if given.get(member):
            raise InvalidParameterCombinationException(f"{member} cannot be used together with Metrics.")
    queries = given["Metrics"]
    if len(queries) != 1 or not queries[0].get("MetricStat") or queries[0].get("Expression"):
        raise ValidationError("OpenTrail has no metric math: Metrics must be one query with a MetricStat.")
    if not queries[0].get("ReturnData", True):
        raise ValidationError("Exactly one element of Metrics must have ReturnData true.")


def _listed(words: Mapping[str, Any]) -> str:
    return ", ".join(words)

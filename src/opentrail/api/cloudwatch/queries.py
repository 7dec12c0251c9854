"""The queries of GetMetricData. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentrail.monitoring.metrics import names
from opentrail.monitoring.metrics.faults import ValidationError
from opentrail.monitoring.metrics.statistics import Statistic, statistic
from opentrail.monitoring.values import Metric

MOST: Final = 500
_ID: Final = re.compile(r"[a-z][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One series that is asked for."""

    id: str
    label: str
    metric: Metric
    statistic: Statistic
    period: int
    unit: str | None


def queries(given: Sequence[Mapping[str, Any]], *, account_id: str, region: str) -> list[Query]:
    """Those whose data are to be returned. Raises `ValidationError` when one of them cannot be answered."""
    if not given or len(given) > MOST:
        raise ValidationError(f"MetricDataQueries must have 1 to {MOST} queries.")
    seen: set[str] = set()
    found: list[Query] = []
    for query in given:
        id_ = query["Id"]
        if not _ID.fullmatch(id_):
            raise ValidationError(
                f"The id {id_[:100]} is not valid: it begins with a small letter; letters, digits and underscores follow."
            )
        if id_ in seen:
            raise ValidationError(f"The id {id_} is given twice.")
        seen.add(id_)
        if query.get("Expression"):
            raise ValidationError(f"OpenTrail has no metric math and no Metrics Insights: query {id_} must have a MetricStat.")
        if not query.get("MetricStat"):
            raise ValidationError(f"Query {id_} must have a MetricStat.")
        if query.get("AccountId") not in (None, account_id):
            raise ValidationError(f"Query {id_} names another account; OpenTrail links no monitoring accounts.")
        stat = query["MetricStat"]
        named = statistic(stat["Stat"])
        if named is None:
            raise ValidationError(
                f"The statistic {stat['Stat'][:100]} of query {id_} is not valid: Sum, Average, …, or a percentile, p0.0 to p100."
            )
        metric = names.metric(stat["Metric"], account_id=account_id, region=region)
        if query.get("ReturnData", True):
            found.append(
                Query(
                    id=id_,
                    label=query.get("Label") or metric.name,
                    metric=metric,
                    statistic=named,
                    period=stat["Period"],
                    unit=names.unit(stat),
                )
            )
    return found

"""What ListInsightsData and ListInsightsMetricData refuse (reference of history and Insights, §10 and §11)."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class InvalidParameterException(Fault):
    """The request includes a parameter that is not valid."""


class OperationNotPermittedException(Fault):
    """This account may not do that."""


class ThrottlingException(Fault):
    """Rate exceeded."""

"""Metric filters and subscription filters of log groups: what clients put (`metric_filters`, `subscription_filters`), and what follows of
each log event (`measuring`, `subscribing`, `delivering`)."""

from opentrail.monitoring.filters.delivering import Delivering
from opentrail.monitoring.filters.following import Following
from opentrail.monitoring.filters.measuring import Measuring
from opentrail.monitoring.filters.metric_filters import MetricFilters, tested
from opentrail.monitoring.filters.subscribing import Subscribing
from opentrail.monitoring.filters.subscription_filters import SubscriptionFilters

__all__ = ["Delivering", "Following", "Measuring", "MetricFilters", "Subscribing", "SubscriptionFilters", "tested"]

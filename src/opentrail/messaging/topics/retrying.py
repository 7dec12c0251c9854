"""When a delivery that failed is tried again (SNS developer guide, "Amazon SNS message delivery retries"). Pure.

Four phases: at once, pre-backoff (the shortest delay), backoff (from the shortest to the longest), post-backoff (the longest). For HTTP
the delivery policies of topic and subscription say how many of each; for queues, and for mail and the like, the guide does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from opentrail.messaging.topics.faults import InvalidParameterException

LONGEST: Final = 3600
"""Seconds that all retries of a delivery policy may take together, and that one delay may be."""
MAX_RETRIES: Final = 100
CONTENT_TYPE: Final = "text/plain; charset=UTF-8"
"""What HTTP deliveries say of themselves when no request policy tells otherwise."""
CONTENT_TYPES: Final = frozenset(
    {
        "application/atom+xml", "application/json", "application/octet-stream", "application/soap+xml", "application/x-www-form-urlencoded",
        "application/xhtml+xml", "application/xml", "text/css", "text/csv", "text/html", "text/plain", "text/xml",
    }
)  # fmt: skip
"""Content types that a request policy can ask for; a charset may follow."""

_COUNTS: Final = ("numRetries", "numNoDelayRetries", "numMinDelayRetries", "numMaxDelayRetries")
_RETRY_MEMBERS: Final = frozenset({*_COUNTS, "minDelayTarget", "maxDelayTarget", "backoffFunction"})
_TOPIC_MEMBERS: Final = frozenset(
    {"defaultHealthyRetryPolicy", "disableSubscriptionOverrides", "defaultThrottlePolicy", "defaultRequestPolicy"}
)
_SUBSCRIPTION_MEMBERS: Final = frozenset({"healthyRetryPolicy", "sicklyRetryPolicy", "throttlePolicy", "requestPolicy", "guaranteed"})
_BACKOFFS: Final = {
    # share of the retries of the phase that are done → share of the way from the shortest to the longest delay
    "linear": lambda done: done,
    "arithmetic": lambda done: done * (1 + done) / 2,
    "geometric": lambda done: done * done,
    "exponential": lambda done: (2 ** (10 * done) - 1) / 1023,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """A retry policy, in the words of delivery policies; delays in seconds."""

    minDelayTarget: float = 20
    maxDelayTarget: float = 20
    numRetries: int = 3
    numMaxDelayRetries: int = 0
    numNoDelayRetries: int = 0
    numMinDelayRetries: int = 0
    backoffFunction: str = "linear"

    def delay(self, attempts: int) -> float | None:
        """Seconds between failure number `attempts` (from 1) and the next attempt; `None`: that was the last one."""
        number = attempts - 1
        if number >= self.numRetries:
            return None
        if number < self.numNoDelayRetries:
            return 0.0
        number -= self.numNoDelayRetries
        if number < self.numMinDelayRetries:
            return float(self.minDelayTarget)
        number -= self.numMinDelayRetries
        backoff = self.numRetries - self.numNoDelayRetries - self.numMinDelayRetries - self.numMaxDelayRetries
        if number >= backoff:
            return float(self.maxDelayTarget)
        share = _BACKOFFS[self.backoffFunction](number / (backoff - 1) if backoff > 1 else 0.0)
        return float(self.minDelayTarget + (self.maxDelayTarget - self.minDelayTarget) * share)


QUEUE: Final = RetryPolicy(
    numRetries=100_015, numNoDelayRetries=3, numMinDelayRetries=2, numMaxDelayRetries=100_000,
    minDelayTarget=1, maxDelayTarget=20, backoffFunction="exponential",
)  # fmt: skip
"""To queues: 23 days."""
MAIL: Final = RetryPolicy(
    numRetries=50, numMinDelayRetries=2, numMaxDelayRetries=38, minDelayTarget=10, maxDelayTarget=600, backoffFunction="exponential"
)
"""To mail, text messages and chat: some six hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPolicy:
    """How messages go to one HTTP endpoint."""

    retry: RetryPolicy = RetryPolicy()
    per_second: int | None = None
    content_type: str = CONTENT_TYPE


def effective(topic: str | None, subscription: str | None = None) -> DeliveryPolicy:
    """What holds under the delivery policies (JSON texts that have been checked) of a topic and of a subscription to it."""
    http = (_read(topic) if topic else {}).get("http") or {}
    own = _read(subscription) if subscription and not http.get("disableSubscriptionOverrides") else {}
    throttle = own.get("throttlePolicy") or http.get("defaultThrottlePolicy") or {}
    request = own.get("requestPolicy") or http.get("defaultRequestPolicy") or {}
    return DeliveryPolicy(
        retry=_retry(own.get("healthyRetryPolicy") or http.get("defaultHealthyRetryPolicy") or {}),
        per_second=throttle.get("maxReceivesPerSecond"),
        content_type=request.get("headerContentType") or CONTENT_TYPE,
    )


def shown_for_topic(policy: str | None) -> str:
    """`EffectiveDeliveryPolicy` of a topic."""
    found = effective(policy)
    http = (_read(policy) if policy else {}).get("http") or {}
    shown: dict[str, Any] = {
        "defaultHealthyRetryPolicy": asdict(found.retry),
        "disableSubscriptionOverrides": bool(http.get("disableSubscriptionOverrides")),
    }
    if found.per_second is not None:
        shown["defaultThrottlePolicy"] = {"maxReceivesPerSecond": found.per_second}
    shown["defaultRequestPolicy"] = {"headerContentType": found.content_type}
    return _text({"http": shown})


def shown_for_subscription(topic: str | None, subscription: str | None) -> str:
    """`EffectiveDeliveryPolicy` of a subscription."""
    found = effective(topic, subscription)
    throttle = None if found.per_second is None else {"maxReceivesPerSecond": found.per_second}
    return _text(
        {
            "healthyRetryPolicy": asdict(found.retry),
            "sicklyRetryPolicy": None,
            "throttlePolicy": throttle,
            "requestPolicy": {"headerContentType": found.content_type},
            "guaranteed": False,
        }
    )


def check_topic(text: str) -> None:
    """Whether `text` can be the delivery policy of a topic. Raises `InvalidParameter`."""
    given = _read(text)
    _members(given, {"http"})
    http = _object(given, "http")
    _members(http, _TOPIC_MEMBERS)
    _check_retry(_object(http, "defaultHealthyRetryPolicy"))
    _check_throttle(_object(http, "defaultThrottlePolicy"))
    _check_request(_object(http, "defaultRequestPolicy"))
    if not isinstance(http.get("disableSubscriptionOverrides", False), bool):
        raise _wrong("http.disableSubscriptionOverrides must be a boolean")


def check_subscription(text: str) -> None:
    """Whether `text` can be the delivery policy of a subscription. Raises `InvalidParameter`."""
    given = _read(text)
    _members(given, _SUBSCRIPTION_MEMBERS)
    for member in ("healthyRetryPolicy", "sicklyRetryPolicy"):
        _check_retry(_object(given, member))
    _check_throttle(_object(given, "throttlePolicy"))
    _check_request(_object(given, "requestPolicy"))
    if not isinstance(given.get("guaranteed", False), bool):
        raise _wrong("guaranteed must be a boolean")


def _retry(given: Mapping[str, Any]) -> RetryPolicy:
    return RetryPolicy(**{name: value for name, value in given.items() if value is not None})


def _check_retry(given: Mapping[str, Any]) -> None:
    _members(given, _RETRY_MEMBERS)
    for name in _COUNTS:
        _whole(given, name, 0, MAX_RETRIES)
    for name in ("minDelayTarget", "maxDelayTarget"):
        _whole(given, name, 1, LONGEST)
    if given.get("backoffFunction", "linear") not in _BACKOFFS:
        raise _wrong(f"backoffFunction must be one of {', '.join(_BACKOFFS)}")
    policy = _retry(given)
    if policy.minDelayTarget > policy.maxDelayTarget:
        raise _wrong("minDelayTarget must not be greater than maxDelayTarget")
    if policy.numNoDelayRetries + policy.numMinDelayRetries + policy.numMaxDelayRetries > policy.numRetries:
        raise _wrong("numRetries must be at least the sum of numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries")
    if sum(policy.delay(number) or 0 for number in range(1, policy.numRetries + 1)) > LONGEST:
        raise _wrong(f"the retries must not take more than {LONGEST} seconds together")


def _check_throttle(given: Mapping[str, Any]) -> None:
    _members(given, {"maxReceivesPerSecond"})
    _whole(given, "maxReceivesPerSecond", 1, 1_000_000)


def _check_request(given: Mapping[str, Any]) -> None:
    _members(given, {"headerContentType"})
    wanted = given.get("headerContentType")
    if wanted is None:
        return
    kind, _, charset = wanted.partition(";") if isinstance(wanted, str) else ("", "", "")
    plain = all(letter.isascii() and (letter.isalnum() or letter in " -=_") for letter in charset)
    if kind.strip().lower() not in CONTENT_TYPES or not plain:
        raise _wrong(f"headerContentType must be one of {', '.join(sorted(CONTENT_TYPES))}")


def _whole(given: Mapping[str, Any], name: str, low: int, high: int) -> None:
    value = given.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high):
        raise _wrong(f"{name} must be a whole number from {low} to {high}")


def _object(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = given.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _wrong(f"{name} must be an object")
    return found


def _members(given: Mapping[str, Any], known: set[str] | frozenset[str]) -> None:
    for name in given:
        if name not in known:
            raise _wrong(f"Unexpected JSON member: {name[:100]}")


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong("failed to parse JSON") from None
    if not isinstance(found, dict):
        raise _wrong("a JSON object is expected")
    return found


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _wrong(why: str) -> InvalidParameterException:
    return InvalidParameterException(f"Invalid parameter: DeliveryPolicy: {why}")

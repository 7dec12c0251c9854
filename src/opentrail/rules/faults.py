"""What EventBridge answers when it cannot do as asked. Codes and statuses are those of botocore's model."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class InvalidEventPatternException(Fault):
    """The event pattern is not valid."""

"""What a verb tells a person when it cannot go on."""

from __future__ import annotations

from opentrail.errors import OpenTrailError


class NotSetUp(OpenTrailError):
    """No OpenTrail has been started in this data folder yet; start it with `opentrail serve`."""


class CallFailed(OpenTrailError):
    """OpenTrail refused the call."""

"""EventBridge's event patterns: the whole language, and finding the matching ones among thousands. Pure: no I/O, no clock.

    pattern = compiled('{"source": ["aws.s3"], "detail": {"eventName": [{"prefix": "Delete"}]}}')
    pattern.matches(event)
    patterns = PatternSet({"rule-1": pattern, "rule-2": another})
    patterns.matching(event)  # ["rule-1"]

An event is JSON as parsed: `dict`, `list` (within it none derived from them), `str`, `int`, `float`, `bool`, `None`.
Source of the rules: the pages of the EventBridge guide on event patterns, and what aws/event-ruler (which the service is built on)
does where they are silent.
"""

from opentrail.rules.patterns.pattern import Pattern, compiled
from opentrail.rules.patterns.pattern_set import PatternSet

__all__ = ["Pattern", "PatternSet", "compiled"]

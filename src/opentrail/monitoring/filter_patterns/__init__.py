"""The filter patterns of CloudWatch Logs (user guide, "Filter pattern syntax"): compiled once, then asked of messages. Pure.

pattern = compiled('{ $.eventName = "ConsoleLogin" }')
pattern.matches(Message(text))
"""

from opentrail.monitoring.filter_patterns.message import Message
from opentrail.monitoring.filter_patterns.pattern import FilterPattern, compiled
from opentrail.monitoring.filter_patterns.pattern_set import PatternSet

__all__ = ["FilterPattern", "Message", "PatternSet", "compiled"]

"""Event selectors: what a trail or an event data store takes of all that happens (reference of trails, §6-§7). Pure.

    stored = {"AdvancedEventSelectors": checked_advanced(given, owner="trail")}     # or checked_basic; raises SelectorError
    matcher = compiled(stored)                                                      # once, when the selectors change
    matcher.may(Kind(...))                                                          # before a call: could any event of it match?
    matcher.matches(facts)                                                          # of each record: does it?

`types` and `fields` hold what CloudTrail allows, as data; `basic` and `advanced` check and compile the two kinds of selectors.
"""

from opentrail.events.selectors.advanced import checked_advanced
from opentrail.events.selectors.basic import DEFAULT, checked_basic
from opentrail.events.selectors.facts import Caller, Facts, Kind, Resource
from opentrail.events.selectors.matching import Matcher, SelectorError, compiled

__all__ = ["DEFAULT", "Caller", "Facts", "Kind", "Matcher", "Resource", "SelectorError", "checked_advanced", "checked_basic", "compiled"]

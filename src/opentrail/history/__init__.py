"""Event history: `LookupEvents`, a fixed set of questions to the event store.

`Lookup.from_parameters` reads the request where it arrives, `answer` makes the page where the events are; plain values pass between them.
"""

from opentrail.history.answer import answer
from opentrail.history.lookup import Lookup

__all__ = ["Lookup", "answer"]

"""The journal: a durable, ordered log of records. Append, read, follow, trim.

One process appends (`Journal`), any process reads (`Reader`) and follows from a position that it saves itself
(`positions.Positions`); `trim` removes what every follower is done with. Positions are whole numbers from 1, one per record, in the
order of the appends, and never given out twice.
"""

from opentrail.journal.reader import Entry, Reader
from opentrail.journal.room import Reservation
from opentrail.journal.trimming import trim
from opentrail.journal.writer import Journal

__all__ = ["Entry", "Journal", "Reader", "Reservation", "trim"]

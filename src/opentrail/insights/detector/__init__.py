"""The detector of Insights: when is a number of calls in a minute unusual? Pure functions of counts and time.

One `State` for each series (an account, a Region, a source and a name; for error rates also a code) holds what is remembered.

    state = State.new(since=minute_when_watching_began)          # silence from there on is knowledge, too
    for turn in step(state, minute, count): ...                  # minutes in order; what lies between was silent
    for turn in advance(state, minute): ...                      # silent up to and with this minute
    for turn in unseen(state, minute): ...                       # nothing is known of what lies before this minute
    close_past(state, minute)                                    # nothing is told of what lies before this minute
    wakes(state)                                                 # the next minute at which silence could tell something
    state.encoded(), State.decoded(data)                         # to survive a restart

A `Turn` says that an episode began or ended; of one series at most one is open at a time, and each that began ends once.
Minutes are whole minutes since 1970 (UTC). Nothing here reads a clock.
"""

from opentrail.insights.detector.gaps import close_past as close_past
from opentrail.insights.detector.gaps import unseen as unseen
from opentrail.insights.detector.state import State as State
from opentrail.insights.detector.steps import advance as advance
from opentrail.insights.detector.steps import step as step
from opentrail.insights.detector.steps import wakes as wakes
from opentrail.insights.detector.turns import Direction as Direction
from opentrail.insights.detector.turns import Turn as Turn

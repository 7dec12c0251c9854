"""The zygote with a language of its own: DuckDB's SQL, with the names of the result in a comment ahead.

`/* name, count */ SELECT …`; the id of a store is written bare, as in Lake. What begins with `refuse` is refused, with the rest as message.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from opentrail.lake.families import Family
from opentrail.lake.faults import InvalidQueryStatementException
from opentrail.lake.names import UUID
from opentrail.lake.queries import zygote
from opentrail.lake.sql.translation import Translated


def translate(statement: str, families: Mapping[str, Family], *, enriched: Collection[str] = ()) -> Translated:
    """As `lake.sql.translation.translate`."""
    if statement.startswith("refuse"):
        raise InvalidQueryStatementException(statement.removeprefix("refuse").strip())
    match = re.match(r"/\*(.*?)\*/(.*)", statement, re.DOTALL)
    assert match is not None
    return Translated(sql=re.sub(f"({UUID})", r'"store_\1"', match[2]), columns=tuple(name.strip() for name in match[1].split(",")))


if __name__ == "__main__":
    zygote.main(translate, rehearsal=None)

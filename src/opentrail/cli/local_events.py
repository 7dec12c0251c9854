"""Events of applications, asked of the running server by a socket that only the owner of the data folder can open."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opentrail.cli.failures import CallFailed, NotSetUp
from opentrail.errors import JournalError, SettingError
from opentrail.events.activity import CATEGORY
from opentrail.history import Lookup
from opentrail.journal import Reader
from opentrail.link import Link
from opentrail.server.folder import DataFolder
from opentrail.wire.faults import Fault


def application_events(folder: DataFolder, question: Mapping[str, Any], *, region: str | None, most: int) -> list[dict[str, Any]]:
    """Events of the default account that answer `question` (parameters of LookupEvents), newest first, as LookupEvents prints them.

    Raises `NotSetUp` when no server has run in the folder, `SettingError` for a question that cannot be asked, `CallFailed` when there
    is no answer.
    """
    address = folder.read_address()
    if not address.get("link") or not address.get("account_id"):
        raise NotSetUp(f"No server has run in {folder.root}: start one (`opentrail serve`), or name --data-dir.")
    where = region or address["region"]
    try:
        lookup = Lookup.from_parameters(question, address["account_id"], where, datetime.now(UTC))
    except Fault as fault:
        raise SettingError(fault.message) from fault
    try:
        reader = Reader(folder.journal)
        try:
            head = reader.head()
        finally:
            reader.close()
        payload = {"lookup": replace(lookup, category=CATEGORY, max_results=most).as_dict(), "at_least": head}
        page = asyncio.run(_asked(Path(address["link"]), payload))
    except (Fault, JournalError) as error:
        raise CallFailed(error.message if isinstance(error, Fault) else str(error)) from error
    return [{**event, "EventTime": datetime.fromtimestamp(event["EventTime"], UTC)} for event in page["Events"]]


async def _asked(path: Path, payload: Any) -> Any:
    link = Link(path, patience=1.0)
    try:
        return await link.ask("lookup", payload)
    finally:
        await link.close()

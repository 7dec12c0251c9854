"""The operations on dashboards: wire members to values and back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opentrail.api.call import Call, Handler, Need
from opentrail.api.cloudtrail import token_pages
from opentrail.lake import names
from opentrail.lake.dashboards import checks, refreshing
from opentrail.lake.dashboards.control import Dashboards
from opentrail.lake.dashboards.dashboard import Dashboard, Wanted
from opentrail.lake.dashboards.widgets import Widget
from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.names import Named, Place
from opentrail.trails import tags
from opentrail.wire.faults import Fault, ValidationException

Ask = Callable[[str, Any], Awaitable[Any]]
"""Asks the role `lake`."""
_MOST = 1000
_TYPES = ("MANAGED", "CUSTOM")


class DashboardOperations:
    """CreateDashboard … StartDashboardRefresh. Handlers are coroutines: what waits for the database does so in a thread."""

    def __init__(self, dashboards: Dashboards, ask: Ask, partition_of: Callable[[str], str]) -> None:
        self._dashboards = dashboards
        self._ask = ask
        self._partition_of = partition_of
        self.operations: Mapping[str, Handler] = {
            "CreateDashboard": self.create_dashboard,
            "UpdateDashboard": self.update_dashboard,
            "DeleteDashboard": self.delete_dashboard,
            "GetDashboard": self.get_dashboard,
            "ListDashboards": self.list_dashboards,
            "StartDashboardRefresh": self.start_dashboard_refresh,
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """The action on the dashboard; whoever has queries run by hand must be allowed to start them on the stores too."""
        action = f"cloudtrail:{call.operation}"
        if call.operation == "ListDashboards":
            return [Need(action=action)]
        place = self._place(call)
        given = call.parameters
        if call.operation == "CreateDashboard":
            arn = Named(partition=place.partition, region=place.region, account_id=place.account_id, kind="dashboard", id=given["Name"]).arn
            asked = given.get("TagsList") or ()
            context = {f"aws:RequestTag/{tag['Key']}": (tag.get("Value") or "",) for tag in asked}
            if asked:
                context["aws:TagKeys"] = tuple(tag["Key"] for tag in asked)
            needs = [Need(action=action, resource=arn, context=context)]
            return [*needs, Need(action="cloudtrail:AddTags", resource=arn, context=context)] if asked else needs
        named = names.dashboard(given["DashboardId"], place)
        context = {}
        stores: Sequence[EventDataStore] = ()
        with contextlib.suppress(Fault):  # the handler says it, to those who may hear it
            tagged = self._dashboards.get(place, given["DashboardId"]).tags
            context = {f"aws:ResourceTag/{key}": (value,) for key, value in tagged.items()}
            if call.operation == "StartDashboardRefresh":
                stores = self._dashboards.stores_to_refresh(place, given["DashboardId"], given.get("QueryParameterValues") or {})
        return [
            Need(action=action, resource=named.arn, context=context),
            *(Need(action="cloudtrail:StartQuery", resource=one.arn) for one in stores),
        ]

    async def create_dashboard(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        place = self._place(call)
        tagged = {key: value or "" for key, value in tags.checked(given.get("TagsList") or ()).items()}
        widgets = await self._widgets(place, given.get("Widgets"), None)
        made = await asyncio.to_thread(self._dashboards.create, place, given["Name"], _wanted(given, widgets), tagged)
        return {**_settings(made), "TagsList": [{"Key": key, "Value": value} for key, value in made.tags.items()]}

    async def update_dashboard(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        place = self._place(call)
        widgets = await self._widgets(place, given.get("Widgets"), given["DashboardId"])
        return _settings(await asyncio.to_thread(self._dashboards.update, place, given["DashboardId"], _wanted(given, widgets))) | _times(
            await asyncio.to_thread(self._dashboards.get, place, given["DashboardId"])
        )

    async def delete_dashboard(self, call: Call) -> Mapping[str, Any]:
        await asyncio.to_thread(self._dashboards.delete, self._place(call), call.parameters["DashboardId"])
        return {}

    async def get_dashboard(self, call: Call) -> Mapping[str, Any]:
        found = await asyncio.to_thread(self._dashboards.get, self._place(call), call.parameters["DashboardId"])
        last = {"LastRefreshId": found.last_refresh_id, "LastRefreshFailureReason": found.last_refresh_failure_reason}
        return {
            **{name: value for name, value in _settings(found).items() if name != "Name"},
            "Status": found.status,
            **_times(found),
            **{name: value for name, value in last.items() if value is not None},
        }

    async def list_dashboards(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        prefix, kind, most = given.get("NamePrefix"), given.get("Type"), given.get("MaxResults")
        if prefix is not None and not names.DASHBOARD_NAME.fullmatch(prefix):
            raise ValidationException("NamePrefix is not valid: 3 to 128 letters, digits, hyphens and underscores.")
        if kind is not None and kind not in _TYPES:
            raise ValidationException(f"Type is {str(kind)[:40]!r}: it is one of {', '.join(_TYPES)}.")
        if most is not None and not 1 <= most <= _MOST:
            raise ValidationException(f"MaxResults is {most}: it is 1 to {_MOST}.")
        found = await asyncio.to_thread(self._dashboards.list, self._place(call))
        wanted = [(arn, of) for arn, of in found if kind in (None, of) and arn.rpartition("/")[2].startswith(prefix or "")]
        filters = {"NamePrefix": prefix, "Type": kind, "Account": call.account_id, "Region": call.region}
        shown, token = token_pages.page(wanted, most or _MOST, given.get("NextToken"), filters, key=lambda one: one[0])
        answer: dict[str, Any] = {"Dashboards": [{"DashboardArn": arn, "Type": of} for arn, of in shown]}
        return answer | ({"NextToken": token} if token else {})

    async def start_dashboard_refresh(self, call: Call) -> Mapping[str, Any]:
        """The refresh stands in the database first, then its queries are started: those that can be have begun when the answer leaves."""
        given = call.parameters
        values = given.get("QueryParameterValues") or {}
        begun = await asyncio.to_thread(self._dashboards.begin_refresh, self._place(call), given["DashboardId"], values)
        with contextlib.suppress(Fault):  # the role is away: it finds the refresh when it is back
            await self._ask(refreshing.QUESTION, begun)
        return {"RefreshId": begun}

    async def _widgets(self, place: Place, given: Any, dashboard: str | None) -> tuple[Widget, ...] | None:
        if given is None:
            return None
        drafted = await asyncio.to_thread(self._dashboards.draft, place, given, dashboard)
        if drafted:
            await self._ask(checks.QUESTION, checks.question(drafted))
        return drafted

    def _place(self, call: Call) -> Place:
        return Place(partition=self._partition_of(call.region), region=call.region, account_id=call.account_id)


def _wanted(given: Mapping[str, Any], widgets: tuple[Widget, ...] | None) -> Wanted:
    return Wanted(
        widgets=widgets,
        refresh_schedule=given.get("RefreshSchedule"),
        termination_protection_enabled=given.get("TerminationProtectionEnabled"),
    )


def _settings(shown: Dashboard) -> dict[str, Any]:
    found: dict[str, Any] = {
        "DashboardArn": shown.arn,
        "Name": shown.name,
        "Type": shown.type,
        "Widgets": [widget.as_wire() for widget in shown.widgets],
        "TerminationProtectionEnabled": shown.termination_protection_enabled,
    }
    return found | ({"RefreshSchedule": dict(shown.refresh_schedule)} if shown.refresh_schedule else {})


def _times(shown: Dashboard) -> dict[str, Any]:
    times = {"CreatedTimestamp": shown.created_timestamp, "UpdatedTimestamp": shown.updated_timestamp}
    return {name: datetime.fromtimestamp(at, UTC) for name, at in times.items() if at is not None}

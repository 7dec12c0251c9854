"""SearchSampleQueries and GenerateQuery: queries that somebody has thought of, and queries from questions in words."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Handler, Need
from opentrail.api.cloudtrail import token_pages
from opentrail.lake import names
from opentrail.lake.dashboards import checks
from opentrail.lake.faults import GenerateResponseException, InvalidParameterException
from opentrail.lake.names import Place
from opentrail.lake.neighbours import Stores
from opentrail.lake.questions.control import Questions
from opentrail.lake.samples.search import Found, search
from opentrail.lake.sql.scanning import store_ids
from opentrail.wire.faults import Fault

Ask = Callable[[str, Any], Awaitable[Any]]
"""Asks the role `lake`."""
_PHRASE = re.compile(r"[ -~\n]*")
_DEFAULT, _MOST = 10, 50
_BEST = 1.0


class SampleQueryOperations:
    """Both operations. Neither runs a query."""

    def __init__(self, questions: Questions, stores: Stores, ask: Ask, partition_of: Callable[[str], str]) -> None:
        self._questions = questions
        self._stores = stores
        self._ask = ask
        self._partition_of = partition_of
        self.operations: Mapping[str, Handler] = {
            "SearchSampleQueries": self.search_sample_queries,
            "GenerateQuery": self.generate_query,
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """`cloudtrail:SearchSampleQueries`; for a question, `cloudtrail:GenerateQuery` on the store, whose own policy counts."""
        action = f"cloudtrail:{call.operation}"
        if call.operation == "SearchSampleQueries":
            return [Need(action=action)]
        place = self._place(call)
        needs: list[Need] = []
        for given in call.parameters["EventDataStores"]:
            try:
                named = names.event_data_store(given, place)
            except Fault:  # the handler says it
                needs.append(Need(action=action))
                continue
            store = self._stores.get(named.id)
            policy = store.resource_policy if store else None
            needs.append(
                Need(
                    action=action,
                    resource=store.arn if store else named.arn,
                    resource_policy=policy,
                    resource_account_id=store.account_id if store else None,
                )
            )
        return needs or [Need(action=action)]

    def search_sample_queries(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        phrase, most = given["SearchPhrase"], given.get("MaxResults")
        if not 2 <= len(phrase) <= 1000 or not _PHRASE.fullmatch(phrase):
            raise InvalidParameterException("SearchPhrase is not valid: 2 to 1000 printable ASCII characters.")
        if most is not None and not 1 <= most <= _MOST:
            raise InvalidParameterException(f"MaxResults is {most}: it is 1 to {_MOST}.")
        request = {"SearchPhrase": phrase}
        shown, token = token_pages.page(search(phrase), most or _DEFAULT, given.get("NextToken"), request, key=_rank)
        answer: dict[str, Any] = {"SearchResults": [_result(found) for found in shown]}
        return answer | ({"NextToken": token} if token else {})

    async def generate_query(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        place = self._place(call)
        draft = await asyncio.to_thread(self._questions.draft, place, given["EventDataStores"], given["Prompt"])
        if draft.foreign:
            if store_ids(draft.statement) != (draft.store.id,):
                raise GenerateResponseException("The language model gave a query over something else than the event data store.")
            try:
                await self._ask(checks.QUESTION, [draft.statement])
            except Fault as refused:
                if refused.code != "InvalidQueryStatementException":
                    raise
                raise GenerateResponseException(f"The language model gave a query that cannot be run: {refused.message}") from None
        made = await asyncio.to_thread(self._questions.keep, place, draft)
        return {"QueryStatement": made.statement, "QueryAlias": made.alias, "EventDataStoreOwnerAccountId": made.owner_account_id}

    def _place(self, call: Call) -> Place:
        return Place(partition=self._partition_of(call.region), region=call.region, account_id=call.account_id)


def _rank(found: Found) -> str:
    """Text in whose order the results are: the better before the worse, the same by name."""
    return f"{_BEST - found.relevance:.6f} {found.sample.name}"


def _result(found: Found) -> dict[str, Any]:
    sample = found.sample
    return {"Name": sample.name, "Description": sample.description, "SQL": sample.sql, "Relevance": found.relevance}

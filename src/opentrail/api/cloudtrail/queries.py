"""The operations on queries: what is asked is checked here, run by the lake, and read back from state database and result files."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from opentrail.api.call import Call, Handler, Need, Result
from opentrail.api.cloudtrail import query_requests as requests
from opentrail.lake import names
from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.faults import (
    EventDataStoreNotFoundException,
    InsufficientS3BucketPolicyException,
    InvalidParameterException,
    QueryIdNotFoundException,
    S3BucketDoesNotExistException,
)
from opentrail.lake.neighbours import Aliases, ResultBucket, Stores
from opentrail.lake.queries import asking, places, results, statements, store, tokens
from opentrail.lake.queries.query import FINISHED, KEPT, TIMED_OUT, FewRows, Query
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

Ask = Callable[[str, Any], Awaitable[Any]]
"""Sends a question by name to the lake, and gives its answer back."""

_NO_OWNER: Final = "To use a query on event data stores of another account, give that account as EventDataStoreOwnerAccountId."


class QueryOperations:
    """StartQuery, DescribeQuery, GetQueryResults, CancelQuery, ListQueries."""

    def __init__(
        self,
        database: Database,
        *,
        stores: Stores,
        aliases: Aliases,
        bucket: ResultBucket,
        store_ids: Callable[[str], tuple[str, ...]],
        ask: Ask,
        head: Callable[[], int],
        folder: Path,
        secret: bytes,
        partition: Callable[[str], str] = lambda _: "aws",
    ) -> None:
        """`store_ids` tells the stores that a statement names, `head` the journal's newest position, without blocking; `folder` holds the
        results."""
        self._database = database
        self._stores = stores
        self._aliases = aliases
        self._bucket = bucket
        self._store_ids = store_ids
        self._ask = ask
        self._head = head
        self._folder = folder
        self._secret = secret
        self._partition = partition
        self.operations: Mapping[str, Handler] = {
            "StartQuery": self.start_query,
            "DescribeQuery": self.describe_query,
            "GetQueryResults": self.get_query_results,
            "CancelQuery": self.cancel_query,
            "ListQueries": self.list_queries,
        }
        database.create(store.METADATA)

    def needs(self, call: Call) -> Sequence[Need]:
        """The operation's action on every store of the query, which their resource policies may give to other accounts."""
        action = f"cloudtrail:{call.operation}"
        if call.operation == "StartQuery":
            statement = call.parameters.get("QueryStatement") or self._aliased(call) or ""
            found = self._store_ids(statement)
        elif call.operation == "ListQueries":
            found = (self._named(call, call.parameters["EventDataStore"]).id,)
        else:
            query = self._query(call)
            found = query.store_ids if query is not None else ()
        owner = call.parameters.get("EventDataStoreOwnerAccountId") or call.account_id
        return [self._need(call, action, store_id, owner) for store_id in found] or [Need(action=action)]

    def _need(self, call: Call, action: str, store_id: str, owner: str) -> Need:
        held = self._stores.get(store_id)
        if held is None or (held.account_id != owner and call.operation != "ListQueries"):
            place = self._place(call)
            return Need(action=action, resource=names.event_data_store(store_id, place).arn)
        tags = {f"aws:ResourceTag/{key}": (value,) for key, value in held.tags.items()}
        return Need(
            action=action, resource=held.arn, context=tags, resource_policy=held.resource_policy, resource_account_id=held.account_id
        )

    async def start_query(self, call: Call) -> Result:
        """Check, and have the lake run it. Every call that was answered before this one arrived is among what is read."""
        at_least = self._head()
        asked = await asyncio.to_thread(self._asked, call, at_least)
        answer = await self._ask(asking.START, asked.as_dict())
        return {"QueryId": answer["QueryId"], **_owner(call)}

    def _asked(self, call: Call, at_least: int) -> asking.Start:
        given = requests.start(call.parameters)
        prompt = None
        statement = given.statement
        if given.alias is not None:
            aliased = self._aliased(call)
            if aliased is None:
                raise InvalidParameterException(f"There is no query alias {given.alias!r} in this account and Region.")
            statement = statements.filled(aliased, given.parameters)
            prompt = self._aliases.prompt(given.alias, call.account_id, call.region)
        requests.check_statement(statement)
        owner = given.owner or call.account_id
        store_ids = self._store_ids(statement)
        stores = asking.readable(self._stores.get, store_ids, owner_account_id=owner, region=call.region)
        if given.delivery_s3_uri is not None:
            self._check_bucket(given.delivery_s3_uri, stores[0])
        return asking.Start(
            query_id=str(uuid.uuid4()),
            account_id=call.account_id,
            region=call.region,
            owner_account_id=owner,
            statement=statement,
            store_ids=store_ids,
            at_least=at_least,
            alias=given.alias,
            prompt=prompt,
            delivery_s3_uri=given.delivery_s3_uri,
        )

    def _check_bucket(self, uri: str, held: EventDataStore) -> None:
        bucket, prefix = places.bucket_and_prefix(uri)
        try:
            self._bucket.check(bucket=bucket, prefix=prefix, account_id=held.account_id, source_arn=held.arn)
        except Fault as refused:
            if refused.code == "NoSuchBucket":
                raise S3BucketDoesNotExistException(f"The bucket {bucket} does not exist.") from None
            if refused.code.startswith("AccessDenied"):
                raise InsufficientS3BucketPolicyException(
                    f"The policy of the bucket {bucket} does not let CloudTrail deliver there: allow cloudtrail.amazonaws.com s3:PutObject"
                    f" on arn:aws:s3:::{bucket}/* and s3:GetBucketAcl, with aws:SourceArn {held.arn}. S3 said: {refused.message}"
                ) from None
            raise

    def describe_query(self, call: Call) -> Result:
        """A query and its statistics, by its id or by its alias."""
        requests.describe(call.parameters)
        query = self._known(call)
        statistics = {
            "EventsMatched": query.events_matched,
            "EventsScanned": query.events_scanned,
            "BytesScanned": query.bytes_scanned,
            "ExecutionTimeInMillis": round((query.execution_time or 0.0) * 1000),
            "CreationTime": datetime.fromtimestamp(query.created, UTC),
        }
        return {
            "QueryId": query.id,
            "QueryString": query.statement,
            "QueryStatus": query.status,
            "QueryStatistics": statistics,
            "ErrorMessage": query.error_message,
            "DeliveryS3Uri": query.delivery_s3_uri,
            "DeliveryStatus": query.delivery_status,
            "Prompt": query.prompt,
            **_owner(call),
        }

    def get_query_results(self, call: Call) -> Result:
        """A page of rows; none while the query is under way, and none where it failed."""
        limit = requests.max_results(call.parameters, "MaxQueryResults")
        query = self._known(call)
        question = f"results {query.id} {limit}"
        token = call.parameters.get("NextToken")
        first = int(tokens.unseal(token, question, self._secret)) if token else 0
        rows: list[results.Row] = []
        after = None
        if query.status in (FINISHED, TIMED_OUT):
            try:
                page = results.page(self._result(query.id), first, limit, query.results)
            except OSError:
                raise QueryIdNotFoundException(f"The results of the query {query.id} are gone.") from None
            rows = page.rows
            after = page.after if page.after < query.results else None
        return {
            "QueryStatus": query.status,
            "QueryStatistics": {"ResultsCount": len(rows), "TotalResultsCount": query.results, "BytesScanned": query.bytes_scanned},
            "QueryResultRows": [[{name: value} for name, value in zip(query.columns, row, strict=True)] for row in rows],
            "NextToken": tokens.seal(str(after), question, self._secret) if after is not None else None,
            "ErrorMessage": query.error_message,
        }

    def _result(self, query_id: str) -> FewRows | Path:
        with self._database.read() as connection:
            return store.few_rows(connection, query_id) or self._folder / query_id

    async def cancel_query(self, call: Call) -> Result:
        """Stop a query that is under way."""
        query = await asyncio.to_thread(self._known, call)
        answer = await self._ask(asking.CANCEL, {"query_id": query.id, "request_id": call.request_id})
        return {**answer, **_owner(call)}

    def list_queries(self, call: Call) -> Result:
        """The queries on a store in the last seven days, newest first. Who does not own the store sees their own."""
        given = requests.listing(call.parameters)
        named = self._named(call, call.parameters["EventDataStore"])
        held = self._store(named.id)
        if (held.account_id, held.region) != (named.account_id, call.region):
            raise EventDataStoreNotFoundException(f"The event data store {named.arn} does not exist.")
        asking.check_active(held)
        question = f"list {held.id} {given.start} {given.end} {given.status} {given.limit} {call.account_id}"
        token = call.parameters.get("NextToken")
        before = None
        if token:
            time, query_id = tokens.unseal(token, question, self._secret).split(" ")
            before = (float(time), query_id)
        with self._database.read() as connection:
            found = store.of_store(
                connection,
                held.id,
                account_id=None if held.account_id == call.account_id else call.account_id,
                start=max(given.start or 0.0, call.time.timestamp() - KEPT),
                end=given.end,
                status=given.status,
                before=before,
                limit=given.limit + 1,
            )
        page = found[: given.limit]
        more = tokens.seal(f"{page[-1].created!r} {page[-1].id}", question, self._secret) if len(found) > given.limit else None
        shown = [
            {"QueryId": query.id, "QueryStatus": query.status, "CreationTime": datetime.fromtimestamp(query.created, UTC)} for query in page
        ]
        return {"Queries": shown, "NextToken": more}

    def _known(self, call: Call) -> Query:
        """The query that the call is about, where the caller may know of it."""
        query = self._query(call)
        if query is None:
            given = call.parameters.get("QueryId") or call.parameters.get("QueryAlias")
            raise QueryIdNotFoundException(
                f"There is no query {given!r} in this account and Region, or it is older than seven days. {_NO_OWNER}"
            )
        for store_id in query.store_ids:
            asking.check_active(self._store(store_id))
        return query

    def _query(self, call: Call) -> Query | None:
        """The query by id or alias, in the caller's account or, where its owner is named, on stores of that account."""
        given = call.parameters
        owner = given.get("EventDataStoreOwnerAccountId") or call.account_id
        with self._database.read() as connection:
            if given.get("QueryId"):
                query = store.get(connection, given["QueryId"])
            elif given.get("QueryAlias"):
                query = store.by_alias(connection, call.account_id, call.region, given["QueryAlias"], given.get("RefreshId"))
            else:
                return None
        if query is None or (query.region, query.owner_account_id) != (call.region, owner):
            return None
        if call.account_id not in (query.account_id, query.owner_account_id):
            return None
        named = given.get("EventDataStore")
        return query if not named or self._named(call, named).id in query.store_ids else None

    def _store(self, store_id: str) -> EventDataStore:
        held = self._stores.get(store_id)
        if held is None:
            raise EventDataStoreNotFoundException(f"The event data store {store_id} does not exist, or no longer.")
        return held

    def _aliased(self, call: Call) -> str | None:
        alias = call.parameters.get("QueryAlias")
        return self._aliases.statement(alias, call.account_id, call.region) if alias else None

    def _named(self, call: Call, given: str) -> names.Named:
        return names.event_data_store(given, self._place(call))

    def _place(self, call: Call) -> names.Place:
        return names.Place(partition=self._partition(call.region), region=call.region, account_id=call.account_id)


def _owner(call: Call) -> dict[str, Any]:
    owner = call.parameters.get("EventDataStoreOwnerAccountId")
    return {"EventDataStoreOwnerAccountId": owner} if owner else {}

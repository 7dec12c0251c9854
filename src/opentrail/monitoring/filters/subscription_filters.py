"""Subscription filters: PutSubscriptionFilter, DescribeSubscriptionFilters, DeleteSubscriptionFilter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import func

from opentrail.clock import Clock
from opentrail.monitoring.faults import InvalidParameterException, LimitExceededException, ResourceNotFoundException
from opentrail.monitoring.filter_patterns import compiled
from opentrail.monitoring.filters import checking, store
from opentrail.monitoring.filters.destinations import checked, control_message
from opentrail.monitoring.filters.metric_filters import group_named
from opentrail.monitoring.filters.store import METRIC_FILTERS, SUBSCRIPTION_FILTERS
from opentrail.monitoring.filters.values import SubscriptionFilter
from opentrail.monitoring.logs import store as logs
from opentrail.monitoring.neighbours import Functions, TooLarge
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

MOST: Final = 2
"""Subscription filters of one log group."""
_KINDS: Final = {"lambda": "Lambda function", "kinesis": "Kinesis stream", "firehose": "Firehose stream"}


class SubscriptionFilters:
    """Thread-safe. Makes its tables, which need those of the log groups."""

    def __init__(self, database: Database, clock: Clock, *, functions: Functions) -> None:
        self._database = database
        self._clock = clock
        self._functions = functions
        database.create(logs.METADATA)
        database.create(store.METADATA)

    def put(self, account_id: str, region: str, given: Mapping[str, Any]) -> None:
        """PutSubscriptionFilter: the members of its request, checked against the model. The destination gets its control message first.

        Raises `InvalidParameterException`, `InvalidOperationException`, `LimitExceededException`, `ResourceNotFoundException`.
        """
        pattern, name, arn, role_arn = compiled(given["filterPattern"]), given["filterName"], given["destinationArn"], given.get("roleArn")
        distribution = given.get("distribution")
        to = checked(arn, account_id=account_id, region=region, role_arn=role_arn, distribution=distribution)
        checking.options(given)
        if given.get("emitSystemFields"):
            raise InvalidParameterException("emitSystemFields is not served: all events of a log group are of its own account and Region.")
        with self._database.read() as connection:
            group = group_named(connection, account_id, region, given["logGroupName"])
            checking.standard(group)
            if name not in (there := store.patterns(connection, SUBSCRIPTION_FILTERS, group.id)) and len(there) >= MOST:
                raise _limit()
        try:
            self._functions.deliver(
                destination_arn=arn,
                payload=control_message(int(self._clock.time() * 1000), _KINDS[to.service]),
                partition_key=name,
                role_arn=role_arn,
                source_arn=f"{group.arn}:*",
            )
        except InvalidParameterException:
            raise
        except (OSError, Fault, TooLarge) as error:
            said = error.message if isinstance(error, Fault) else str(error) or type(error).__name__
            raise InvalidParameterException(
                f"Could not deliver test message to specified {_KINDS[to.service]}. Check if the given destination exists and "
                f"lets CloudWatch Logs in, and that its endpoint is running ({said})."
            ) from error
        with self._database.begin() as connection:
            group = group_named(connection, account_id, region, given["logGroupName"])
            there = store.patterns(connection, SUBSCRIPTION_FILTERS, group.id)
            if name not in there and len(there) >= MOST:
                raise _limit()
            there.pop(name, None)
            checking.regexes(pattern, [*there.values(), *store.patterns(connection, METRIC_FILTERS, group.id).values()])
            values = {
                "pattern": given["filterPattern"],
                "destination_arn": arn,
                "role_arn": role_arn,
                "distribution": distribution or "ByLogStream",
                "transformed_logs": given.get("applyOnTransformedLogs"),
            }
            store.put(connection, SUBSCRIPTION_FILTERS, group.id, name, values, int(self._clock.time() * 1000))

    def delete(self, account_id: str, region: str, log_group: str, name: str) -> None:
        """Raises `ResourceNotFoundException`."""
        with self._database.begin() as connection:
            group = group_named(connection, account_id, region, log_group)
            if not store.end(connection, SUBSCRIPTION_FILTERS, group.id, name):
                raise ResourceNotFoundException("The specified subscription filter does not exist.")

    def list(
        self, account_id: str, region: str, log_group: str, *, prefix: str = "", after: str = "", limit: int
    ) -> list[SubscriptionFilter]:
        """At most `limit` filters of a group behind the name `after`, by name. Raises `ResourceNotFoundException`."""
        columns = SUBSCRIPTION_FILTERS.c
        with self._database.read() as connection:
            group = group_named(connection, account_id, region, log_group)
            query = store.subscription_filters(connection).where(columns.group_id == group.id, columns.name > after)
            if prefix:
                query = query.where(columns.name >= prefix, func.substr(columns.name, 1, len(prefix)) == prefix)
            return [store.subscription_filter(row) for row in connection.execute(query.order_by(columns.name).limit(limit))]


def _limit() -> LimitExceededException:
    return LimitExceededException(f"Resource limit exceeded: a log group has at most {MOST} subscription filters.")

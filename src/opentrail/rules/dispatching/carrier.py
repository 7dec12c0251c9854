"""One attempt at one target, by whatever means its kind asks for."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from opentrail.clock import Clock, iso_seconds
from opentrail.identity.service_roles import NotAllowed, NotAssumable, RoleSession, ServiceRoles
from opentrail.rules.dispatching.bus_targets import BusTargets
from opentrail.rules.dispatching.http_targets import HttpTargets
from opentrail.rules.dispatching.outcomes import DONE, Load, Outcome, never, refused, unreachable
from opentrail.rules.neighbours import Chat, Functions, LogGroups, Queues, Topics
from opentrail.rules.target_kinds import place_of, takes_role
from opentrail.rules.transforming import Occasion, compact, text_for
from opentrail.wire.faults import Fault

CHAT = "arn:aws:opentrail:::chat/"

log = logging.getLogger("opentrail.rules")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """Tries one delivery; blocks as long as the target does. Thread-safe."""

    clock: Clock
    topics: Topics
    queues: Queues
    logs: LogGroups | None
    functions: Functions | None
    """`None`: there is no upstream for Lambda."""
    buses: BusTargets
    http: HttpTargets
    chat: Chat
    roles: ServiceRoles

    def carry(self, load: Load) -> Outcome:
        """One attempt. Raises nothing."""
        try:
            return self._carry(load, text_for(load.target, _occasion(load)))
        except Fault as fault:
            return refused(fault)
        except NotAssumable as error:
            return never("FAILED_TO_ASSUME_ROLE", str(error))
        except NotAllowed as error:
            return never("NO_PERMISSIONS", str(error))
        except OSError as error:
            return unreachable(error)
        except Exception as error:  # whatever it is, the delivery is still to be made
            log.exception("an event could not be handed to %s; it is tried again", load.target.arn)
            return unreachable(error)

    def bury(self, load: Load) -> Outcome:
        """Put the event into the dead-letter queue of its target, as it was before it was transformed. Raises nothing."""
        queue_arn, failure = load.target.dead_letter_arn, load.delivery.failure
        if queue_arn is None or failure is None:
            return never("NO_RESOURCE", "The target has no dead-letter queue any more.")
        attributes = {
            "RULE_ARN": load.rule.arn,
            "TARGET_ARN": load.target.arn,
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": failure.message,
            "RETRY_ATTEMPTS": str(load.delivery.attempts),
        }
        if failure.condition is not None:
            attributes["EXHAUSTED_RETRY_CONDITION"] = failure.condition
        try:
            self.queues.deliver(
                queue_arn=queue_arn,
                body=compact(load.delivery.event),
                source_arn=load.rule.arn,
                account_id=load.rule.account_id,
                attributes=attributes,
                group_id=(load.target.message_group_id or "dead-letters") if queue_arn.endswith(".fifo") else None,
            )
        except Fault as fault:
            return refused(fault)
        except Exception as error:
            return unreachable(error)
        return DONE

    def _carry(self, load: Load, text: str) -> Outcome:
        target, rule = load.target, load.rule
        role = None
        if target.role_arn is not None and takes_role(load.kind):
            role = self.roles.assume(target.role_arn, rule.account_id, source_arn=rule.arn)
        match load.kind:
            case "topic":
                self.topics.publish(topic_arn=target.arn, message=text, source_arn=rule.arn, account_id=rule.account_id, role=role)
            case "queue":
                self.queues.deliver(
                    queue_arn=target.arn,
                    body=text,
                    source_arn=rule.arn,
                    account_id=rule.account_id,
                    attributes={},
                    group_id=target.message_group_id,
                    role=role,
                )
            case "log-group":
                if self.logs is None:
                    return never("NO_RESOURCE", "There are no log groups here.")
                self.logs.put(
                    log_group_arn=target.arn.removesuffix(":*"),
                    stream=str(load.delivery.event["id"]),
                    message=text,
                    timestamp=int(load.delivery.ingested * 1000),
                    source_arn=rule.arn,
                    account_id=rule.account_id,
                )
            case "function":
                if self.functions is None:
                    return never("NO_RESOURCE", "There is no upstream for Lambda: start OpenTrail with --upstream lambda=URL.")
                _judge(role, "lambda:InvokeFunction", target.arn)
                self.functions.invoke(function_arn=target.arn, payload=text.encode(), source_arn=rule.arn)
            case "bus":
                return self.buses.forward(load, role)
            case "api-destination":
                _judge(role, "events:InvokeApiDestination", target.arn)
                return self.http.send(load, text)
            case "chat":
                title = f"{load.delivery.event.get('detail-type', 'Event')}: {rule.name}"
                self.chat.send(channel=target.arn.removeprefix(CHAT), title=title, body=text)
            case None:
                return never("INVALID_PARAMETER", f"Events cannot be sent to {target.arn}.")
        return DONE


def _judge(role: RoleSession | None, action: str, resource: str) -> None:
    """What has no policy of its own here is reached by leave of the role alone. Raises `NotAllowed`."""
    if role is not None:
        region, account_id = place_of(resource)
        role.judge(action, resource, region=region, account_id=account_id)


def _occasion(load: Load) -> Occasion:
    return Occasion(
        event=load.delivery.event, rule_arn=load.rule.arn, rule_name=load.rule.name, ingestion_time=iso_seconds(load.delivery.ingested)
    )

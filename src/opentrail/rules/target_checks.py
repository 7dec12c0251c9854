"""From the API's shape `Target` to the value, with everything that PutTargets checks of one target by itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from opentrail.rules import target_kinds
from opentrail.rules.names import BusName
from opentrail.rules.transforming import check_target_input
from opentrail.rules.values import HttpParameters, InputTransformer, RetryPolicy, Target
from opentrail.wire.faults import ValidationException

_OTHERS: Final[Mapping[str, str]] = {
    "KinesisParameters": "Kinesis streams",
    "RunCommandParameters": "Systems Manager Run Command",
    "EcsParameters": "ECS tasks",
    "BatchParameters": "Batch jobs",
    "RedshiftDataParameters": "Redshift clusters",
    "SageMakerPipelineParameters": "SageMaker pipelines",
    "AppSyncParameters": "AppSync APIs",
}
_QUEUE: Final = re.compile(r"arn:aws[a-z-]*:sqs:([a-z0-9-]{1,64}):([0-9]{12}):[A-Za-z0-9_-]{1,80}")


def checked(given: Mapping[str, Any], *, rule_arn: str, bus: BusName, now: float) -> Target:
    """The target that `given` describes, for a rule of `bus`. Raises `ValidationException`."""
    target_id, arn = given["Id"], given["Arn"]
    for member, what in _OTHERS.items():
        if given.get(member) is not None:
            raise ValidationException(
                f"{member} of target {target_id}: OpenTrail delivers to no {what}; it delivers to {target_kinds.KNOWN}."
            )
    kind = target_kinds.kind_of(arn)
    if kind is None:
        _check_arn(arn, target_id)
        raise ValidationException(f"Target {target_id}: OpenTrail does not deliver to {arn[:300]}; it delivers to {target_kinds.KNOWN}.")
    _check_place(kind, arn, target_id, bus)
    made = Target(
        rule_arn=rule_arn,
        target_id=target_id,
        arn=arn,
        role_arn=_role(given.get("RoleArn"), kind, arn),
        input=given.get("Input"),
        input_path=given.get("InputPath"),
        transformer=_transformer(given.get("InputTransformer")),
        retry=_retry(given.get("RetryPolicy")),
        retry_given=bool(given.get("RetryPolicy")),
        dead_letter_arn=_dead_letters(given.get("DeadLetterConfig"), target_id, bus),
        http=_http(given.get("HttpParameters"), kind, target_id),
        message_group_id=_group(given.get("SqsParameters"), kind, arn, target_id),
        created=now,
    )
    _check_input(made, kind, bus)
    return made


def _role(given: str | None, kind: target_kinds.Kind, arn: str) -> str | None:
    """The role with which EventBridge reaches the target (EventBridge guide, "Permissions for targets")."""
    if kind == "api-destination" and not given:
        raise ValidationException(f"RoleArn is required for target {arn}.")
    if given and not target_kinds.takes_role(kind):
        raise ValidationException(f"RoleArn is not supported for target {arn}.")
    return given


def _check_arn(arn: str, target_id: str) -> None:
    if not re.fullmatch(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:.+", arn):
        raise ValidationException(
            f"Parameter {arn[:300]} is not valid. Reason: Provided Arn is not in correct format. (target {target_id})"
        )


def _check_place(kind: str, arn: str, target_id: str, bus: BusName) -> None:
    region, _ = target_kinds.place_of(arn)
    # Only another bus may be elsewhere (EventBridge guide, "cross-Region event routing").
    if kind not in ("bus", "chat") and region != bus.region:
        raise ValidationException(f"Target {target_id}: {arn} is in {region}; the targets of a rule in {bus.region} are there too.")
    if kind == "bus" and arn == bus.arn:
        raise ValidationException(f"Target {target_id}: an event bus cannot be the target of a rule of its own.")


def _check_input(target: Target, kind: str, bus: BusName) -> None:
    check_target_input(target)
    shaped = any(way is not None for way in (target.input, target.input_path, target.transformer))
    if shaped and kind == "bus" and target_kinds.place_of(target.arn)[1] != bus.account_id:
        raise ValidationException(
            f"Input, InputPath and InputTransformer are not available for target {target.target_id}: the event bus of another account."
        )


def _transformer(given: Mapping[str, Any] | None) -> InputTransformer | None:
    if given is None:
        return None
    return InputTransformer(template=given["InputTemplate"], paths=dict(given.get("InputPathsMap") or {}))


def _retry(given: Mapping[str, Any] | None) -> RetryPolicy:
    given, usual = given or {}, RetryPolicy()
    attempts, max_age = given.get("MaximumRetryAttempts"), given.get("MaximumEventAgeInSeconds")
    return RetryPolicy(attempts=usual.attempts if attempts is None else attempts, max_age=usual.max_age if max_age is None else max_age)


def _dead_letters(given: Mapping[str, Any] | None, target_id: str, bus: BusName) -> str | None:
    arn: str | None = (given or {}).get("Arn")
    if arn is None:
        return None
    found = _QUEUE.fullmatch(arn)
    if found is None:
        raise ValidationException(f"DeadLetterConfig of target {target_id}: {arn[:300]} is not the ARN of an SQS standard queue.")
    if found[1] != bus.region:
        raise ValidationException(f"DeadLetterConfig of target {target_id}: the queue must be in {bus.region}, as the rule is.")
    return arn


def _http(given: Mapping[str, Any] | None, kind: str, target_id: str) -> HttpParameters | None:
    if given is None:
        return None
    if kind != "api-destination":
        raise ValidationException(f"HttpParameters are not supported for target {target_id}: it is no API destination.")
    return HttpParameters(
        path_values=tuple(given.get("PathParameterValues") or ()),
        headers=dict(given.get("HeaderParameters") or {}),
        query=dict(given.get("QueryStringParameters") or {}),
    )


def _group(given: Mapping[str, Any] | None, kind: str, arn: str, target_id: str) -> str | None:
    group: str | None = (given or {}).get("MessageGroupId")
    fifo = kind == "queue" and arn.endswith(".fifo")
    if fifo and not group:
        raise ValidationException(f"Parameter(s) SqsParameters must be specified for target: {target_id}.")
    if given is not None and not fifo:
        raise ValidationException(f"Parameter(s) SqsParameters not valid for target {target_id}. Reason: It is no FIFO queue.")
    return group

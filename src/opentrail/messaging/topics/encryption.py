"""Topics with a key: whoever publishes must be allowed to use it (SNS developer guide, "Securing Amazon SNS data with encryption").

The key is asked at every publish, as AWS asks it. Messages on their way lie in the data folder like everything else; they are not sealed
with the key.
"""

from __future__ import annotations

from opentrail.identity.principals import Principal
from opentrail.kms import ServiceCaller
from opentrail.kms import faults as kms
from opentrail.messaging.topics.faults import (
    KMSAccessDeniedException,
    KMSDisabledException,
    KMSInvalidStateException,
    KMSNotFoundException,
)
from opentrail.messaging.topics.neighbours import Keys
from opentrail.messaging.topics.values import Topic
from opentrail.wire.faults import Fault

_FAULTS: dict[type[Fault], type[Fault]] = {
    kms.AccessDeniedException: KMSAccessDeniedException,
    kms.DisabledException: KMSDisabledException,
    kms.InvalidArnException: KMSNotFoundException,
    kms.NotFoundException: KMSNotFoundException,
}


def check_key(
    keys: Keys, topic: Topic, principal: Principal, *, account_id: str, source_arn: str | None = None, via: str | None = None
) -> None:
    """Whether `principal` may publish to `topic` as far as its key goes: `kms:GenerateDataKey*` and `kms:Decrypt`.

    `account_id`, `source_arn` and `via` as in `ServiceCaller`. Raises `KMSAccessDenied`, `KMSDisabled`, `KMSInvalidState`, `KMSNotFound`.
    """
    key_id = topic.attributes.get("KmsMasterKeyId")
    if key_id is None:
        return
    caller = ServiceCaller(principal=principal, account_id=account_id, region=topic.region, source_arn=source_arn, via=via)
    context = {"aws:sns:topicArn": topic.arn}
    try:
        made = keys.generate_data_key(caller, _named(key_id, topic), context)
        keys.decrypt(caller, made.ciphertext, context)
    except Fault as fault:
        kind = next((ours for theirs, ours in _FAULTS.items() if isinstance(fault, theirs)), KMSInvalidStateException)
        raise kind(fault.message) from None


def _named(key_id: str, topic: Topic) -> str:
    """The key by its ARN: ids and aliases are those of the topic's account."""
    if key_id.startswith("arn:"):
        return key_id
    partition = topic.arn.split(":")[1]
    return f"arn:{partition}:kms:{topic.region}:{topic.account_id}:{key_id if key_id.startswith('alias/') else f'key/{key_id}'}"

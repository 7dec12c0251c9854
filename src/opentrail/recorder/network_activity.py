"""The record of a call that came through a VPC endpoint, as the endpoint's owner gets it (`spec/records.md` §11).

It tells who called what through which endpoint, and nothing of what was asked or answered: no parameters, no user agent, no resources.
Callers of other accounts are told by their ids only.
"""

from __future__ import annotations

from typing import Any, Final

from opentrail.clock import iso_seconds
from opentrail.events import names
from opentrail.events import record as records
from opentrail.identity.principals import Principal
from opentrail.recorder import limits, user_identity
from opentrail.recorder.observation import Observation

ACCESS_DENIED: Final = "VpceAccessDenied"
"""`errorCode` of a call that the endpoint's policy refused; the only one there is."""
DENIED_MESSAGE: Final = "The request was denied due to a VPC endpoint policy"
CATEGORY: Final = "NetworkActivity"


def network_activity(observation: Observation, *, source: str, name: str, denied: bool, event_id: str, shared_event_id: str) -> bytes:
    """The record's JSON bytes. `source` and `name` are `eventSource` and `eventName` of the call, `denied` says that the policy of the
    endpoint refused it. `observation` must have a VPC endpoint."""
    owner = observation.vpc_endpoint_account_id
    record: dict[str, Any] = {
        "eventVersion": records.VERSION,
        "userIdentity": _identity(observation.principal, owner),
        "eventTime": iso_seconds(observation.time),
        "eventSource": source,
        "eventName": name,
        "awsRegion": names.recorded_region(source, observation.region, observation.host),
        "sourceIPAddress": observation.source_ip,
    }
    if denied:
        record["errorCode"] = ACCESS_DENIED
        record["errorMessage"] = DENIED_MESSAGE
    record["requestID"] = limits.cut(observation.request_id)
    record["eventID"] = event_id
    record["eventType"] = "AwsVpceEvent"
    record["recipientAccountId"] = owner
    record["sharedEventID"] = shared_event_id
    record["vpcEndpointId"] = observation.vpc_endpoint_id
    record["vpcEndpointAccountId"] = owner
    record["eventCategory"] = CATEGORY
    return records.encode(record)


def _identity(principal: Principal, owner: str | None) -> dict[str, Any]:
    if principal.type == "AWSService" or principal.account_id == owner:
        return user_identity.user_identity(principal, alias=principal.user_name)
    if not principal.account_id:
        return user_identity.anonymous()
    return {"type": "AWSAccount", "principalId": principal.principal_id, "accountId": principal.account_id}

"""The network activity record of a call that came through a VPC endpoint (`spec/records.md` §11): for the owner of the endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentrail.events import categories, names
from opentrail.events import record as records
from opentrail.identity.principals import Principal
from opentrail.recorder import limits
from opentrail.recorder.copies import stranger
from opentrail.recorder.observation import Observation
from opentrail.recorder.operations import Operation

DENIED = "VpceAccessDenied"
MESSAGE = "The request was denied due to a VPC endpoint policy"


def network_record(
    observation: Observation,
    operation: Operation,
    *,
    denied: bool,
    identity: Callable[[Principal, Operation], Any],
    event_time: str,
    event_id: str,
    shared_event_id: str,
) -> bytes:
    """The record's JSON bytes, of an observation that has a VPC endpoint and its owner. `denied`: the
    policy of the endpoint refused the call. `identity` prints the caller."""
    owner = observation.vpc_endpoint_account_id
    principal = observation.principal
    if principal.account_id and principal.account_id != owner:
        principal = stranger(principal.account_id, principal.principal_id)
    record: dict[str, Any] = {
        "eventVersion": records.VERSION,
        "userIdentity": identity(principal, operation),
        "eventTime": event_time,
        "eventSource": operation.source,
        "eventName": operation.name,
        "awsRegion": names.recorded_region(operation.source, observation.region, observation.host),
        "sourceIPAddress": observation.source_ip,
    }
    if denied:
        record |= {"errorCode": DENIED, "errorMessage": MESSAGE}
    return records.encode(
        {
            **record,
            "requestID": limits.cut(observation.request_id),
            "eventID": event_id,
            "eventType": "AwsVpceEvent",
            "recipientAccountId": owner,
            "sharedEventID": shared_event_id,
            "vpcEndpointId": observation.vpc_endpoint_id,
            "vpcEndpointAccountId": owner,
            "eventCategory": categories.NETWORK_ACTIVITY,
        }
    )

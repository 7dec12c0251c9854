"""One record of a sample, as CloudTrail spells it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Final

from opentrail.lake.sample.calls import Call
from opentrail.lake.sample.cast import Session

_GLOBAL: Final = frozenset({"iam", "signin"})
"""Services that are in one Region."""


def iso(second: int) -> str:
    """`2026-01-05T10:11:12Z`."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def uuid(random: Random) -> str:
    """A random UUID (version 4) out of `random`."""
    text = f"{random.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def record(
    random: Random, session: Session, call: Call, scene: dict[str, str], second: int, *, arn: str, error: tuple[str, str] | None = None
) -> bytes:
    """The record of `call`; `error` when it fails."""
    time = iso(second)
    request = uuid(random)
    scene = {
        **scene,
        "time": time,
        "millis": str(second * 1000),
        "uuid": request,
        "arn": arn,
        "action": f"{call.service}:{call.name}",
        "in": "0" if call.read else scene["number"],
        "out": scene["number"] if call.read else "0",
    }
    host = f"{call.service}.amazonaws.com" if call.service in _GLOBAL else f"{call.service}.{scene['region']}.amazonaws.com"
    failed = ""
    response = call.response
    if error is not None:
        code, message = error
        failed = (f'"errorCode":"{code}",' if code else "") + f'"errorMessage":"{message % scene}",'
        response = '{"ConsoleLogin":"Failure"}' if call.service == "signin" else "null"
    service_call = session.address.endswith(".com")
    tls = f'"tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{host}"}}'
    parts = (
        f'{{"eventVersion":"1.11","userIdentity":{session.identity},"eventTime":"{time}","eventSource":"{call.service}.amazonaws.com",'
        f'"eventName":"{call.name}","awsRegion":"{scene["region"]}","sourceIPAddress":"{session.address}","userAgent":{session.agent},{failed}'
        f'"requestParameters":{call.parameters % scene},"responseElements":{response % scene},',
        f'"additionalEventData":{call.additional % scene},' if call.additional else "",
        f'"requestID":"{request}","eventID":"{uuid(random)}","readOnly":{"true" if call.read else "false"},',
        f'"resources":{call.resources % scene},' if call.resources else "",
        f'"eventType":"{call.kind}","managementEvent":{"false" if call.data else "true"},"recipientAccountId":"{scene["account"]}",'
        f'"eventCategory":"{"Data" if call.data else "Management"}"',
        "}" if service_call else f",{tls}" + (',"sessionCredentialFromConsole":"true"}' if session.console else "}"),
    )
    return "".join(parts).encode()

"""What is never recorded.

Two nets. botocore marks most secrets (`sensitive`); and because it does not mark all, names that speak of secrets are held back
wherever they stand. How a service prints a hidden value is data: a marker, or nothing at all (`spec/records.md` §5). Blobs and
streamed bodies are left out everywhere, by the writers.
"""

from __future__ import annotations

from botocore.model import Shape

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
REMOVED = "<sensitiveDataRemoved>"
STARS = "****"

MARKERS: dict[str, str] = {"ec2": REMOVED, "organizations": STARS}
"""Services (botocore names) that print another marker than `HIDDEN` (seen: ec2; documented: organizations)."""

OMITTED = ""
"""Treatment: the member does not appear."""

_OMITTING = frozenset({"iam", "sts", "secretsmanager", "lambda", "kms", "cognito-identity", "signin", "sso", "s3", "s3control"})
"""Services that leave a secret out rather than print a marker (seen: iam, sts, secretsmanager, lambda, kms, s3)."""

_SPEAKING = (
    "password", "passwords", "passwd", "passphrase", "passcode", "passwordvalue", "secretkey", "secretaccesskey", "secretkeyvalue",
    "clientsecret", "apisecret", "sharedsecret", "secretstring", "secretbinary", "secretvalue", "presharedkey", "privatekey",
    "privatekeyplaintext", "privatekeybase64", "keymaterial", "ssecustomerkey", "authtoken", "accesstoken", "refreshtoken", "idtoken",
    "identitytoken", "oauthtoken", "bearertoken", "securitytoken", "apitoken", "usertoken", "tokenvalue", "tokencode",
    "authorizationtoken", "authorizationcode", "activationcode", "authenticationcode", "authenticationcode1", "authenticationcode2",
    "authkey", "connectiontoken", "grafanatoken", "hectoken", "jwttoken", "participanttoken", "secrettoken", "signedtoken",
    "samlassertion", "plaintext", "ciphertext", "apikeyvalue", "userdata", "connectionstring", "signature", "credential",
)  # fmt: skip
"""Ends of member names, lower case, whose text is held back although botocore may not mark it."""

_ENVIRONMENT = frozenset({"environment", "environmentvariables", "environmentoverrides", "environmentvariablesoverride"})
"""Members whose values (not their names) are held back: people keep passwords in environment variables."""

_UNMARKED: dict[str, frozenset[str]] = {
    # service → members left out although neither net holds them
    "cloudformation": frozenset({"ParameterValue", "TemplateBody", "StackPolicyBody"}),
    "dynamodb": frozenset(
        {
            "Item", "Items", "Attributes", "AttributeUpdates", "Expected", "ExpressionAttributeValues", "ScanFilter", "QueryFilter",
            "KeyConditions", "RequestItems", "Responses", "UnprocessedItems", "UnprocessedKeys", "TransactItems", "Parameters",
            "ItemCollectionMetrics", "Statement", "Statements", "TransactStatements", "LastEvaluatedKey", "ExclusiveStartKey",
        }
    ),
    "kinesis": frozenset({"Data", "Records"}),
    "firehose": frozenset({"Record", "Records"}),
    "logs": frozenset({"logEvents", "logEventMessages", "eventMessage", "extractedValues"}),
    "events": frozenset({"Detail", "Event"}),
    "cloudtrail-data": frozenset({"eventData"}),
}  # fmt: skip


_MARKED: dict[str, frozenset[str]] = {
    # service → members that a marker stands for although neither net holds them (documented: sns)
    "sns": frozenset({"Message", "Subject", "MessageAttributes"}),
    "sqs": frozenset({"MessageBody", "Body", "MessageAttributes", "MessageSystemAttributes"}),
}

_HELD: dict[tuple[str, str], frozenset[str]] = {
    # (service, structure) → members held back though neither marked nor telling
    ("apigateway", "ApiKey"): frozenset({"value"}),
    ("apigateway", "CreateApiKeyRequest"): frozenset({"value"}),
    ("codebuild", "Webhook"): frozenset({"secret"}),
    ("datazone", "ManagedEndpointCredentials"): frozenset({"token"}),
    ("elasticbeanstalk", "ConfigurationOptionSetting"): frozenset({"Value"}),
    ("gamelift", "InstanceCredentials"): frozenset({"Secret"}),
    ("iot", "SalesforceAction"): frozenset({"token"}),
    ("iot", "TestInvokeAuthorizerRequest"): frozenset({"token"}),
    ("kendra", "UserContext"): frozenset({"Token"}),
    ("license-manager", "CreateTokenResponse"): frozenset({"Token"}),
    ("license-manager", "GetAccessTokenRequest"): frozenset({"Token"}),
    ("medialive", "HlsAkamaiSettings"): frozenset({"Token"}),
    ("pinpoint", "BaiduChannelRequest"): frozenset({"ApiKey"}),
    ("pinpoint", "GCMChannelRequest"): frozenset({"ApiKey", "ServiceJson"}),
    ("pinpoint", "VerifyOTPMessageRequestParameters"): frozenset({"Otp"}),
    ("sns", "ConfirmSubscriptionInput"): frozenset({"Token"}),
    ("wafv2", "CreateAPIKeyResponse"): frozenset({"APIKey"}),
    ("workmail", "AssumeImpersonationRoleResponse"): frozenset({"Token"}),
}

_HARMLESS = frozenset({"SubjectFromWebIdentityToken"})
"""Members that are called like a secret and are none: who somebody is."""

_UNMARKED_SHAPES = frozenset({"InventoryItemEntryList"})
"""Shapes left out (seen: ssm PutInventory)."""


def treatment(service: str, owner: str, member: str, shape: Shape) -> str | None:
    """What to print for `member` of the structure `owner` of `service` (botocore names) instead of its value.

    `None`: the value itself. `OMITTED` (the empty text): nothing, not even the key. Otherwise the marker.
    """
    if member in _UNMARKED.get(service, ()) or shape.name in _UNMARKED_SHAPES:
        return OMITTED
    if member in _MARKED.get(service, ()):
        return HIDDEN
    telling = shape.type_name in ("string", "list", "map") and speaks(member) and member not in _HARMLESS
    if telling or sensitive(shape) or member in _HELD.get((service, owner), ()):
        return OMITTED if service in _OMITTING else marker(service)
    return None


def speaks(name: str) -> bool:
    """Whether a member, or a key somebody put into a map, is called like a secret (`MasterUserPassword`)."""
    return name.lower().replace("_", "").replace("-", "").endswith(_SPEAKING)


def sensitive(shape: Shape) -> bool:
    """Whether botocore marks the shape itself."""
    return bool(shape.metadata.get("sensitive"))


def is_environment(member: str) -> bool:
    """Whether the values below `member` are environment variables."""
    return member.lower() in _ENVIRONMENT


def marker(service: str) -> str:
    """What stands for a hidden value where something must stand (an item of a list, a value of a map)."""
    return MARKERS.get(service, HIDDEN)

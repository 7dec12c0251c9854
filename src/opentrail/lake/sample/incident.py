"""The incident in a sample: an access key leaks, and somebody uses it. What happens, when, and what there is to find out. Pure.

At night a new address with a new program tries the key of `ci-deploy`, looks around and is refused much, makes itself a user with a key
and an administrator's policy, signs in as it, reads customers' files and secrets, fails to stop the trail, and is locked out at dawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Final

from opentrail.lake.sample.calls import Call
from opentrail.lake.sample.cast import ACTORS, LEAKED_USER, Session, access_key, user
from opentrail.lake.sample.plan import DAY, HOME, Plan
from opentrail.lake.sample.records import iso, record
from opentrail.lake.sample.scene import scene

ADDRESS: Final = "203.0.113.77"
AGENT: Final = "aws-cli/1.22.34 Python/3.10.12 Linux/6.6.9-amd64 botocore/1.27.84"
CREATED_USER: Final = "svc-backup"
BUCKET: Final = "example-customer-exports"
OBJECTS: Final = tuple(f"exports/2025/{table}-{number}.csv.gz" for table in ("customers", "cards", "addresses") for number in range(1, 5))
SECRETS: Final = ("prod/payments/api-key", "prod/customers/database", "prod/mail/smtp")
_SECRET_REFUSED: Final = "prod/root/break-glass"
_DENIED: Final = (
    "AccessDenied",
    "User: %(arn)s is not authorized to perform: %(action)s because no identity-based policy allows the %(action)s action",
)
_SCP: Final = ("AccessDenied", "User: %(arn)s is not authorized to perform: %(action)s with an explicit deny in a service control policy")
_LIMIT: Final = ("Client.VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of 32 allows")


@dataclass(slots=True, kw_only=True)
class Facts:
    """What an investigation has to find: the answers that tests compare with."""

    account_id: str
    leaked_user: str
    leaked_access_key_id: str
    source_ip_address: str
    user_agent: str
    created_user: str
    created_access_key_id: str
    started: str = ""
    ended: str = ""
    """Times of the first and the last event of the intruder."""
    events: int = 0
    """All of the intruder."""
    failed: int = 0
    """Those with an error code."""
    regions: list[str] = field(default_factory=list)
    bucket: str = BUCKET
    objects: list[str] = field(default_factory=list)
    """Keys read."""
    secrets: list[str] = field(default_factory=list)
    """Ids of secrets read."""
    trail_attempts: list[str] = field(default_factory=list)
    """Operations tried against the trail; all failed."""
    by_name: dict[str, int] = field(default_factory=dict)
    """Events of the intruder by `eventName`."""
    event_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Happening:
    """One record of the incident."""

    second: int
    region: str
    record: bytes


def _call(service: str, name: str, parameters: str = "null", **more: object) -> Call:
    return Call(service=service, name=name, parameters=parameters, **more)  # type: ignore[arg-type]


_LOOK_AROUND: Final = (
    ("iam", "ListUsers", None),
    ("iam", "ListRoles", None),
    ("iam", "GetAccountSummary", None),
    ("iam", "ListAttachedUserPolicies", None),
    ("iam", "GetAccountAuthorizationDetails", _DENIED),
    ("s3", "ListBuckets", None),
    ("secretsmanager", "ListSecrets", _DENIED),
    ("rds", "DescribeDBInstances", _DENIED),
    ("lambda", "ListFunctions20150331", _DENIED),
    ("dynamodb", "ListTables", _DENIED),
    ("kms", "ListKeys", _DENIED),
    ("organizations", "DescribeOrganization", _DENIED),
    ("ses", "GetSendQuota", _DENIED),
)
_TRAIL: Final = (
    ("StopLogging", '{"name":"organization-trail"}'),
    ("DeleteTrail", '{"name":"organization-trail"}'),
    (
        "PutEventSelectors",
        '{"trailName":"organization-trail","eventSelectors":[{"readWriteType":"WriteOnly","includeManagementEvents":false}]}',
    ),
    ("StopLogging", '{"name":"organization-trail"}'),
)


def facts(plan: Plan) -> Facts:
    """What is known of the incident before it happens."""
    account_id = plan.account_ids()[0]
    return Facts(
        account_id=account_id,
        leaked_user=LEAKED_USER,
        leaked_access_key_id=access_key(account_id, LEAKED_USER),
        source_ip_address=ADDRESS,
        user_agent=AGENT,
        created_user=CREATED_USER,
        created_access_key_id=access_key(account_id, CREATED_USER),
    )


def incident(plan: Plan, found: Facts) -> list[Happening]:
    """Its records in order of time; what they show is written into `found`."""
    random = Random(f"{plan.seed}/incident")
    second = int(plan.start.timestamp()) + (plan.days * 3 // 5) * DAY + 2 * 3600 + random.randrange(1800)
    regions = sorted({region for _, region, _ in plan.places()})
    happened: list[Happening] = []
    for who, call, region, error, pause in _story(found, regions):
        second += random.randrange(1, pause)
        words = scene(random, found.account_id, region)
        name = LEAKED_USER if who == found.leaked_access_key_id else CREATED_USER
        if who == _RESPONDER:
            session = _responder(found.account_id)
            arn = f"arn:aws:iam::{found.account_id}:user/ana"
        else:
            arn = f"arn:aws:iam::{found.account_id}:user/{name}"
            signed_in = call.service == "signin"
            agent = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0" if signed_in else AGENT
            identity = user(found.account_id, name, "" if signed_in else who)
            session = Session(actor=ACTORS[0], identity=identity, address=ADDRESS, agent=f'"{agent}"', console=False)
        text = record(random, session, call, words, second, arn=arn, error=error)
        happened.append(Happening(second, region, text))
        if who != _RESPONDER:
            _note(found, call, region, error, second, text)
    return happened


_RESPONDER: Final = "responder"
_Step = tuple[str, Call, str, tuple[str, str] | None, int]


def _story(found: Facts, regions: list[str]) -> Iterator[_Step]:
    """Who (access key id) calls what, where, with which error, at most so many seconds after the step before."""
    leaked, made = found.leaked_access_key_id, found.created_access_key_id
    named = f'{{"userName":"{CREATED_USER}"}}'
    admin = f'{{"userName":"{CREATED_USER}","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}}'
    key = f'{{"accessKey":{{"userName":"{CREATED_USER}","accessKeyId":"{made}","status":"Active","createDate":"%(time)s"}}}}'
    yield leaked, _call("sts", "GetCallerIdentity"), HOME, None, 60
    for service, name, error in _LOOK_AROUND:
        yield leaked, _call(service, name), HOME, error, 5
    for region in regions:
        yield leaked, _call("ec2", "DescribeInstances", '{"maxResults":1000,"instancesSet":{},"filterSet":{}}'), region, _UNAUTHORIZED, 4
        yield leaked, _call("ec2", "DescribeRegions", '{"regionSet":{},"allRegions":false}'), region, None, 4
    yield leaked, _call("iam", "AttachUserPolicy", admin.replace(CREATED_USER, LEAKED_USER), read=False), HOME, _DENIED, 240
    yield (
        leaked,
        _call("iam", "CreateUser", named, read=False, response=f'{{"user":{{"path":"/","userName":"{CREATED_USER}"}}}}'),
        HOME,
        None,
        60,
    )
    yield leaked, _call("iam", "CreateAccessKey", named, read=False, response=key), HOME, None, 30
    yield leaked, _call("iam", "AttachUserPolicy", admin, read=False), HOME, None, 30
    yield (
        leaked,
        _call("iam", "CreateLoginProfile", f'{{"userName":"{CREATED_USER}","passwordResetRequired":false}}', read=False),
        HOME,
        None,
        60,
    )
    login = '{"LoginTo":"https://console.example.com/home","MobileVersion":"No","MFAUsed":"No"}'
    signing_in = _call(
        "signin", "ConsoleLogin", read=False, response='{"ConsoleLogin":"Success"}', additional=login, kind="AwsConsoleSignIn"
    )
    yield made, signing_in, HOME, ("", "Failed authentication"), 120
    yield made, signing_in, HOME, None, 60
    yield made, _call("sts", "GetCallerIdentity"), HOME, None, 200
    yield (
        made,
        _call("s3", "ListObjects", f'{{"bucketName":"{BUCKET}","prefix":"exports/"}}', data=True, resources=_bucket(found)),
        HOME,
        None,
        60,
    )
    for name in OBJECTS:
        yield made, _object(found, name), HOME, None, 20
    yield made, _call("secretsmanager", "ListSecrets"), HOME, None, 90
    for secret in SECRETS:
        yield made, _call("secretsmanager", "GetSecretValue", f'{{"secretId":"{secret}"}}'), HOME, None, 15
    yield made, _call("secretsmanager", "GetSecretValue", f'{{"secretId":"{_SECRET_REFUSED}"}}'), HOME, _SCP, 15
    yield made, _call("cloudtrail", "DescribeTrails", '{"trailNameList":[]}'), HOME, None, 120
    for name, parameters in _TRAIL:
        yield made, _call("cloudtrail", name, parameters, read=False), HOME, _SCP, 30
    many = '{"instancesSet":{"items":[{"imageId":"%(image)s","minCount":20,"maxCount":20}]},"instanceType":"p5.48xlarge"}'
    for region in regions:
        yield made, _call("ec2", "RunInstances", many, read=False), region, _LIMIT, 60
    gone = {"read": False, "everywhere": False}
    yield (
        _RESPONDER,
        _call("iam", "UpdateAccessKey", f'{{"userName":"{LEAKED_USER}","accessKeyId":"{leaked}","status":"Inactive"}}', **gone),
        HOME,
        None,
        7_200,
    )
    yield (
        _RESPONDER,
        _call("iam", "UpdateAccessKey", f'{{"userName":"{CREATED_USER}","accessKeyId":"{made}","status":"Inactive"}}', **gone),
        HOME,
        None,
        120,
    )
    yield made, _call("s3", "ListBuckets"), HOME, ("InvalidClientTokenId", "The security token included in the request is invalid."), 120
    yield _RESPONDER, _call("iam", "DeleteLoginProfile", named, **gone), HOME, None, 120


_UNAUTHORIZED: Final = ("Client.UnauthorizedOperation", "You are not authorized to perform this operation. User: %(arn)s is not authorized")


def _bucket(found: Facts) -> str:
    return f'[{{"accountId":"{found.account_id}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{BUCKET}"}}]'


def _object(found: Facts, name: str) -> Call:
    return _call(
        "s3",
        "GetObject",
        f'{{"bucketName":"{BUCKET}","Host":"{BUCKET}.s3.{HOME}.amazonaws.com","key":"{name}"}}',
        data=True,
        additional='{"SignatureVersion":"SigV4","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","bytesTransferredOut":48%(number)s}',
        resources=f'[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::{BUCKET}/{name}"}},{_bucket(found)[1:]}',
    )


def _responder(account_id: str) -> Session:
    ana = next(actor for actor in ACTORS if actor.name == "ana")
    return Session(
        actor=ana,
        identity=user(account_id, "ana", access_key(account_id, "ana")),
        address="198.51.100.7",
        agent=f'"{ana.agents[0]}"',
        console=False,
    )


def _note(found: Facts, call: Call, region: str, error: tuple[str, str] | None, second: int, text: bytes) -> None:
    told = json.loads(text)
    found.started = found.started or iso(second)
    found.ended = iso(second)
    found.events += 1
    found.failed += "errorCode" in told
    found.regions = sorted({*found.regions, region})
    found.by_name[call.name] = found.by_name.get(call.name, 0) + 1
    found.event_ids.append(told["eventID"])
    parameters = told["requestParameters"] or {}
    if call.name == "GetObject":
        found.objects.append(parameters["key"])
    if call.name == "GetSecretValue" and error is None:
        found.secrets.append(parameters["secretId"])
    if call.service == "cloudtrail" and not call.read:
        found.trail_attempts.append(call.name)


def as_json(found: Facts) -> dict[str, object]:
    """The facts as the manifest holds them."""
    return asdict(found)

"""Events for AWS's sample queries from `iam-idc-user-create-iam-role` to `logs-by-region`, and what Trino answers on them.

Each case holds events that match and, for every condition of the query, events that miss it narrowly. The answers are
worked out from the statements, never copied from an engine. Each event has values of its own, so that an answer tells
which events it is made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from simulators.lake_samples import Case

Event = dict[str, Any]

PERSON = "alice@example.com"
"""Whom the samples about IAM Identity Center look for, at the end of a principal's id."""
IN_WINDOW = "2023-01-03 12:00:00"


def with_(event: Event, **changes: Any) -> Event:
    """`event`, changed."""
    return event | changes


def by(principal: str | None) -> Event:
    return {"type": "AssumedRole", "principalid": principal}


OUT_OF_WINDOW = (
    "2022-01-03 12:00:00",
    "2022-12-31 23:59:59.999",
    "2023-01-01 00:00:00",
    "2023-01-07 00:00:00",
    "2023-01-07 00:00:00.001",
    "2024-01-03 12:00:00",
    None,
)
"""Both ends of the week are outside it."""

SOMEBODY_ELSE = (
    by(f"AROA1:{PERSON}.org"),
    by(f"AROA1:{PERSON} "),
    by("AROA1:Alice@example.com"),
    by("AROA1:alice@exampleXcom"),
    by("AROA1:bob@example.com"),
    by(""),
    by(None),
    {"type": "AssumedRole", "username": PERSON, "arn": f"arn:aws:sts::111122223333:assumed-role/Ops/{PERSON}"},
    None,
)
"""LIKE tells case apart, has no dot that stands for any letter, and asks for the end of the text; null is like nothing."""


def misses(match: Event, **missing: Sequence[Any]) -> Iterator[Event]:
    """`match` with one column changed at a time, its id replaced."""
    for column, values in missing.items():
        for number, value in enumerate(values):
            yield match | {"eventid": f"missed-{column}-{number}", column: value}


def personal_misses(match: Event, **missing: Sequence[Any]) -> Iterator[Event]:
    """Misses of the conditions that all samples about IAM Identity Center share, and of `missing`."""
    return misses(match, useridentity=SOMEBODY_ELSE, eventtime=OUT_OF_WINDOW, **missing)


def call(name: str) -> Event:
    """A call of the person in the window."""
    return {
        "eventname": name,
        "eventtime": IN_WINDOW,
        "eventid": "e-1",
        "eventsource": "iam.amazonaws.com",
        "awsregion": "us-east-1",
        "recipientaccountid": "111122223333",
        "useridentity": by(f"AROA1:{PERSON}"),
        "readonly": False,
    }


def called(name: str, other_names: Sequence[str | None]) -> Case:
    """The samples that list calls of one name with their errors."""
    plain = call(name)
    return Case(
        events=[
            plain,
            with_(plain, eventid="e-2", eventtime="2023-01-01 00:00:00.001", useridentity=by(PERSON), awsregion=None),
            with_(
                plain,
                eventid="e-3",
                eventtime="2023-01-06 23:59:59.999",
                useridentity=by(f"AROA2:m{PERSON}"),
                recipientaccountid="444455556666",
                awsregion="eu-west-1",
                errorcode="EntityAlreadyExistsException",
                errormessage="It's there, isn't it?",
            ),
            *personal_misses(plain, eventname=other_names),
        ],
        expected=[
            ("111122223333", "us-east-1", "e-1", "2023-01-03 12:00:00.000", None, None),
            ("111122223333", None, "e-2", "2023-01-01 00:00:00.001", None, None),
            (
                "444455556666",
                "eu-west-1",
                "e-3",
                "2023-01-06 23:59:59.999",
                "EntityAlreadyExistsException",
                "It's there, isn't it?",
            ),
        ],
    )


def created_users() -> Case:
    plain = call("CreateUser")
    user = '{"path":"/","userName":"dora","userId":"AIDA1"}'
    return Case(
        events=[
            with_(plain, responseelements={"other": "x", "user": user}),
            with_(plain, eventid="e-2", errorcode="AccessDenied", responseelements=None),
            with_(plain, eventid="e-3", responseelements={"User": user, "users": "2"}),
            with_(plain, eventid="e-4", responseelements={}),
            *personal_misses(
                with_(plain, responseelements={"user": user}), eventname=["createuser", "CreateUsers", "XCreateUser", "DeleteUser", None]
            ),
        ],
        expected=[
            ("111122223333", "us-east-1", "e-1", "2023-01-03 12:00:00.000", user),
            ("111122223333", "us-east-1", "e-2", "2023-01-03 12:00:00.000", None),
            ("111122223333", "us-east-1", "e-3", "2023-01-03 12:00:00.000", None),
            ("111122223333", "us-east-1", "e-4", "2023-01-03 12:00:00.000", None),
        ],
    )


def denied() -> Case:
    plain = with_(call("PutObject"), eventsource="s3.amazonaws.com", errorcode="AccessDenied", errormessage="no")
    return Case(
        events=[
            plain,
            with_(plain, eventid="e-2", eventsource="ec2.amazonaws.com", errorcode="Client.UnauthorizedOperation", errormessage=None),
            with_(plain, eventid="e-3", eventname="GetObject", readonly=True, errorcode="Unauthorized"),
            with_(plain, eventid="e-4", readonly=None, errorcode="UnauthorizedAccess", errormessage=""),
            # The pair of OR is bracketed: an error of either kind has to meet the other conditions.
            *personal_misses(plain, errorcode=["AccessDeniedException", "Client.AccessDenied", "accessdenied", "unauthorized", "", None]),
            *personal_misses(with_(plain, errorcode="Client.UnauthorizedOperation")),
        ],
        expected=[
            ("111122223333", "us-east-1", "s3.amazonaws.com", "PutObject", "false", "AccessDenied", "no", "2023-01-03 12:00:00.000", "e-1"),
            (
                "111122223333",
                "us-east-1",
                "ec2.amazonaws.com",
                "PutObject",
                "false",
                "Client.UnauthorizedOperation",
                None,
                "2023-01-03 12:00:00.000",
                "e-2",
            ),
            ("111122223333", "us-east-1", "s3.amazonaws.com", "GetObject", "true", "Unauthorized", "no", "2023-01-03 12:00:00.000", "e-3"),
            (
                "111122223333",
                "us-east-1",
                "s3.amazonaws.com",
                "PutObject",
                None,
                "UnauthorizedAccess",
                "",
                "2023-01-03 12:00:00.000",
                "e-4",
            ),
        ],
    )


def put_role_policies() -> Case:
    plain = call("PutRolePolicy")
    document = '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    asked = {"policyName": "all", "roleName": "builder", "policyDocument": document}
    return Case(
        events=[
            with_(plain, requestparameters=asked),
            with_(plain, eventid="e-2", requestparameters={"roleName": "", "PolicyDocument": document}),
            with_(plain, eventid="e-3", requestparameters=None),
            *personal_misses(
                with_(plain, requestparameters=asked),
                eventname=["PutRolePolicyX", "XPutRolePolicy", "putRolePolicy", "PutUserPolicy", "GetRolePolicy", None],
            ),
        ],
        expected=[
            ("111122223333", "e-1", "2023-01-03 12:00:00.000", "builder", document),
            ("111122223333", "e-2", "2023-01-03 12:00:00.000", "", None),
            ("111122223333", "e-3", "2023-01-03 12:00:00.000", None, None),
        ],
    )


def mutable_actions() -> Case:
    plain = call("CreateRole")
    return Case(
        events=[
            plain,
            with_(plain, eventid="e-2", eventsource="kms.amazonaws.com", eventname="Encrypt", errorcode="AccessDenied"),
            with_(plain, eventid="e-3", eventsource=None, eventname=None, useridentity=by(PERSON), eventtime="2023-01-01 00:00:00.001"),
            *personal_misses(plain, readonly=[True, None]),
        ],
        expected=[
            ("iam.amazonaws.com", "CreateRole", "2023-01-03 12:00:00.000", "e-1", None),
            ("kms.amazonaws.com", "Encrypt", "2023-01-03 12:00:00.000", "e-2", "AccessDenied"),
            (None, None, "2023-01-01 00:00:00.001", "e-3", None),
        ],
    )


def launched_instances() -> Case:
    def instances(*ids: str, key: str = "instanceId") -> dict[str, str]:
        items = ",".join(f'{{"{key}":"{one}","imageId":"ami-1"}}' for one in ids)
        return {"requestId": "r", "instancesSet": f'{{"items":[{items}]}}'}

    wanted = "i-b188560f"
    plain = {
        "eventname": "RunInstances",
        "eventtime": IN_WINDOW,
        "awsregion": "us-east-1",
        "recipientaccountid": "111122223333",
        "useridentity": by("AIDA1"),
        "responseelements": instances(wanted),
    }
    others = [
        None,
        {},
        {"requestId": "r"},
        {"instancesSet": ""},
        {"instancesSet": '{"items":[]}'},
        {"instancesset": instances(wanted)["instancesSet"]},
        {"items": instances(wanted)["instancesSet"]},
        instances(f"{wanted}0"),
        instances("i-0b188560f", "i-b188560"),
        instances(wanted.upper()),
        instances(wanted, key="InstanceId"),
        instances(wanted, key="instanceid"),
        {"instancesSet": instances(wanted)["instancesSet"].replace('":"', '": "')},
    ]
    return Case(
        events=[
            plain,
            with_(plain, useridentity=by("AIDA2"), responseelements=instances("i-1", wanted, "i-2"), awsregion="eu-west-1"),
            with_(plain, useridentity=None, eventtime="2023-01-06 23:59:59.999", recipientaccountid="444455556666"),
            *misses(
                with_(plain, useridentity=by("AIDA-missed")),
                eventname=["StartInstances", "RunInstance", "RunInstancesX", "XRunInstances", "runInstances", None],
                eventtime=OUT_OF_WINDOW,
            ),
            *misses(with_(plain, useridentity=by("AIDA-missed"), requestparameters=instances(wanted)), responseelements=others),
        ],
        expected=[
            ("AIDA1", "RunInstances", "2023-01-03 12:00:00.000", "111122223333", "us-east-1"),
            ("AIDA2", "RunInstances", "2023-01-03 12:00:00.000", "111122223333", "eu-west-1"),
            (None, "RunInstances", "2023-01-06 23:59:59.999", "444455556666", "us-east-1"),
        ],
    )


def role_activity() -> Case:
    role = "arn:aws:iam::555555555555:role/alice"

    def acting(issuer: str | None, kind: str | None = "AssumedRole", **more: Any) -> Event:
        return {"type": kind, "sessioncontext": {"sessionissuer": {"type": "Role", "arn": issuer}}} | more

    plain = {
        "eventsource": "sqs.amazonaws.com",
        "eventname": "SendMessage",
        "eventtime": IN_WINDOW,
        "eventid": "e-1",
        "useridentity": acting(role),
    }
    others = [
        acting(role, "Role"),
        acting(role, "assumedrole"),
        acting(role, "AssumedRoleX"),
        acting(role, "XAssumedRole"),
        acting(role, "FederatedUser"),
        acting(role, None),
        acting(role + "2"),
        acting("x" + role),
        acting(role.upper()),
        acting("arn:aws:iam::555555555555:role/path/alice"),
        acting("arn:aws:iam::555555555556:role/alice"),
        acting("arn:aws:sts::555555555555:assumed-role/alice/session", arn=role),
        acting(None, arn=role),
        {"type": "AssumedRole", "arn": role, "sessioncontext": {"sourceidentity": role}},
        {"type": "AssumedRole", "arn": role},
        None,
    ]
    return Case(
        events=[
            plain,
            # The statement does not ask for success.
            with_(plain, eventid="e-2", errorcode="AccessDenied", eventname="DeleteQueue"),
            with_(plain, eventid="e-3", eventtime="2023-01-01 00:00:00.001", useridentity=acting(role, arn="arn:aws:iam::1:user/x")),
            *misses(plain, useridentity=others, eventtime=OUT_OF_WINDOW),
        ],
        expected=[
            ("sqs.amazonaws.com", "SendMessage", "2023-01-03 12:00:00.000", "e-1", None),
            ("sqs.amazonaws.com", "DeleteQueue", "2023-01-03 12:00:00.000", "e-2", "AccessDenied"),
            ("sqs.amazonaws.com", "SendMessage", "2023-01-01 00:00:00.001", "e-3", None),
        ],
    )


def assumed_roles() -> Case:
    key = "AKIAIOSFODNN7EXAMPLE"

    def holding(access_key: str | None) -> Event:
        return {"type": "IAMUser", "accesskeyid": access_key}

    plain = {
        "eventname": "AssumeRole",
        "eventtime": IN_WINDOW,
        "useridentity": holding(key),
        "requestparameters": {"roleArn": "arn:aws:iam::1:role/a", "roleSessionName": "ci"},
        "responseelements": {"credentials": '{"accessKeyId":"ASIA1","expiration":"Jan 3, 2023"}', "packedPolicySize": "5"},
    }
    missed = with_(plain, requestparameters={"roleArn": "missed"})
    holders = [
        holding(key.lower()),
        holding(key + "X"),
        holding("X" + key),
        holding(key[:-1]),
        holding(None),
        {"type": "IAMUser", "principalid": key},
        None,
    ]
    return Case(
        events=[
            plain,
            with_(plain, requestparameters={"roleArn": "arn:aws:iam::1:role/b"}, responseelements=None, errorcode="AccessDenied"),
            with_(plain, requestparameters={}, responseelements={}, eventtime="2023-01-06 23:59:59.999"),
            *misses(
                missed,
                eventname=["AssumeRoleWithSAML", "XAssumeRole", "AssumeRoleWithWebIdentity", "assumeRole", None],
                eventtime=OUT_OF_WINDOW,
                useridentity=holders,
            ),
        ],
        expected=[
            (
                "{roleArn=arn:aws:iam::1:role/a, roleSessionName=ci}",
                '{credentials={"accessKeyId":"ASIA1","expiration":"Jan 3, 2023"}, packedPolicySize=5}',
            ),
            ("{roleArn=arn:aws:iam::1:role/b}", None),
            ("{}", "{}"),
        ],
    )


def encryption_of_objects() -> Case:
    header = "x-amz-server-side-encryption"

    def put(at: str | None, asked: dict[str, str] | None, answered: dict[str, str] | None = None, account: str = "111122223333") -> Event:
        return {
            "eventname": "PutObject",
            "eventtime": at,
            "recipientaccountid": account,
            "requestparameters": asked,
            "responseelements": answered,
        }

    place = {"bucketName": "logs", "key": "a/b.txt"}
    return Case(
        events=[
            put("2021-05-05 05:05:05", place, {header: "AES256"}),
            put(
                "2023-05-05 05:05:05.005", place | {header: "aws:kms"}, {header: "aws:kms", header + "-aws-kms-key-id": "k"}, "444455556666"
            ),
            put(None, place),
            put("2022-05-05 05:05:05", {"bucketname": "logs", "Key": "a", header.title(): "AES256"}, {header + "-x": "AES256"}),
            put("2023-05-05 05:05:05.004", None),
            put("2024-02-29 00:00:00", {"bucketName": "", "key": "päth/ü", header: "AES256"}, {}),
            *misses(
                put("2023-01-01 00:00:00", place | {header: "missed"}, {header: "missed"}),
                eventname=["putObject", "PutObjectAcl", "XPutObject", "PutObject ", "GetObject", "CopyObject", "", None],
            ),
        ],
        expected=[
            ("111122223333", "2024-02-29 00:00:00.000", "", "päth/ü", "AES256", None),
            ("444455556666", "2023-05-05 05:05:05.005", "logs", "a/b.txt", "aws:kms", "aws:kms"),
            ("111122223333", "2023-05-05 05:05:05.004", None, None, None, None),
            ("111122223333", "2022-05-05 05:05:05.000", None, None, None, None),
            ("111122223333", "2021-05-05 05:05:05.000", "logs", "a/b.txt", None, "AES256"),
            # Null stands last, in a falling order too.
            ("111122223333", None, "logs", "a/b.txt", None, None),
        ],
        is_ordered=True,
    )


FULL_IDENTITY = {
    "type": "AssumedRole",
    "principalid": "AROA1:s",
    "arn": "arn:aws:sts::1:assumed-role/r/s",
    "accountid": "1",
    "accesskeyid": "ASIA1",
    "username": "u",
    "sessioncontext": {
        "attributes": {"creationdate": "2022-12-31 22:00:00", "mfaauthenticated": "true"},
        "sessionissuer": {"type": "Role", "principalid": "AROA1", "arn": "arn:aws:iam::1:role/r", "accountid": "2", "username": "r"},
        "webidfederationdata": {"federatedprovider": "accounts.example", "attributes": {"aud": "me", "n": "1"}},
        "sourceidentity": "dora",
        "ec2roledelivery": "2.0",
        "ec2issuedinvpc": "vpc-1",
    },
    "onbehalfof": {"userid": "o-1", "identitystorearn": "arn:aws:identitystore::1:identitystore/d-1"},
    "inscopeof": {"sourcearn": "arn:s", "sourceaccount": "3", "issuertype": "AWS::Lambda::Function", "credentialsissuedto": "arn:t"},
    "invokedby": "lambda.amazonaws.com",
    "identityprovider": "arn:p",
}
FULL_IDENTITY_TEXT = (
    "{type=AssumedRole, principalid=AROA1:s, arn=arn:aws:sts::1:assumed-role/r/s, accountid=1, accesskeyid=ASIA1, username=u, "
    "sessioncontext={attributes={creationdate=2022-12-31 22:00:00.000, mfaauthenticated=true}, "
    "sessionissuer={type=Role, principalid=AROA1, arn=arn:aws:iam::1:role/r, accountid=2, username=r}, "
    "webidfederationdata={federatedprovider=accounts.example, attributes={aud=me, n=1}}, "
    "sourceidentity=dora, ec2roledelivery=2.0, ec2issuedinvpc=vpc-1}, "
    "onbehalfof={userid=o-1, identitystorearn=arn:aws:identitystore::1:identitystore/d-1}, "
    "inscopeof={sourcearn=arn:s, sourceaccount=3, issuertype=AWS::Lambda::Function, credentialsissuedto=arn:t}, "
    "invokedby=lambda.amazonaws.com, identityprovider=arn:p}"
)
TWO_RESOURCES = [
    {"accountid": "1", "type": "AWS::S3::Bucket", "arn": "arn:aws:s3:::b"},
    {"arnprefix": "arn:aws:s3:::b/"},
]
TWO_RESOURCES_TEXT = (
    "[{accountid=1, type=AWS::S3::Bucket, arn=arn:aws:s3:::b, arnprefix=null}, "
    "{accountid=null, type=null, arn=null, arnprefix=arn:aws:s3:::b/}]"
)


def flattened() -> Case:
    """The window is one instant: both its ends are inside, and the same."""
    at = "2023-01-01 00:00:00"
    full = {
        "eventversion": "1.11",
        "useridentity": FULL_IDENTITY,
        "eventtime": at,
        "eventsource": "source",
        "eventname": "name",
        "awsregion": "region",
        "sourceipaddress": "192.0.2.1",
        "useragent": "agent",
        "errorcode": "code",
        "errormessage": "message",
        "requestparameters": {"q": "1", "Q": "2"},
        "responseelements": {"r": '{"a":[1]}'},
        "additionaleventdata": {"a": "3"},
        "requestid": "request",
        "eventid": "e-1",
        "readonly": False,
        "resources": TWO_RESOURCES,
        "eventtype": "AwsApiCall",
        "apiversion": "2020-01-01",
        "managementevent": True,
        "recipientaccountid": "4",
        "sharedeventid": "shared",
        "annotation": "note",
        "vpcendpointid": "vpce-1",
        "vpcendpointaccountid": "not selected",
        "serviceeventdetails": {"s": "4"},
        "addendum": {"d": "5"},
        "edgedevicedetails": {"g": "6"},
        "insightdetails": {"i": "7"},
        "eventcategory": "Management",
        "tlsdetails": {"tlsversion": "TLSv1.3", "ciphersuite": "suite", "clientprovidedhostheader": "host"},
        "sessioncredentialfromconsole": "true",
        "eventjson": '{"eventID":"e-1"}',
        "eventjsonchecksum": "sum",
    }
    full_row = (
        "1.11",
        "AROA1:s",
        "arn:aws:sts::1:assumed-role/r/s",
        "1",
        "ASIA1",
        "u",
        "2022-12-31 22:00:00.000",
        "true",
        "Role",
        "AROA1",
        "arn:aws:iam::1:role/r",
        "2",
        "r",
        "accounts.example",
        "{aud=me, n=1}",
        "dora",
        "2.0",
        "vpc-1",
        "lambda.amazonaws.com",
        "arn:p",
        "2023-01-01 00:00:00.000",
        "source",
        "name",
        "region",
        "192.0.2.1",
        "agent",
        "code",
        "message",
        "{q=1, Q=2}",
        '{r={"a":[1]}}',
        "{a=3}",
        "request",
        "e-1",
        "false",
        TWO_RESOURCES_TEXT,
        "AwsApiCall",
        "2020-01-01",
        "true",
        "4",
        "shared",
        "note",
        "vpce-1",
        "{s=4}",
        "{d=5}",
        "{g=6}",
        "{i=7}",
        "Management",
        "TLSv1.3",
        "suite",
        "host",
        "true",
        '{"eventID":"e-1"}',
        "sum",
    )
    instant, before, after = "2023-01-01 00:00:00.000", 20, 32
    return Case(
        events=[
            full,
            {"eventtime": at},
            {"eventtime": at, "useridentity": {"type": "Root", "sessioncontext": {"attributes": None}}, "resources": []},
            *misses(full, eventtime=["2022-12-31 23:59:59.999", "2023-01-01 00:00:00.001", "2023-01-02 00:00:00", None]),
        ],
        expected=[
            full_row,
            (*[None] * before, instant, *[None] * after),
            (*[None] * before, instant, *[None] * 13, "[]", *[None] * (after - 14)),
        ],
    )


def made_by_hand() -> Case:
    def role(name: str | None) -> Event:
        return {"type": "AssumedRole", "arn": "arn:x", "sessioncontext": {"sessionissuer": {"username": name}}}

    def role_text(name: str) -> str:
        return (
            "{type=AssumedRole, principalid=null, arn=arn:x, accountid=null, accesskeyid=null, username=null, "
            "sessioncontext={attributes=null, "
            f"sessionissuer={{type=null, principalid=null, arn=null, accountid=null, username={name}}}, "
            "webidfederationdata=null, sourceidentity=null, ec2roledelivery=null, ec2issuedinvpc=null}, "
            "onbehalfof=null, inscopeof=null, invokedby=null, identityprovider=null}"
        )

    plain = {
        "eventname": "CreateBucket",
        "eventtime": "2023-01-03 12:00:00",
        "eventsource": "s3.amazonaws.com",
        "awsregion": "us-east-1",
        "requestparameters": {"bucketName": "b"},
        "resources": TWO_RESOURCES,
        "useridentity": FULL_IDENTITY,
        "sourceipaddress": "192.0.2.1",
        "requestid": "r-1",
        "eventid": "e-1",
    }
    others = [role("AWSServiceRole"), role("AWSServiceRoleForSupport"), role(""), role(None), {"type": "IAMUser", "username": "dora"}, None]
    names = ["createBucket", "create", "update", "Output", "inputs", "delete", "Crea te", "ListBuckets", "", None]
    more: Event = {"useridentity": role("r"), "requestparameters": None, "resources": []}
    return Case(
        events=[
            with_(plain, **more, eventid="e-5", eventname="BatchDeleteTags", eventtime="2020-01-01 00:00:00"),
            with_(plain, **more, eventid="e-4", eventname="BatchUpdateTable", eventtime="2023-01-03 11:59:59.999"),
            plain,
            with_(plain, **more, eventid="e-3", eventname="XPutY", eventtime=None, sourceipaddress="cloudformation.amazonaws.com.example"),
            with_(
                plain,
                eventid="e-2",
                eventname="AdminCreateUser",
                eventtime="2024-01-01 00:00:00",
                useridentity=role("MyAWSServiceRole"),
                sourceipaddress="",
                requestid=None,
            ),
            with_(
                plain,
                **(more | {"useridentity": role("awsservicerolex")}),
                eventid="e-6",
                eventname="Put",
                eventtime="2019-01-01 00:00:00",
                awsregion=None,
            ),
            *misses(plain, eventname=names, resources=[None], useridentity=others, sourceipaddress=["cloudformation.amazonaws.com", None]),
            # The kinds of name are bracketed: the last of them has to meet the other conditions too.
            *misses(
                with_(plain, eventname="DeleteBucket"),
                resources=[None],
                useridentity=others,
                sourceipaddress=["cloudformation.amazonaws.com", None],
            ),
        ],
        expected=[
            (
                "arn:x",
                role_text("MyAWSServiceRole"),
                "2024-01-01 00:00:00.000",
                "s3.amazonaws.com",
                "AdminCreateUser",
                "us-east-1",
                "{bucketName=b}",
                TWO_RESOURCES_TEXT,
                None,
                "e-2",
            ),
            (
                "arn:aws:sts::1:assumed-role/r/s",
                FULL_IDENTITY_TEXT,
                "2023-01-03 12:00:00.000",
                "s3.amazonaws.com",
                "CreateBucket",
                "us-east-1",
                "{bucketName=b}",
                TWO_RESOURCES_TEXT,
                "r-1",
                "e-1",
            ),
            (
                "arn:x",
                role_text("r"),
                "2023-01-03 11:59:59.999",
                "s3.amazonaws.com",
                "BatchUpdateTable",
                "us-east-1",
                None,
                "[]",
                "r-1",
                "e-4",
            ),
            (
                "arn:x",
                role_text("r"),
                "2020-01-01 00:00:00.000",
                "s3.amazonaws.com",
                "BatchDeleteTags",
                "us-east-1",
                None,
                "[]",
                "r-1",
                "e-5",
            ),
            ("arn:x", role_text("awsservicerolex"), "2019-01-01 00:00:00.000", "s3.amazonaws.com", "Put", None, None, "[]", "r-1", "e-6"),
            ("arn:x", role_text("r"), None, "s3.amazonaws.com", "XPutY", "us-east-1", None, "[]", "r-1", "e-3"),
        ],
        is_ordered=True,
    )


WIDENED = ("2022-01-01 00:00:00", "2022-01-02 00:00:00")
"""The end of a window that, as published, begins and ends with the same instant and so holds nothing → an end a day later."""
OUT_OF_DAY = ("2021-12-31 23:59:59.999", "2022-01-01 00:00:00", "2022-01-02 00:00:00", "2022-01-02 00:00:00.001", None)

FAILED = {
    "useridentity": {"arn": "arn:a"},
    "eventtime": "2022-01-01 12:00:00",
    "eventsource": "s3.amazonaws.com",
    "eventname": "GetObject",
    "awsregion": "us-east-1",
    "sourceipaddress": "192.0.2.1",
    "useragent": "agent",
    "errorcode": "NoSuchKey",
    "errormessage": "gone",
    "requestparameters": {"key": "k", "bucketName": "b"},
    "readonly": True,
    "resources": TWO_RESOURCES,
    "recipientaccountid": "111122223333",
    "tlsdetails": {"tlsversion": "TLSv1.2", "clientprovidedhostheader": "h"},
}
FAILURES = (
    FAILED,
    with_(FAILED, eventtime="2022-01-01 00:00:00.001", errorcode="", errormessage=None, useridentity=None, tlsdetails=None),
    with_(FAILED, eventtime="2022-01-01 23:59:59.999", readonly=None, requestparameters=None, resources=None, recipientaccountid=None),
    *misses(FAILED, errorcode=[None], eventtime=OUT_OF_DAY),
)
FAILURES_OF_A_DAY = (
    (
        "arn:a",
        "2022-01-01 12:00:00.000",
        "s3.amazonaws.com",
        "GetObject",
        "us-east-1",
        "192.0.2.1",
        "agent",
        "NoSuchKey",
        "gone",
        "{key=k, bucketName=b}",
        "true",
        TWO_RESOURCES_TEXT,
        "111122223333",
        "{tlsversion=TLSv1.2, ciphersuite=null, clientprovidedhostheader=h}",
    ),
    (
        None,
        "2022-01-01 00:00:00.001",
        "s3.amazonaws.com",
        "GetObject",
        "us-east-1",
        "192.0.2.1",
        "agent",
        "",
        None,
        "{key=k, bucketName=b}",
        "true",
        TWO_RESOURCES_TEXT,
        "111122223333",
        None,
    ),
    (
        "arn:a",
        "2022-01-01 23:59:59.999",
        "s3.amazonaws.com",
        "GetObject",
        "us-east-1",
        "192.0.2.1",
        "agent",
        "NoSuchKey",
        "gone",
        None,
        None,
        None,
        None,
        "{tlsversion=TLSv1.2, ciphersuite=null, clientprovidedhostheader=h}",
    ),
)

CLICKED = {
    "useridentity": {"arn": "arn:a"},
    "eventtime": "2022-01-01 12:00:00",
    "eventsource": "iam.amazonaws.com",
    "eventname": "CreateUser",
    "awsregion": "us-east-1",
    "sourceipaddress": "192.0.2.1",
    "useragent": "browser",
    "requestparameters": {"userName": "u"},
    "readonly": False,
    "recipientaccountid": "111122223333",
    "sessioncredentialfromconsole": "true",
}
CLICKS = (
    CLICKED,
    with_(CLICKED, eventtime="2022-01-01 00:00:00.001", useridentity=None, requestparameters=None, errorcode="AccessDenied"),
    *misses(CLICKED, sessioncredentialfromconsole=["false", None], readonly=[True, None], eventtime=OUT_OF_DAY),
)
CLICKS_OF_A_DAY = (
    (
        "arn:a",
        "2022-01-01 12:00:00.000",
        "iam.amazonaws.com",
        "CreateUser",
        "us-east-1",
        "192.0.2.1",
        "browser",
        "{userName=u}",
        "false",
        "111122223333",
        "true",
    ),
    (
        None,
        "2022-01-01 00:00:00.001",
        "iam.amazonaws.com",
        "CreateUser",
        "us-east-1",
        "192.0.2.1",
        "browser",
        None,
        "false",
        "111122223333",
        "true",
    ),
)


def regions() -> Case:
    def calls(region: str | None, source: str | None, times: Sequence[str | None]) -> list[Event]:
        return [{"awsregion": region, "eventsource": source, "eventtime": at} for at in times]

    first, inside, last = "2022-04-23 00:00:00.001", "2022-07-01 00:00:00", "2022-11-25 23:59:59.999"
    outside = ["2022-04-22 12:00:00", "2022-04-23 00:00:00", "2022-11-26 00:00:00", "2023-07-01 00:00:00", "2021-07-01 00:00:00", None]
    return Case(
        events=[
            *calls("eu-west-1", "s3.amazonaws.com", [first]),
            *calls("us-east-1", "s3.amazonaws.com", [first, inside, inside, last, *outside]),
            *calls("us-east-1", "ec2.amazonaws.com", [inside] * 11 + outside),
            *calls("eu-west-1", "ec2.amazonaws.com", [inside, last, *outside]),
            *calls(None, "s3.amazonaws.com", [inside] * 3),
            *calls("us-east-1", None, [inside] * 5),
            *calls(None, None, [inside] * 6),
            *calls("US-EAST-1", "s3.amazonaws.com", [inside] * 7),
            *calls("ap-south-1", "s3.amazonaws.com", outside),
        ],
        # By number, not by the number's text; null is a group like any other.
        expected=[
            ("us-east-1", "ec2.amazonaws.com", "11"),
            ("US-EAST-1", "s3.amazonaws.com", "7"),
            (None, None, "6"),
            ("us-east-1", None, "5"),
            ("us-east-1", "s3.amazonaws.com", "4"),
            (None, "s3.amazonaws.com", "3"),
            ("eu-west-1", "ec2.amazonaws.com", "2"),
            ("eu-west-1", "s3.amazonaws.com", "1"),
        ],
        is_ordered=True,
    )


CASES = {
    "iam-idc-user-create-iam-role": called("CreateRole", ["CreateRoles", "XCreateRole", "createRole", "CreateUser", "", None]),
    "iam-idc-user-create-iam-user": created_users(),
    "iam-idc-user-create-iam-user-acces-keys": called(
        "CreateAccessKey", ["createAccessKey", "CreateAccessKeys", "XCreateAccessKey", "DeleteAccessKey", "", None]
    ),
    "iam-idc-user-denied-activity": denied(),
    "iam-idc-user-modify-iam-policy": put_role_policies(),
    "iam-idc-user-mutable-actions": mutable_actions(),
    "iam-principal-by-launched-ec2-instance-id": launched_instances(),
    "iam-role-activity": role_activity(),
    "iam-role-assumed-by-iam-access-key": assumed_roles(),
    "list-all-S3-PutObjects-Encryption-status": encryption_of_objects(),
    "list-all-events-in-a-flatten-table-format": flattened(),
    "list-all-manually-created-resources": made_by_hand(),
    "list-events-with-errors": Case(events=FAILURES, expected=[]),
    "list-write-events-from-management-console": Case(events=CLICKS, expected=[]),
    "logs-by-region": regions(),
}
"""File → the case of it as published."""

WIDENED_CASES = {
    "list-events-with-errors": Case(events=FAILURES, expected=FAILURES_OF_A_DAY),
    "list-write-events-from-management-console": Case(events=CLICKS, expected=CLICKS_OF_A_DAY),
}
"""File → the case of it with the window `WIDENED`."""

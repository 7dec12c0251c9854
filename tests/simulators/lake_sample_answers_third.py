"""Records and right answers for the public sample queries from `network-…` to `users-…`, worked out by hand from the statements.

Beside the records that match stand ones that miss each condition by a little. `${date_filter}` is one instant in both places of a
query, and three queries are published with a period that nothing can lie in: `WITH_A_PERIOD` has their answers once it ends later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from simulators.lake_samples import Case

Record = dict[str, Any]

AT: Final = "2023-01-01 00:00:00"
"""What the tests put for `${date_filter}`."""
JUST_BEFORE, JUST_AFTER = "2022-12-31 23:59:59.999", "2023-01-01 00:00:00.001"


def _with(record: Record, changes: Mapping[str, Any]) -> Record:
    return {**record, **changes}


def _misses(record: Record, *changes: Mapping[str, Any]) -> list[Record]:
    """Records like `record` that the query passes over, one for each of `changes`."""
    return [_with(record, one) for one in changes]


ANA = {"type": "IAMUser", "arn": "arn:aws:iam::111111111111:user/ana", "accountid": "111111111111", "username": "ana"}
BEN = {"type": "IAMUser", "arn": "arn:aws:iam::222222222222:user/ben", "accountid": "222222222222", "username": "ben"}

SECRET: Final[Record] = {
    "eventtime": AT,
    "useridentity": ANA,
    "eventtype": "AwsVpceEvent",
    "eventcategory": "NetworkActivity",
    "eventsource": "secretsmanager.amazonaws.com",
    "eventname": "GetSecretValue",
    "errorcode": "VpceAccessDenied",
    "errormessage": "by the endpoint's policy",
    "vpcendpointid": "vpce-1",
    "vpcendpointaccountid": "333333333333",
    "sourceipaddress": "10.0.0.1",
}
DENIED_MISSES: Final[list[Mapping[str, Any]]] = [
    {"eventcategory": "Data"},
    {"eventcategory": "networkactivity"},
    {"eventcategory": None},
    {"errorcode": "AccessDenied"},
    {"errorcode": None},
    {"eventtime": JUST_BEFORE},
    {"eventtime": JUST_AFTER},
]

_secrets = Case(
    events=[
        SECRET,
        {
            "eventtime": AT,
            "eventcategory": "NetworkActivity",
            "eventsource": "secretsmanager.amazonaws.com",
            "errorcode": "VpceAccessDenied",
        },
        *_misses(SECRET, *DENIED_MISSES, {"eventsource": "s3.amazonaws.com"}, {"eventsource": None}),
    ],
    expected=[
        (
            "2023-01-01 00:00:00.000",
            "ana",
            "111111111111",
            "AwsVpceEvent",
            "NetworkActivity",
            "GetSecretValue",
            "VpceAccessDenied",
            "by the endpoint's policy",
            "vpce-1",
            "333333333333",
            "10.0.0.1",
        ),
        ("2023-01-01 00:00:00.000", None, None, None, "NetworkActivity", None, "VpceAccessDenied", None, None, None, None),
    ],
)

# Names fall, and what has none comes last. The source does not matter here.
_denied = Case(
    events=[
        SECRET,
        _with(SECRET, {"eventname": "PutSecretValue"}),
        _with(SECRET, {"eventname": None}),
        _with(SECRET, {"eventsource": "s3.amazonaws.com"}),
        _with(SECRET, {"eventname": "Decrypt", "eventsource": "kms.amazonaws.com"}),
        _with(SECRET, {"eventname": "PutSecretValue", "eventtype": "other"}),
        _with(SECRET, {"eventname": "PutSecretValue", "requestid": "7"}),
        *_misses(SECRET, *DENIED_MISSES),
    ],
    expected=[
        (count, ANA["arn"], "111111111111", name, "by the endpoint's policy", "vpce-1", "333333333333", "10.0.0.1")
        for count, name in [("3", "PutSecretValue"), ("2", "GetSecretValue"), ("1", "Decrypt"), ("1", None)]
    ],
    is_ordered=True,
)

# Each of the grouped columns parts the records, and nulls are one group.
_network = Case(
    events=[
        SECRET,
        SECRET,
        _with(SECRET, {"useridentity": BEN}),
        _with(SECRET, {"useridentity": {**ANA, "accountid": "222222222222"}}),
        _with(SECRET, {"eventname": "Decrypt"}),
        _with(SECRET, {"errormessage": "other"}),
        _with(SECRET, {"errormessage": None}),
        _with(SECRET, {"errormessage": None}),
        _with(SECRET, {"errormessage": ""}),
        _with(SECRET, {"vpcendpointid": "vpce-2"}),
        _with(SECRET, {"vpcendpointaccountid": "444444444444"}),
        _with(SECRET, {"sourceipaddress": "10.0.0.2"}),
        _with(SECRET, {"useridentity": None}),
        _with(SECRET, {"useridentity": {"type": "AWSService"}}),
        *_misses(SECRET, *DENIED_MISSES),
    ],
    expected=[
        ("2", ANA["arn"], "111111111111", "GetSecretValue", "by the endpoint's policy", "vpce-1", "333333333333", "10.0.0.1"),
        ("1", BEN["arn"], "222222222222", "GetSecretValue", "by the endpoint's policy", "vpce-1", "333333333333", "10.0.0.1"),
        ("1", ANA["arn"], "222222222222", "GetSecretValue", "by the endpoint's policy", "vpce-1", "333333333333", "10.0.0.1"),
        ("1", ANA["arn"], "111111111111", "Decrypt", "by the endpoint's policy", "vpce-1", "333333333333", "10.0.0.1"),
        ("1", ANA["arn"], "111111111111", "GetSecretValue", "other", "vpce-1", "333333333333", "10.0.0.1"),
        ("2", ANA["arn"], "111111111111", "GetSecretValue", None, "vpce-1", "333333333333", "10.0.0.1"),
        ("1", ANA["arn"], "111111111111", "GetSecretValue", "", "vpce-1", "333333333333", "10.0.0.1"),
        ("1", ANA["arn"], "111111111111", "GetSecretValue", "by the endpoint's policy", "vpce-2", "333333333333", "10.0.0.1"),
        ("1", ANA["arn"], "111111111111", "GetSecretValue", "by the endpoint's policy", "vpce-1", "444444444444", "10.0.0.1"),
        ("1", ANA["arn"], "111111111111", "GetSecretValue", "by the endpoint's policy", "vpce-1", "333333333333", "10.0.0.2"),
        ("2", None, None, "GetSecretValue", "by the endpoint's policy", "vpce-1", "333333333333", "10.0.0.1"),
    ],
)

CLUSTER: Final[Record] = {
    "eventname": "DeleteDBCluster",
    "eventtime": "2023-03-04 05:06:07.089",
    "requestparameters": {"dBClusterIdentifier": "orders", "skipFinalSnapshot": "true"},
    "useridentity": {"sessioncontext": {"sessionissuer": {"username": "Operator"}}},
}
_rds = Case(
    events=[
        CLUSTER,
        _with(CLUSTER, {"requestparameters": {"skipFinalSnapshot": "true"}, "useridentity": ANA, "errorcode": "AccessDenied"}),
        *_misses(
            CLUSTER,
            {"eventname": "DeleteDBInstance"},
            {"eventname": None},
            {"requestparameters": {"dBClusterIdentifier": "orders", "skipFinalSnapshot": "false"}},
            {"requestparameters": {"dBClusterIdentifier": "orders", "skipFinalSnapshot": "True"}},
            {"requestparameters": {"dBClusterIdentifier": "orders", "SkipFinalSnapshot": "true"}},
            {"requestparameters": {"dBClusterIdentifier": "orders"}},
            {"requestparameters": {}},
            {"requestparameters": None},
        ),
    ],
    expected=[("orders", "Operator", "2023-03-04 05:06:07.089"), (None, None, "2023-03-04 05:06:07.089")],
)

OBJECT: Final[Record] = {
    "eventname": "GetObject",
    "eventtime": "2023-01-03 12:00:00",
    "useridentity": {**ANA, "accesskeyid": "AKIAIOSFODNN7EXAMPLE"},
    "requestparameters": {"bucketName": "logs", "key": "a/b.json"},
}
_by_key = Case(
    events=[
        OBJECT,
        OBJECT,
        _with(OBJECT, {"eventname": "CopyObject", "eventtime": JUST_AFTER}),
        _with(OBJECT, {"eventname": "DeleteObject", "eventtime": "2023-01-06 23:59:59.999"}),
        _with(OBJECT, {"eventname": "DeleteObjects", "requestparameters": {"bucketName": "logs", "delete": ""}}),
        _with(OBJECT, {"eventname": "HeadObject", "requestparameters": None, "errorcode": "AccessDenied"}),
        _with(OBJECT, {"eventname": "PutObject", "requestparameters": {"bucketName": "logs", "key": ""}}),
        *_misses(
            OBJECT,
            {"eventname": "GetObjectAcl"},
            {"eventname": "getobject"},
            {"eventname": None},
            {"eventtime": AT},
            {"eventtime": "2023-01-07 00:00:00"},
            {"eventtime": "2024-01-03 12:00:00"},
            {"useridentity": {**ANA, "accesskeyid": "AKIAIOSFODNN7EXAMPLF"}},
            {"useridentity": ANA},
            {"useridentity": None},
        ),
    ],
    expected=[
        ("logs", "a/b.json", "GetObject"),
        ("logs", "a/b.json", "GetObject"),
        ("logs", "a/b.json", "CopyObject"),
        ("logs", "a/b.json", "DeleteObject"),
        ("logs", None, "DeleteObjects"),
        (None, None, "HeadObject"),
        ("logs", "", "PutObject"),
    ],
)

OPEN, SHUT, HALF = (
    '{"RestrictPublicBuckets":false,"BlockPublicPolicy":false}',
    '{"RestrictPublicBuckets":true,"BlockPublicPolicy":"true","BlockPublicAcls":true}',
    '{"RestrictPublicBuckets":null,"BlockPublicPolicy":{"is":true}}',
)
BLOCK: Final[Record] = {
    "eventtime": "2023-07-08 09:00:00",
    "eventsource": "s3.amazonaws.com",
    "eventname": "PutBucketPublicAccessBlock",
    "requestparameters": {"bucketName": "demo-20230707", "PublicAccessBlockConfiguration": OPEN},
    "responseelements": {"x-amz-id": "1", "at": "now"},
    "useridentity": ANA,
}
_public_access = Case(
    events=[
        BLOCK,
        _with(
            BLOCK,
            {
                "eventtime": "2023-07-07 00:00:00",
                "eventname": "PutPublicAccessBlock",
                "requestparameters": {"PublicAccessBlockConfiguration": SHUT, "bucketName": "demo-20230707"},
                "responseelements": None,
                "useridentity": BEN,
            },
        ),
        _with(
            BLOCK,
            {
                "eventtime": "2023-07-09 00:00:00",
                "eventname": "DeletePublicAccessBlock",
                "requestparameters": {"bucketName": "demo-20230707"},
                "responseelements": {},
                "useridentity": None,
            },
        ),
        _with(
            BLOCK,
            {
                "eventtime": "2023-07-07 12:00:00",
                "requestparameters": {"bucketName": "demo-20230707", "PublicAccessBlockConfiguration": HALF},
                "responseelements": None,
            },
        ),
        _with(
            BLOCK,
            {
                "eventtime": "2023-07-07 11:00:00",
                "requestparameters": {"bucketName": "demo-20230707", "PublicAccessBlockConfiguration": "no JSON"},
                "responseelements": None,
            },
        ),
        *_misses(
            BLOCK,
            {"eventtime": "2023-07-06 23:59:59.999"},
            {"eventsource": "s3-outposts.amazonaws.com"},
            {"eventsource": None},
            {"requestparameters": {"bucketName": "demo-20230708", "PublicAccessBlockConfiguration": OPEN}},
            {"requestparameters": {"PublicAccessBlockConfiguration": OPEN}},
            {"requestparameters": None},
            {"eventname": "GetBucketPublicAccessBlock"},
            {"eventname": None},
        ),
    ],
    expected=[
        (
            "demo-20230707",
            None,
            None,
            None,
            "DeletePublicAccessBlock",
            "2023-07-09 00:00:00.000",
            "{bucketName=demo-20230707}",
            None,
            "{}",
        ),
        (
            "demo-20230707",
            "false",
            "false",
            OPEN,
            "PutBucketPublicAccessBlock",
            "2023-07-08 09:00:00.000",
            "{bucketName=demo-20230707, PublicAccessBlockConfiguration=" + OPEN + "}",
            ANA["arn"],
            "{x-amz-id=1, at=now}",
        ),
        (
            "demo-20230707",
            None,
            None,
            HALF,
            "PutBucketPublicAccessBlock",
            "2023-07-07 12:00:00.000",
            "{bucketName=demo-20230707, PublicAccessBlockConfiguration=" + HALF + "}",
            ANA["arn"],
            None,
        ),
        (
            "demo-20230707",
            None,
            None,
            "no JSON",
            "PutBucketPublicAccessBlock",
            "2023-07-07 11:00:00.000",
            "{bucketName=demo-20230707, PublicAccessBlockConfiguration=no JSON}",
            ANA["arn"],
            None,
        ),
        (
            "demo-20230707",
            "true",
            "true",
            SHUT,
            "PutPublicAccessBlock",
            "2023-07-07 00:00:00.000",
            "{PublicAccessBlockConfiguration=" + SHUT + ", bucketName=demo-20230707}",
            BEN["arn"],
            None,
        ),
    ],
    is_ordered=True,
)

ACL: Final[Record] = {
    "recipientaccountid": "222222222222",
    "awsregion": "eu-west-1",
    "requestparameters": {"bucketName": "old"},
    "additionaleventdata": {"aclRequired": "Yes"},
}
_acls = Case(
    events=[
        _with(ACL, {"awsregion": None}),
        ACL,
        _with(ACL, {"recipientaccountid": "111111111111"}),
        _with(ACL, {"eventname": "PutObject", "additionaleventdata": {"bytes": "1", "aclRequired": "Yes"}}),
        _with(ACL, {"awsregion": "us-east-1", "requestparameters": {"bucketName": "older"}}),
        _with(ACL, {"awsregion": "af-south-1", "requestparameters": None}),
        _with(ACL, {"recipientaccountid": None}),
        *_misses(
            _with(ACL, {"requestparameters": {"bucketName": "new"}}),
            {"additionaleventdata": {"aclRequired": "No"}},
            {"additionaleventdata": {"aclRequired": "yes"}},
            {"additionaleventdata": {"AclRequired": "Yes"}},
            {"additionaleventdata": {}},
            {"additionaleventdata": None},
        ),
    ],
    expected=[
        ("old", "eu-west-1", "111111111111"),
        (None, "af-south-1", "222222222222"),
        ("old", "eu-west-1", "222222222222"),
        ("older", "us-east-1", "222222222222"),
        ("old", None, "222222222222"),
        ("old", "eu-west-1", None),
    ],
    is_ordered=True,
)


def _tagging(resource: str, *tags: str) -> str:
    return f'{{"requestParameters":{{"resourcesSet":{{"items":[{resource}]}},"tagSet":{{"items":[{",".join(tags)}]}}}}}}'


TAGGED: Final[Record] = {
    "awsregion": "us-east-1",
    "eventsource": "ec2.amazonaws.com",
    "eventname": "CreateTags",
    "eventtime": "2022-05-06 07:08:09",
    "eventjson": _tagging('{"resourceId":"i-1"}', '{"key":"team","value":"red"}'),
    "useridentity": ANA,
}
TAGGED_TEXT: Final = ("us-east-1", "ec2.amazonaws.com")
_tags = Case(
    events=[
        _with(TAGGED, {"eventtime": "2022-01-01 00:00:00.001"}),
        TAGGED,
        _with(TAGGED, {"eventname": "DeleteTags", "eventtime": "2022-06-01 00:00:00", "eventjson": _tagging('{"resourceId":"i-1"}')}),
        _with(
            TAGGED,
            {
                "eventname": "DeleteTags",
                "eventtime": "2022-06-02 00:00:00",
                "eventjson": _tagging('{"resourceId":"i-1"}', '{"key":"cost"}'),
            },
        ),
        _with(
            TAGGED,
            {
                "eventjson": _tagging('{"resourceId":"i-0"},{"resourceId":"i-1"}', '{"key":"b","value":"1"}', '{"key":"a","value":"2"}'),
                "useridentity": None,
            },
        ),
        _with(TAGGED, {"eventjson": _tagging('{"resourceId":"i-2"}', '{"key":"n","value":5}'), "eventtime": "2022-05-01 00:00:00"}),
        _with(TAGGED, {"eventjson": _tagging('{"resourceId":"i-2"}', '{"key":"n","value":null}'), "eventtime": "2022-05-02 00:00:00"}),
        _with(TAGGED, {"eventjson": _tagging('{"resourceId":"i-2"}', '{"key":"n","value":{"v":1}}'), "eventtime": "2022-05-03 00:00:00"}),
        _with(TAGGED, {"eventjson": '{"requestParameters":null}', "eventtime": "2022-05-04 00:00:00"}),
        _with(TAGGED, {"eventjson": "torn {", "eventtime": "2022-05-03 00:00:00"}),
        _with(TAGGED, {"eventjson": None, "eventtime": "2022-05-02 00:00:00"}),
        *_misses(
            TAGGED,
            {"eventtime": "2022-01-01 00:00:00"},
            {"eventtime": "2021-12-31 23:59:59.999"},
            {"eventname": "DescribeTags"},
            {"eventname": "CreateTag"},
            {"eventname": None},
        ),
    ],
    expected=[
        (*TAGGED_TEXT, "i-0", "2022-05-06 07:08:09.000", "CreateTags", "b", "1", None),
        (*TAGGED_TEXT, "i-1", "2022-06-02 00:00:00.000", "DeleteTags", "cost", None, ANA["arn"]),
        (*TAGGED_TEXT, "i-1", "2022-05-06 07:08:09.000", "CreateTags", "team", "red", ANA["arn"]),
        (*TAGGED_TEXT, "i-1", "2022-01-01 00:00:00.001", "CreateTags", "team", "red", ANA["arn"]),
        (*TAGGED_TEXT, "i-1", "2022-06-01 00:00:00.000", "DeleteTags", None, None, ANA["arn"]),
        (*TAGGED_TEXT, "i-2", "2022-05-03 00:00:00.000", "CreateTags", "n", None, ANA["arn"]),
        (*TAGGED_TEXT, "i-2", "2022-05-02 00:00:00.000", "CreateTags", "n", None, ANA["arn"]),
        (*TAGGED_TEXT, "i-2", "2022-05-01 00:00:00.000", "CreateTags", "n", "5", ANA["arn"]),
        (*TAGGED_TEXT, None, "2022-05-04 00:00:00.000", "CreateTags", None, None, ANA["arn"]),
        (*TAGGED_TEXT, None, "2022-05-03 00:00:00.000", "CreateTags", None, None, ANA["arn"]),
        (*TAGGED_TEXT, None, "2022-05-02 00:00:00.000", "CreateTags", None, None, ANA["arn"]),
    ],
    is_ordered=True,
)

OLD_TLS: Final[Record] = {
    "eventtime": AT,
    "eventsource": "s3.amazonaws.com",
    "tlsdetails": {"tlsversion": "TLSv1", "ciphersuite": "a"},
    "sourceipaddress": "10.0.0.1",
    "recipientaccountid": "111111111111",
}
_old_tls = Case(
    events=[
        *[_with(OLD_TLS, {"recipientaccountid": "222222222222"})] * 2,
        OLD_TLS,
        *[_with(OLD_TLS, {"sourceipaddress": "10.0.0.2"})] * 3,
        *[_with(OLD_TLS, {"eventsource": "sts.amazonaws.com"})] * 5,
        *[_with(OLD_TLS, {"tlsdetails": {"tlsversion": "TLSv1.1", "ciphersuite": suite}}) for suite in "abcd"],
        *[_with(OLD_TLS, {"eventsource": None, "tlsdetails": {"tlsversion": "TLSv1.0"}})] * 6,
        *_misses(
            OLD_TLS,
            {"tlsdetails": {"tlsversion": "TLSv1.2"}},
            {"tlsdetails": {"tlsversion": "TLSv1.3"}},
            {"tlsdetails": {"tlsversion": "SSLv3"}},
            {"tlsdetails": {"tlsversion": "tlsv1"}},
            {"tlsdetails": {"tlsversion": "1.0"}},
            {"tlsdetails": {"tlsversion": ""}},
            {"tlsdetails": {"ciphersuite": "a"}},
            {"tlsdetails": None},
            {"eventtime": JUST_BEFORE},
            {"eventtime": JUST_AFTER},
        ),
    ],
    expected=[
        (None, "TLSv1.0", "10.0.0.1", "111111111111", "6"),
        ("sts.amazonaws.com", "TLSv1", "10.0.0.1", "111111111111", "5"),
        ("s3.amazonaws.com", "TLSv1.1", "10.0.0.1", "111111111111", "4"),
        ("s3.amazonaws.com", "TLSv1", "10.0.0.2", "111111111111", "3"),
        ("s3.amazonaws.com", "TLSv1", "10.0.0.1", "222222222222", "2"),
        ("s3.amazonaws.com", "TLSv1", "10.0.0.1", "111111111111", "1"),
    ],
    is_ordered=True,
)

IN_JANUARY: Final = "2022-01-15 10:00:00"
OUT_OF_JANUARY: Final[list[Mapping[str, Any]]] = [
    {"eventtime": "2022-01-01 00:00:00"},
    {"eventtime": "2021-12-31 23:59:59.999"},
    {"eventtime": "2022-02-01 00:00:00"},
]

TLS: Final[Record] = {
    "eventtime": IN_JANUARY,
    "eventname": "GetObject",
    "awsregion": "us-east-1",
    "sourceipaddress": "10.0.0.1",
    "recipientaccountid": "111111111111",
    "tlsdetails": {"tlsversion": "TLSv1.2"},
}
_tls = Case(
    events=[
        TLS,
        TLS,
        _with(TLS, {"eventtime": "2022-01-01 00:00:00.001", "tlsdetails": {"tlsversion": "TLSv1"}}),
        _with(TLS, {"eventtime": "2022-01-31 23:59:59.999", "tlsdetails": {"tlsversion": "tlsv1.3"}}),
        _with(TLS, {"eventname": None, "tlsdetails": {"tlsversion": "TLSv1.3 "}}),
        *_misses(
            TLS,
            *OUT_OF_JANUARY,
            {"tlsdetails": {"tlsversion": "TLSv1.3"}},
            {"tlsdetails": {"ciphersuite": "a"}},
            {"tlsdetails": None},
        ),
    ],
    expected=[
        ("GetObject", "us-east-1", "10.0.0.1", "111111111111", "TLSv1.2"),
        ("GetObject", "us-east-1", "10.0.0.1", "111111111111", "TLSv1.2"),
        ("GetObject", "us-east-1", "10.0.0.1", "111111111111", "TLSv1"),
        ("GetObject", "us-east-1", "10.0.0.1", "111111111111", "tlsv1.3"),
        (None, "us-east-1", "10.0.0.1", "111111111111", "TLSv1.3 "),
    ],
)

ALICE: Final = "arn:aws:iam::555555555555:role/alice"
BY_ROLE: Final[Record] = {
    "eventtime": "2023-01-03 12:00:00",
    "eventsource": "s3.amazonaws.com",
    "eventname": "GetObject",
    "useridentity": {"type": "AssumedRole", "sessioncontext": {"sessionissuer": {"arn": ALICE}}},
}
_by_role = Case(
    events=[
        BY_ROLE,
        _with(BY_ROLE, {"eventname": "PutObject", "eventtime": JUST_AFTER}),
        _with(BY_ROLE, {"eventname": "PutObject", "eventtime": "2023-01-06 23:59:59.999"}),
        *[_with(BY_ROLE, {"eventsource": "s3-outposts.amazonaws.com"})] * 3,
        *[_with(BY_ROLE, {"eventsource": None, "eventname": None})] * 4,
        *_misses(
            BY_ROLE,
            {"eventtime": AT},
            {"eventtime": "2023-01-07 00:00:00"},
            {"useridentity": {"type": "Role", "sessioncontext": {"sessionissuer": {"arn": ALICE}}}},
            {"useridentity": {"sessioncontext": {"sessionissuer": {"arn": ALICE}}}},
            {"useridentity": {"type": "AssumedRole", "arn": ALICE}},
            {"useridentity": {"type": "AssumedRole", "sessioncontext": {"sessionissuer": {"arn": ALICE + "2"}}}},
            {"useridentity": None},
        ),
    ],
    expected=[
        ("4", None, None),
        ("3", "s3-outposts.amazonaws.com", "GetObject"),
        ("2", "s3.amazonaws.com", "PutObject"),
        ("1", "s3.amazonaws.com", "GetObject"),
    ],
    is_ordered=True,
)

OF_IAM: Final[Record] = {
    "eventtime": "2022-01-08 00:00:00",
    "eventsource": "iam.amazonaws.com",
    "eventname": "GetRole",
    "recipientaccountid": "111111111111",
    "useridentity": {"principalid": "AIDA1"},
}
_of_iam = Case(
    events=[
        OF_IAM,
        *[_with(OF_IAM, {"recipientaccountid": "222222222222"})] * 2,
        *[_with(OF_IAM, {"useridentity": {"principalid": "AIDA2", "type": kind}}) for kind in ("IAMUser", "Root", None)],
        *[_with(OF_IAM, {"eventname": "ListRoles", "eventtime": "2026-01-01 00:00:00"})] * 4,
        *[_with(OF_IAM, {"useridentity": {"principalid": ""}, "recipientaccountid": None})] * 5,
        *_misses(
            OF_IAM,
            {"eventtime": "2022-01-07 23:59:59.999"},
            {"eventsource": "sts.amazonaws.com"},
            {"eventsource": None},
            {"useridentity": {"type": "AWSService"}},
            {"useridentity": None},
        ),
    ],
    expected=[
        ("5", "GetRole", None, ""),
        ("4", "ListRoles", "111111111111", "AIDA1"),
        ("3", "GetRole", "111111111111", "AIDA2"),
        ("2", "GetRole", "222222222222", "AIDA1"),
        ("1", "GetRole", "111111111111", "AIDA1"),
    ],
    is_ordered=True,
)

READ: Final[Record] = {
    "eventtime": IN_JANUARY,
    "eventsource": "s3.amazonaws.com",
    "eventcategory": "Data",
    "eventname": "GetObject",
    "requestparameters": {"bucketName": "logs", "key": "21"},
}
# What is grouped is the whole map, whatever the order of its keys: a version of an object stands by itself, and twenty rows are shown.
_objects = Case(
    events=[
        *[_with(READ, {"requestparameters": {"bucketName": "logs", "key": str(count)}}) for count in range(1, 19) for _ in range(count)],
        *[_with(READ, {"requestparameters": None})] * 19,
        *[_with(READ, {"requestparameters": {"bucketName": "logs", "key": "21", "versionId": "2"}})] * 20,
        *[READ] * 11,
        *[_with(READ, {"requestparameters": {"key": "21", "bucketName": "logs"}})] * 10,
        *_misses(
            _with(READ, {"requestparameters": {"bucketName": "logs", "key": "18"}}),
            *OUT_OF_JANUARY,
            {"eventsource": "s3-outposts.amazonaws.com"},
            {"eventsource": None},
            {"eventcategory": "Management"},
            {"eventcategory": None},
            {"eventname": "GetObjectAcl"},
            {"eventname": None},
        ),
    ],
    expected=[
        ("logs", "21", "21"),
        ("logs", "21", "20"),
        (None, None, "19"),
        *[("logs", str(count), str(count)) for count in range(18, 1, -1)],
    ],
    is_ordered=True,
)

ADDED: Final[Record] = {
    "eventtime": "2022-07-01 12:00:00",
    "eventname": "AddUserToGroup",
    "requestparameters": {"userName": "ana", "groupName": "db-admins"},
    "useridentity": {"principalid": "AIDA1"},
}
_admins = Case(
    events=[
        ADDED,
        _with(ADDED, {"eventtime": "2022-04-30 00:00:00.001", "requestparameters": {"groupName": "admin"}}),
        _with(ADDED, {"eventtime": "2022-10-31 23:59:59.999", "requestparameters": {"userName": "ben", "groupName": "administrators"}}),
        _with(ADDED, {"useridentity": None, "errorcode": "AccessDenied"}),
        *_misses(
            ADDED,
            {"eventtime": "2022-04-30 00:00:00"},
            {"eventtime": "2022-11-01 00:00:00"},
            {"eventname": "RemoveUserFromGroup"},
            {"eventname": None},
            {"requestparameters": {"userName": "ana", "groupName": "Admins"}},
            {"requestparameters": {"userName": "ana", "groupName": "adm-in"}},
            {"requestparameters": {"userName": "admin", "groupName": "guests"}},
            {"requestparameters": {"userName": "admin"}},
            {"requestparameters": None},
        ),
    ],
    expected=[
        ("AIDA1", "AddUserToGroup", "2022-07-01 12:00:00.000", "ana", "db-admins"),
        ("AIDA1", "AddUserToGroup", "2022-04-30 00:00:00.001", None, "admin"),
        ("AIDA1", "AddUserToGroup", "2022-10-31 23:59:59.999", "ben", "administrators"),
        (None, "AddUserToGroup", "2022-07-01 12:00:00.000", "ana", "db-admins"),
    ],
)

CALL: Final[Record] = {"eventtime": IN_JANUARY, "useridentity": {"principalid": "AIDA1", "accountid": "111111111111"}}
_users = Case(
    events=[
        CALL,
        *[_with(CALL, {"useridentity": {"principalid": "AIDA1", "accountid": "222222222222"}})] * 2,
        *[_with(CALL, {"useridentity": {"principalid": "AIDA2", "accountid": "111111111111", "username": name}}) for name in "abc"],
        *[_with(CALL, {"useridentity": {"principalid": "AIDA2"}, "eventtime": at}) for at in ("2022-01-01 00:00:00.001", IN_JANUARY)] * 2,
        *[_with(CALL, {"useridentity": {"principalid": ""}, "eventtime": "2022-01-31 23:59:59.999"})] * 5,
        *_misses(CALL, *OUT_OF_JANUARY, {"useridentity": {"accountid": "111111111111"}}, {"useridentity": None}),
    ],
    expected=[
        ("", None, "5"),
        ("AIDA2", None, "4"),
        ("AIDA2", "111111111111", "3"),
        ("AIDA1", "222222222222", "2"),
        ("AIDA1", "111111111111", "1"),
    ],
    is_ordered=True,
)

WITH_A_PERIOD: Final[dict[str, Case]] = {"tls-version": _tls, "top-s3-objects": _objects, "users-by-account": _users}
"""Queries published with a period that ends when it begins → the answer when it ends with January 2022."""

ANSWERS: Final[dict[str, Case]] = {
    "network-activity-events": _network,
    "network-activity-events-vpce-access-denied": _denied,
    "network-activity-events-vpce-access-denied-secrets-manager": _secrets,
    "rds-db-deleted-with-no-snapshot": _rds,
    "s3-actions-by-iam-access-key": _by_key,
    "s3-buckets-public-access-block-historical-changes": _public_access,
    "s3-buckets-using-acls": _acls,
    "tag-history-by-resource": _tags,
    "tls-unsupported-version": _old_tls,
    "top-actions-by-iam-role": _by_role,
    "top-iam-actions-by-principal": _of_iam,
    "user-added-to-admin-group": _admins,
    **{name: Case(events=case.events, expected=()) for name, case in WITH_A_PERIOD.items()},
}
"""Name of a query → records, and its answer as published."""

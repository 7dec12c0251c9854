"""Rows for the first half of AWS's public sample queries, and what Trino answers, worked out from the statements by hand.

Beside each row that matches stand rows that differ from it in one condition (`near`), and so must not be found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from simulators.lake_samples import Case

Event = dict[str, Any]


def words(names: str) -> list[str]:
    """The names of a list."""
    return names.split()


COLUMNS: Final = words(
    "eventversion useridentity eventtime eventsource eventname awsregion sourceipaddress useragent errorcode "
    "errormessage requestparameters responseelements additionaleventdata requestid eventid readonly resources "
    "eventtype apiversion managementevent recipientaccountid sharedeventid annotation vpcendpointid "
    "vpcendpointaccountid serviceeventdetails addendum edgedevicedetails insightdetails eventcategory tlsdetails "
    "sessioncredentialfromconsole eventjson eventjsonchecksum"
)
"""What `SELECT *` shows, in its order (reference of Lake SQL, §2.1)."""


def whole(**texts: str) -> list[str | None]:
    """A row of `SELECT *`; what is not named is null."""
    assert set(texts) <= set(COLUMNS)
    return [texts.get(column) for column in COLUMNS]


def near(event: Mapping[str, Any], **others: Iterable[Any]) -> list[Event]:
    """`event` again and again, with one other value in one column."""
    return [{**event, column: value} for column, values in others.items() for value in values]


def issued(name: str | None) -> Event:
    """The identity of a session of the role `name`."""
    return {"type": "AssumedRole", "sessioncontext": {"sessionissuer": {"type": "Role", "username": name}}}


def _item_count() -> Case:
    services = words(
        "athena autoscaling backup cloudformation cloudfront cloudtrail codepipeline ec2messages ecr ecs efs eks iam "
        "lambda rds s3 vpc-lattice"
    )
    hit = {
        "eventsource": "ec2.amazonaws.com",
        "eventtime": "2023-10-12 08:30:00",
        "awsregion": "eu-central-1",
        "recipientaccountid": "900000000009",
        "readonly": False,
        "managementevent": True,
    }
    each = [
        hit | {"eventsource": f"{service}.amazonaws.com", "recipientaccountid": f"1000000000{at:02}"} for at, service in enumerate(services)
    ]
    return Case(
        events=[
            *each,
            hit,
            hit | {"eventtime": "2023-10-01 00:00:00.001"},
            hit | {"eventtime": "2023-10-29 23:59:59.999"},
            hit | {"awsregion": None},
            hit | {"awsregion": None},
            hit | {"eventsource": "ec2"},
            hit | {"recipientaccountid": None},
            *near(
                hit,
                eventsource=["EC2.amazonaws.com", "kms.amazonaws.com", "aws.ec2", "codx", " iam.amazonaws.com", None],
                readonly=[True, None],
                managementevent=[False, None],
                eventtime=["2023-10-01 00:00:00", "2023-10-30 00:00:00", "2023-09-30 23:59:59", "2024-10-12 08:30:00", None],
            ),
        ],
        expected=[
            ["900000000009", "eu-central-1", "ec2.amazonaws.com", "3"],
            ["900000000009", None, "ec2.amazonaws.com", "2"],
            ["900000000009", "eu-central-1", "ec2", "1"],
            *([f"1000000000{at:02}", "eu-central-1", f"{services[at]}.amazonaws.com", "1"] for at in range(16, -1, -1)),
            [None, "eu-central-1", "ec2.amazonaws.com", "1"],
        ],
        is_ordered=True,
    )


def _evaluations() -> Case:
    arn = "arn:aws:config:eu-west-1:210000000021:config-rule/config-rule-abc"
    hit = {
        "eventname": "PutEvaluations",
        "eventtime": "2022-11-10 00:00:00",
        "awsregion": "eu-west-1",
        "recipientaccountid": "210000000021",
        "additionaleventdata": {"configRuleName": "disks", "configRuleArn": arn},
    }
    turned = hit | {"additionaleventdata": {"configRuleArn": arn, "configRuleName": "disks"}}
    more = hit | {"additionaleventdata": {"configRuleName": "disks", "configRuleArn": arn, "managed": "true"}}
    nameless = hit | {"additionaleventdata": {}}
    return Case(
        events=[
            hit,
            hit | {"eventtime": "2022-11-10 23:59:59.999"},
            turned,
            more,
            more,
            hit | {"awsregion": "eu-west-2"},
            hit | {"recipientaccountid": "190000000019"},
            hit | {"eventtime": "2022-11-11 00:00:00", "additionaleventdata": None},
            nameless | {"eventtime": "2022-11-11 09:00:00"},
            nameless | {"eventtime": "2022-11-11 10:00:00"},
            hit | {"eventtime": "2022-11-01 00:00:00.001"},
            hit | {"eventtime": "2022-11-21 23:59:59.999"},
            *near(
                hit,
                eventname=["PutExternalEvaluation", "putEvaluations", None],
                eventtime=["2022-11-01 00:00:00", "2022-11-22 00:00:00", "2021-11-10 00:00:00", None],
            ),
        ],
        expected=[
            ["1", "2022-11-21", "eu-west-1", "210000000021", "disks", arn],
            ["2", "2022-11-11", "eu-west-1", "210000000021", None, None],
            ["1", "2022-11-11", "eu-west-1", "210000000021", None, None],
            ["3", "2022-11-10", "eu-west-1", "210000000021", "disks", arn],
            ["2", "2022-11-10", "eu-west-1", "210000000021", "disks", arn],
            ["1", "2022-11-10", "eu-west-1", "190000000019", "disks", arn],
            ["1", "2022-11-10", "eu-west-2", "210000000021", "disks", arn],
            ["1", "2022-11-01", "eu-west-1", "210000000021", "disks", arn],
        ],
        is_ordered=True,
    )


def _self_assumed() -> Case:
    arn = "arn:aws:iam::330000000033:role/porter"
    other = "arn:aws:iam::330000000033:role/Porter"
    user = {"type": "AssumedRole", "principalid": "AROAPORTER:night", "sessioncontext": {"sessionissuer": {"arn": arn}}}
    hit = {
        "eventid": "e-1",
        "eventtime": "2024-02-29 23:59:58.7",
        "eventsource": "sts.amazonaws.com",
        "eventname": "AssumeRole",
        "useridentity": user,
        "resources": [{"arn": arn}, {"arn": other}],
    }
    return Case(
        events=[
            hit,
            hit | {"eventid": None, "useridentity": user | {"principalid": None}, "resources": [{"arn": arn}]},
            *near(
                hit,
                eventsource=["sts.eu-west-1.amazonaws.com", "iam.amazonaws.com", None],
                eventname=["AssumeRoleWithSAML", "assumeRole", None],
                useridentity=[
                    user | {"type": "IAMUser"},
                    user | {"type": None},
                    user | {"sessioncontext": {"sessionissuer": {"arn": other}}},
                    user | {"sessioncontext": {"sessionissuer": {"principalid": arn}}},
                    user | {"sessioncontext": None},
                    None,
                ],
                errorcode=["AccessDenied", ""],
                resources=[[{"arn": other}, {"arn": arn}], [{"arn": None}], [{"accountid": "330000000033"}], [], None],
            ),
        ],
        expected=[["e-1", "2024-02-29 23:59:58.700", arn, "AROAPORTER:night"], [None, "2024-02-29 23:59:58.700", arn, None]],
    )


def _by_address() -> Case:
    hit = {"sourceipaddress": "192.0.2.76", "eventtime": "2023-01-03 12:00:00", "useridentity": {"accountid": "410000000041"}}
    return Case(
        events=[
            hit,
            hit,
            hit | {"eventtime": "2023-01-01 00:00:00.001", "useridentity": {"accountid": "420000000042"}},
            hit | {"eventtime": "2023-01-06 23:59:59.999", "useridentity": {"accountid": "5555555555550"}},
            *near(
                hit | {"useridentity": {"accountid": "490000000049"}},
                sourceipaddress=["192.0.2.7", "192.0.2.760", "192.0.2.76 ", "192.0.2.77", "AWS Internal", None],
                eventtime=["2023-01-01 00:00:00", "2023-01-07 00:00:00", "2022-12-31 12:00:00", "2023-02-03 12:00:00", None],
                useridentity=[{"accountid": "555555555555"}, {"accountid": None}, None],
            ),
        ],
        expected=[["410000000041"], ["420000000042"], ["5555555555550"]],
    )


POSTGRES: Final = {"dBInstanceIdentifier": "ledger", "engine": "aurora-postgresql", "engineVersion": "15.4"}


def _insights_of_databases() -> Case:
    asked = {**POSTGRES, "enablePerformanceInsights": "true"}
    hit = {"eventname": "CreateDBInstance", "eventtime": "2020-05-05 05:05:05", "requestparameters": asked}
    return Case(
        events=[
            hit,
            hit | {"requestparameters": {"engine": "aurora-postgresql", "enablePerformanceInsights": "true", "EngineVersion": "1"}},
            *near(
                hit,
                eventname=["ModifyDBInstance", "CreateDBInstanceReadReplica", "createDBInstance", None],
                requestparameters=[
                    asked | {"engine": "aurora-mysql"},
                    asked | {"engine": "Aurora-postgresql"},
                    asked | {"engine": "aurora-postgresql "},
                    {"Engine": "aurora-postgresql", "enablePerformanceInsights": "true"},
                    asked | {"enablePerformanceInsights": "false"},
                    asked | {"enablePerformanceInsights": "True"},
                    {**POSTGRES, "EnablePerformanceInsights": "true"},
                    POSTGRES,
                    {},
                    None,
                ],
            ),
        ],
        expected=[["ledger", "aurora-postgresql", "15.4"], [None, "aurora-postgresql", None]],
    )


def _classes_of_databases() -> Case:
    asked = {"dBInstanceIdentifier": "shop", "engine": "aurora-mysql", "dBInstanceClass": "db.r6g.large"}
    hit = {"eventname": "CreateDBInstance", "eventtime": "2022-01-01 00:00:00", "requestparameters": asked}
    return Case(
        events=[
            hit,
            hit | {"eventtime": "2031-12-31 10:20:30.4", "requestparameters": {"engine": "aurora-mysql"}},
            *near(
                hit,
                eventname=["CreateDBCluster", "CREATEDBINSTANCE", None],
                eventtime=["2021-12-31 23:59:59.999", "2012-01-01 00:00:00", None],
                requestparameters=[asked | {"engine": "mysql"}, {"dBInstanceIdentifier": "aurora-mysql"}, {}, None],
            ),
        ],
        expected=[
            ["shop", "db.r6g.large", "aurora-mysql", "2022-01-01 00:00:00.000"],
            [None, None, "aurora-mysql", "2031-12-31 10:20:30.400"],
        ],
    )


def _zones_of_databases() -> Case:
    asked = {**POSTGRES, "availabilityZone": "eu-north-1b"}
    hit = {"eventname": "CreateDBInstance", "eventtime": "2021-06-01 00:00:00", "requestparameters": asked}
    return Case(
        events=[
            hit,
            hit | {"eventtime": "2021-01-01 00:00:00", "requestparameters": POSTGRES},
            hit | {"eventtime": "2021-12-31 23:59:59.999", "requestparameters": asked | {"availabilityZone": ""}},
            *near(
                hit,
                eventname=["DeleteDBInstance", None],
                eventtime=["2020-12-31 23:59:59.999", "2022-01-01 00:00:00", "2022-06-01 00:00:00", None],
                requestparameters=[asked | {"engine": "postgresql"}, {"availabilityZone": "eu-north-1b"}, None],
            ),
        ],
        expected=[
            ["ledger", "aurora-postgresql", "15.4", "eu-north-1b"],
            ["ledger", "aurora-postgresql", "15.4", None],
            ["ledger", "aurora-postgresql", "15.4", ""],
        ],
    )


def _support() -> Case:
    arn = "arn:aws:iam::440000000044:role/aws-service-role/support.amazonaws.com/AWSServiceRoleForSupport"
    hit = {
        "eventtime": "2024-07-01 06:00:00",
        "eventsource": "sts.amazonaws.com",
        "eventname": "AssumeRole",
        "awsregion": "us-east-1",
        "sourceipaddress": "support.amazonaws.com",
        "useragent": "support.amazonaws.com",
        "useridentity": {"type": "AWSService", "invokedby": "support.amazonaws.com"},
        "resources": [{"accountid": "440000000044", "type": "AWS::IAM::Role", "arn": arn}, {"accountid": "1", "arn": "second"}],
        "eventtype": "AwsApiCall",
        "eventcategory": "Management",
        "managementevent": True,
        "recipientaccountid": "440000000044",
        "requestparameters": {"roleArn": arn, "durationSeconds": "3600"},
        "responseelements": {"credentials": '{"accessKeyId":"ASIAEXAMPLE","expiration":"Jul 1, 2024, 7:00:00 AM"}'},
    }
    return Case(
        events=[
            hit,
            {"eventsource": "sts.amazonaws.com", "useragent": "support.amazonaws.com", "managementevent": False, "requestparameters": {}},
            {"eventsource": "sts.amazonaws.com", "useragent": "support.amazonaws.com", "resources": []},
            *near(
                hit,
                eventsource=["support.amazonaws.com", "STS.amazonaws.com", None],
                useragent=["trustedadvisor.amazonaws.com", "support.amazonaws.com/1", "", None],
            ),
        ],
        expected=[
            [
                "2024-07-01 06:00:00.000",
                "sts.amazonaws.com",
                "AssumeRole",
                "us-east-1",
                "support.amazonaws.com",
                "support.amazonaws.com",
                "AWSService",
                "440000000044",
                arn,
                "AwsApiCall",
                "Management",
                "true",
                "440000000044",
                f"{{roleArn={arn}, durationSeconds=3600}}",
                '{credentials={"accessKeyId":"ASIAEXAMPLE","expiration":"Jul 1, 2024, 7:00:00 AM"}}',
            ],
            [None, "sts.amazonaws.com", *[None] * 3, "support.amazonaws.com", *[None] * 5, "false", None, "{}", None],
            [None, "sts.amazonaws.com", *[None] * 3, "support.amazonaws.com", *[None] * 9],
        ],
    )


def _never_changed() -> Case:
    """The two bounds of its time are the same moment, and both shut out: whatever happened, the answer is empty."""
    times = ["2021-12-31 23:59:59.999", "2022-01-01 00:00:00", "2022-01-01 00:00:00.001", None]
    names = words("CreateTrail DeleteTrail StartLogging StopLogging UpdateTrail")
    return Case(events=[{"eventname": name, "eventtime": time} for name in names for time in times], expected=[])


def _no_week_day() -> Case:
    """As `_never_changed`; without rows there are no groups either."""
    times = ["2021-12-31 23:59:59.999", "2022-01-01 00:00:00", "2022-01-01 00:00:00.001", "2022-01-05 00:00:00", None]
    return Case(events=[{"eventcategory": "Data", "eventtime": time} for time in times], expected=[])


def _signed_in() -> Case:
    hit = {
        "eventversion": "1.08",
        "useridentity": {"type": "IAMUser", "arn": "arn:aws:iam::510000000051:user/kim", "username": "kim"},
        "eventtime": "2024-01-02 03:04:05.678",
        "eventsource": "signin.amazonaws.com",
        "eventname": "ConsoleLogin",
        "responseelements": {"ConsoleLogin": "Success"},
        "additionaleventdata": {"LoginTo": "https://console.aws.amazon.com/?x=1,2", "MFAUsed": "No"},
        "readonly": False,
        "resources": [{"arn": "a"}, {"type": "t", "arnprefix": "p"}],
        "tlsdetails": {"tlsversion": "TLSv1.3"},
    }
    return Case(
        events=[
            hit,
            {"eventsource": "signin.amazonaws.com", "eventname": "ConsoleLogin", "additionaleventdata": {"MFAUsed": "No"}},
            *near(
                hit,
                eventsource=["signin.aws", "sso.amazonaws.com", None],
                eventname=["CheckMfa", "consoleLogin", None],
                additionaleventdata=[{"MFAUsed": "Yes"}, {"MFAUsed": "no"}, {"mfaUsed": "No"}, {"LoginTo": "No"}, {}, None],
            ),
        ],
        expected=[
            whole(
                eventversion="1.08",
                useridentity="{type=IAMUser, principalid=null, arn=arn:aws:iam::510000000051:user/kim, accountid=null, accesskeyid=null,"
                " username=kim, sessioncontext=null, onbehalfof=null, inscopeof=null, invokedby=null, identityprovider=null}",
                eventtime="2024-01-02 03:04:05.678",
                eventsource="signin.amazonaws.com",
                eventname="ConsoleLogin",
                responseelements="{ConsoleLogin=Success}",
                additionaleventdata="{LoginTo=https://console.aws.amazon.com/?x=1,2, MFAUsed=No}",
                readonly="false",
                resources="[{accountid=null, type=null, arn=a, arnprefix=null}, {accountid=null, type=t, arn=null, arnprefix=p}]",
                tlsdetails="{tlsversion=TLSv1.3, ciphersuite=null, clientprovidedhostheader=null}",
            ),
            whole(eventsource="signin.amazonaws.com", eventname="ConsoleLogin", additionaleventdata="{MFAUsed=No}"),
        ],
    )


def _across_accounts() -> Case:
    hit = {
        "useridentity": {"principalid": "AIDAGUEST", "accountid": "610000000061"},
        "eventname": "GetObject",
        "eventsource": "s3.amazonaws.com",
        "recipientaccountid": "620000000062",
        "requestparameters": {"bucketName": "shared", "key": "a=b, c"},
        "eventtime": "2022-05-15 00:00:00",
    }
    return Case(
        events=[
            hit,
            {
                "useridentity": {"accountid": "anonymous"},
                "recipientaccountid": "620000000062",
                "eventtime": "2022-04-30 00:00:00.001",
                "requestparameters": {"tagging": '{"set":[{"k":"v"},null]}'},
            },
            hit | {"requestparameters": None, "eventtime": "2022-05-31 23:59:59.999"},
            *near(
                hit,
                eventtime=["2022-04-30 00:00:00", "2022-06-01 00:00:00", "2022-03-15 00:00:00", "2023-05-15 00:00:00", None],
                useridentity=[{"principalid": "AIDAGUEST", "accountid": "620000000062"}, {"principalid": "AIDAGUEST"}, None],
                recipientaccountid=["610000000061", None],
            ),
            {"eventtime": "2022-05-15 00:00:00", "useridentity": {"accountid": None}},
        ],
        expected=[
            [
                "AIDAGUEST",
                "GetObject",
                "s3.amazonaws.com",
                "610000000061",
                "620000000062",
                "{bucketName=shared, key=a=b, c}",
                "2022-05-15 00:00:00.000",
            ],
            [None, None, None, "anonymous", "620000000062", '{tagging={"set":[{"k":"v"},null]}}', "2022-04-30 00:00:00.001"],
            ["AIDAGUEST", "GetObject", "s3.amazonaws.com", "610000000061", "620000000062", None, "2022-05-31 23:59:59.999"],
        ],
    )


def _failed_over() -> Case:
    hit = {
        "eventname": "FailoverDBCluster",
        "awsregion": "ap-south-1",
        "requestparameters": {"dBClusterIdentifier": "orders"},
        "useridentity": issued("operator"),
        "eventtime": "1999-12-31 23:59:59",
    }
    return Case(
        events=[
            hit,
            {"eventname": "FailoverDBCluster", "requestparameters": {"DBClusterIdentifier": "orders"}, "useridentity": {"username": "kim"}},
            hit | {"useridentity": issued(None), "requestparameters": {}},
            *near(hit, eventname=["FailoverDbCluster", "FailoverGlobalCluster", "FailoverDBCluster ", None]),
        ],
        expected=[
            ["ap-south-1", "orders", "operator", "1999-12-31 23:59:59.000"],
            [None, None, None, None],
            ["ap-south-1", None, None, "1999-12-31 23:59:59.000"],
        ],
    )


def _rebooted() -> Case:
    hit = {
        "eventname": "RebootDBInstance",
        "requestparameters": {"dBInstanceIdentifier": "one"},
        "useridentity": issued("operator"),
        "eventtime": "2024-03-10 09:00:00",
    }
    return Case(
        events=[
            hit | {"eventtime": None, "requestparameters": {"dBInstanceIdentifier": "timeless"}},
            hit,
            hit | {"eventtime": "2024-03-10 09:00:00.001", "requestparameters": {"dBInstanceIdentifier": "two"}},
            hit | {"eventtime": "2023-12-31 09:00:00", "requestparameters": None, "useridentity": None},
            hit | {"eventtime": "2024-11-02 08:00:00", "requestparameters": {"dBInstanceIdentifier": "three"}},
            *near(hit, eventname=["RebootDBCluster", "rebootDBInstance", "RebootDBInstances", None]),
        ],
        expected=[
            ["three", "operator", "2024-11-02 08:00:00.000"],
            ["two", "operator", "2024-03-10 09:00:00.001"],
            ["one", "operator", "2024-03-10 09:00:00.000"],
            [None, None, "2023-12-31 09:00:00.000"],
            ["timeless", "operator", None],
        ],
        is_ordered=True,
    )


def _restored() -> Case:
    hit = {
        "eventname": "RestoreDBClusterToPointInTime",
        "requestparameters": {"sourceDBClusterIdentifier": "orders", "dBClusterIdentifier": "orders-copy"},
        "useridentity": issued("rescuer"),
        "eventtime": "2025-08-09 10:11:12.013",
    }
    return Case(
        events=[
            hit,
            hit,
            hit | {"requestparameters": {"dBClusterIdentifier": "orphan"}},
            *near(hit, eventname=["RestoreDBClusterFromSnapshot", "RestoreDBInstanceToPointInTime", None]),
        ],
        expected=[
            ["orders", "orders-copy", "rescuer", "2025-08-09 10:11:12.013"],
            ["orders", "orders-copy", "rescuer", "2025-08-09 10:11:12.013"],
            [None, "orphan", "rescuer", "2025-08-09 10:11:12.013"],
        ],
    )


def _scanned() -> Case:
    """The name is compared in lower case: what DynamoDB itself writes is not found."""
    hit = {
        "eventsource": "dynamodb.amazonaws.com",
        "eventname": "scan",
        "managementevent": False,
        "serviceeventdetails": {"a": "1"},
        "sessioncredentialfromconsole": "true",
        "eventjson": '{"eventName":"scan"}',
        "eventjsonchecksum": "sum",
        "eventcontext": {"requestcontext": {"not": "shown"}},
        "useridentity": {"sessioncontext": {"attributes": {"creationdate": "2024-01-01 00:00:00", "mfaauthenticated": "false"}}},
    }
    return Case(
        events=[
            hit,
            *near(hit, eventsource=["dax.amazonaws.com", "dynamodb", None], eventname=["Scan", "SCAN", "scans", "Query", None]),
        ],
        expected=[
            whole(
                eventsource="dynamodb.amazonaws.com",
                eventname="scan",
                managementevent="false",
                serviceeventdetails="{a=1}",
                sessioncredentialfromconsole="true",
                eventjson='{"eventName":"scan"}',
                eventjsonchecksum="sum",
                useridentity="{type=null, principalid=null, arn=null, accountid=null, accesskeyid=null, username=null, sessioncontext="
                "{attributes={creationdate=2024-01-01 00:00:00.000, mfaauthenticated=false}, sessionissuer=null, webidfederationdata=null,"
                " sourceidentity=null, ec2roledelivery=null, ec2issuedinvpc=null}, onbehalfof=null, inscopeof=null, invokedby=null,"
                " identityprovider=null}",
            ),
        ],
    )


def _launched() -> Case:
    instances = '{"items":[{"instanceId":"i-0aa"},{"instanceId":"i-0bb"}]}'
    hit = {
        "recipientaccountid": "710000000071",
        "awsregion": "sa-east-1",
        "eventid": "run-1",
        "eventname": "RunInstances",
        "eventtime": "2023-01-02 00:00:00",
        "responseelements": {"reservationId": "r-1", "instancesSet": instances},
    }
    return Case(
        events=[
            hit,
            hit | {"eventid": "run-2", "eventtime": "2023-01-01 00:00:00.001", "responseelements": None},
            hit | {"eventid": "run-3", "eventtime": "2023-01-06 23:59:59.999", "responseelements": {"instanceset": instances}},
            *near(
                hit,
                eventname=["StartInstances", "RunInstance", "runInstances", None],
                eventtime=["2023-01-01 00:00:00", "2023-01-07 00:00:00", "2024-01-02 00:00:00", None],
            ),
        ],
        expected=[
            ["710000000071", "sa-east-1", "run-1", instances],
            ["710000000071", "sa-east-1", "run-2", None],
            ["710000000071", "sa-east-1", "run-3", None],
        ],
    )


def _of_networks() -> Case:
    """One of its names begins with a quote, written twice in the statement: `CreateVpc` itself is not found."""
    names = words(
        "AcceptVpcPeeringConnection AssociateAddress CancelReservedInstancesListing CancelSpotInstanceRequests "
        "CreateNetworkAcl CreateNetworkAclEntry CreateVpcPeeringConnection DeleteNetworkAcl DeleteVpcPeeringConnection "
        "DetachInternetGateway DisassociateAddress ModifyReservedInstances PurchaseReservedInstancesOffering "
        "RejectVpcPeeringConnection RevokeSecurityGroupEgress RevokeSecurityGroupIngress 'CreateVpc"
    )
    misses = ["CreateVpc", "'CreateVpc'", "associateAddress", "AssociateAddresses", "RunInstances", "AttachInternetGateway", "", None]
    return Case(
        events=[{"eventname": name, "eventid": str(at)} for at, name in enumerate([*names, *misses, names[0]])],
        expected=[
            *(whole(eventname=name, eventid=str(at)) for at, name in enumerate(names)),
            whole(eventname=names[0], eventid="25"),
        ],
    )


OPEN: Final = '{"items":[{"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}'
SHUT: Final = '{"items":[{"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}}]}'
AUTHORIZED: Final[Event] = {
    "eventname": "AuthorizeSecurityGroupIngress",
    "useridentity": {"arn": "arn:aws:iam::810000000081:user/lee"},
    "sourceipaddress": "198.51.100.8",
    "eventtime": "2023-07-07 07:00:00",
    "eventsource": "ec2.amazonaws.com",
    "requestparameters": {"groupId": "sg-5", "ipPermissions": OPEN},
}
MODIFIED: Final[Event] = AUTHORIZED | {"eventname": "ModifySecurityGroupRules"}
"""Its parameters are given where it is used."""


def modification(group: str, range_: str) -> Event:
    """The parameters of a change of rules."""
    return {"ModifySecurityGroupRulesRequest": change(group, range_)}


def change(group: str, range_: str) -> str:
    """The text of a change of rules."""
    return f'{{"GroupId":{group},"SecurityGroupRule":{{"CidrIpv4":"{range_}"}}}}'


def _opened() -> Case:
    def shown(name: str, time: str, group: str | None, rule: str) -> list[str | None]:
        return [name, "arn:aws:iam::810000000081:user/lee", "198.51.100.8", time, "ec2.amazonaws.com", group, rule]

    added, changed = "AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules"
    hit = MODIFIED | {"requestparameters": modification('"sg-6"', "0.0.0.0/0"), "eventtime": "2023-07-08 12:00:00"}
    return Case(
        events=[
            AUTHORIZED,
            AUTHORIZED | {"eventtime": "2023-07-06 00:00:00", "requestparameters": {"ipPermissions": "150.0.0.0/0"}},
            AUTHORIZED | {"eventtime": "2023-07-08 00:00:00", "requestparameters": {"groupId": "sg-7", "ipPermissions": OPEN}},
            hit,
            hit | {"eventtime": "2023-07-09 00:00:00", "requestparameters": modification('{"id":"sg-6"}', "0.0.0.0/0")},
            hit | {"eventtime": "2023-07-06 00:00:00.001", "requestparameters": {"ModifySecurityGroupRulesRequest": "0.0.0.0/0"}},
            hit | {"eventtime": "2023-07-06 00:00:00.002", "requestparameters": modification("77", "0.0.0.0/0")},
            *near(
                AUTHORIZED,
                eventtime=["2023-07-05 23:59:59.999", "2023-07-08 00:00:00.001", "2023-07-08 12:00:00", None],
                eventname=["AuthorizeSecurityGroupEgress", "RevokeSecurityGroupIngress", "ModifySecurityGroupRules", None],
                requestparameters=[
                    {"groupId": "sg-5", "ipPermissions": SHUT},
                    {"groupId": "sg-5", "ipPermissions": '{"cidrIp":"0.0.0.0/8"}'},
                    {"groupId": "sg-5", "ipPermissions": '{"cidrIp":"0x0.0.0/0"}'},
                    {"groupId": "0.0.0.0/0"},
                    modification('"sg-5"', "0.0.0.0/0"),
                    None,
                ],
            ),
            *near(
                hit,
                eventtime=["2023-07-05 23:59:59.999", "2023-07-09 00:00:00.001", None],
                eventname=["ModifySecurityGroupRule", "AuthorizeSecurityGroupIngress", None],
                requestparameters=[modification('"sg-6"', "10.0.0.0/8"), {"groupId": "sg-6", "ipPermissions": OPEN}, None],
            ),
        ],
        expected=[
            shown(changed, "2023-07-09 00:00:00.000", None, change('{"id":"sg-6"}', "0.0.0.0/0")),
            shown(changed, "2023-07-08 12:00:00.000", "sg-6", change('"sg-6"', "0.0.0.0/0")),
            shown(added, "2023-07-08 00:00:00.000", "sg-7", OPEN),
            shown(added, "2023-07-07 07:00:00.000", "sg-5", OPEN),
            shown(changed, "2023-07-06 00:00:00.002", "77", change("77", "0.0.0.0/0")),
            shown(changed, "2023-07-06 00:00:00.001", None, "0.0.0.0/0"),
            shown(added, "2023-07-06 00:00:00.000", None, "150.0.0.0/0"),
        ],
        is_ordered=True,
    )


def _history_of_groups() -> Case:
    def shown(group: str | None, name: str, time: str, rule: str | None) -> list[str | None]:
        return [group, name, time, rule, "arn:aws:iam::810000000081:user/lee", "198.51.100.8", "ec2.amazonaws.com"]

    added, changed = "AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules"
    hit = MODIFIED | {"requestparameters": modification('"sg-5"', "10.0.0.0/8"), "eventtime": "2023-07-06 00:00:00"}
    return Case(
        events=[
            AUTHORIZED,
            AUTHORIZED,
            AUTHORIZED | {"eventtime": "2023-07-06 00:00:00", "requestparameters": {"groupId": "sg-50", "ipPermissions": SHUT}},
            AUTHORIZED | {"eventtime": "2023-07-08 00:00:00", "requestparameters": None},
            hit,
            hit | {"eventtime": "2023-07-09 00:00:00"},
            hit | {"eventtime": "2023-07-07 00:00:00", "requestparameters": modification("null", "10.0.0.0/8")},
            hit | {"eventtime": "2023-07-07 00:00:01", "requestparameters": {"ModifySecurityGroupRulesRequest": "{"}},
            hit | {"eventtime": "2023-07-07 00:00:02", "requestparameters": modification('"SG-9"', "10.0.0.0/8")},
            *near(
                AUTHORIZED,
                eventtime=["2023-07-05 23:59:59.999", "2023-07-08 00:00:00.001", "2023-07-09 00:00:00", None],
                eventname=["AuthorizeSecurityGroupEgress", "authorizeSecurityGroupIngress", None],
            ),
            *near(
                hit,
                eventtime=["2023-07-05 23:59:59.999", "2023-07-09 00:00:00.001", "2022-07-07 00:00:00", None],
                eventname=["UpdateSecurityGroupRuleDescriptionsIngress", None],
            ),
        ],
        expected=[
            shown("SG-9", changed, "2023-07-07 00:00:02.000", change('"SG-9"', "10.0.0.0/8")),
            shown("sg-5", changed, "2023-07-06 00:00:00.000", change('"sg-5"', "10.0.0.0/8")),
            shown("sg-5", added, "2023-07-07 07:00:00.000", OPEN),
            shown("sg-5", added, "2023-07-07 07:00:00.000", OPEN),
            shown("sg-5", changed, "2023-07-09 00:00:00.000", change('"sg-5"', "10.0.0.0/8")),
            shown("sg-50", added, "2023-07-06 00:00:00.000", SHUT),
            shown(None, changed, "2023-07-07 00:00:00.000", change("null", "10.0.0.0/8")),
            shown(None, changed, "2023-07-07 00:00:01.000", "{"),
            shown(None, added, "2023-07-08 00:00:00.000", None),
        ],
        is_ordered=True,
    )


def _answer_of_one() -> Case:
    hit = {
        "eventid": "3270e016-59a1-4448-8dd1-d27a4796502d",
        "responseelements": {"role": '{"roleName":"porter"}', "note": 'it\'s "here"', "empty": ""},
    }
    return Case(
        events=[
            hit,
            hit | {"responseelements": None},
            *near(
                hit,
                eventid=["3270E016-59A1-4448-8DD1-D27A4796502D", "3270e016-59a1-4448-8dd1-d27a4796502e", "3270e016-59a1-4448-8dd1", None],
            ),
            {"sharedeventid": "3270e016-59a1-4448-8dd1-d27a4796502d", "responseelements": {"a": "b"}},
        ],
        expected=[['{role={"roleName":"porter"}, note=it\'s "here", empty=}'], [None]],
    )


def _snapshots() -> Case:
    """AND binds closer than OR, and no moment is in both of its bounds: only the first name counts, whatever the time and the disk."""
    request = '{"InstanceSpecification":{"InstanceId":"i-0cc","ExcludeBootVolume":false}}'
    hit = {
        "useridentity": {"principalid": "AIDASNAP"},
        "awsregion": "us-west-2",
        "eventname": "CreateSnapshots",
        "eventtime": "2022-06-01 00:00:00",
        "requestparameters": {"CreateSnapshotsRequest": request},
        "responseelements": {"encrypted": "true"},
    }
    single = hit | {
        "eventname": "CreateSnapshot",
        "requestparameters": {"volumeId": "vol-1"},
        "responseelements": {"snapshotId": "snap-1", "encrypted": "false"},
    }
    return Case(
        events=[
            hit,
            hit
            | {
                "eventname": "ReCreateSnapshots2",
                "eventtime": None,
                "requestparameters": {"volumeId": "vol-2", "CreateSnapshotsRequest": "no JSON"},
                "responseelements": {"snapshotId": "snap-2"},
            },
            hit | {"requestparameters": {"CreateSnapshotsRequest": '{"InstanceSpecification":[]}'}, "responseelements": None},
            hit
            | {"useridentity": None, "requestparameters": {"CreateSnapshotsRequest": '{"InstanceSpecification":{"InstanceId":[1, 2]}}'}},
            single,
            *near(
                single,
                eventtime=["2021-12-31 23:59:59", "2022-01-01 00:00:00", "2022-11-11 00:00:00", "2023-01-01 00:00:00", None],
                eventname=["ReCreateSnapshot", "createSnapshots", "CreateSnapshot s", "CreateSnapshotx", None],
            ),
        ],
        expected=[
            ["AIDASNAP", "us-west-2", None, '"i-0cc"', None],
            ["AIDASNAP", "us-west-2", "vol-2", None, "snap-2"],
            ["AIDASNAP", "us-west-2", None, None, None],
            [None, "us-west-2", None, "[1,2]", None],
        ],
    )


KEY: Final = {"accesskeyid": "AKIAIOSFODNN7EXAMPLE"}
OTHER_KEYS: Final = [{"accesskeyid": "AKIAIOSFODNN7EXAMPLF"}, {"accesskeyid": "akiaiosfodnn7example"}, {"username": "x"}, None]
NOT_IN_WEEK: Final = ["2023-01-01 00:00:00", "2023-01-07 00:00:00", "2022-01-03 00:00:00", "2023-01-31 00:00:00", None]
"""Beside the week from January 1st, 2023, whose bounds do not belong to it."""


def _by_key() -> Case:
    hit = {
        "eventsource": "kms.amazonaws.com",
        "eventname": "Decrypt",
        "sourceipaddress": "203.0.113.4",
        "eventtime": "2023-01-03 00:00:00",
        "useridentity": KEY,
    }
    return Case(
        events=[
            hit,
            hit | {"eventtime": "2023-01-06 23:59:59.999", "errorcode": "AccessDenied"},
            hit | {"eventtime": "2023-01-01 00:00:00.001", "eventname": "Encrypt", "sourceipaddress": None},
            hit | {"eventtime": "2023-01-02 22:00:00", "eventsource": "s3.amazonaws.com", "eventname": "ListBuckets", "errorcode": ""},
            *near(hit, useridentity=OTHER_KEYS, eventtime=NOT_IN_WEEK),
        ],
        expected=[
            ["kms.amazonaws.com", "Encrypt", None, "2023-01-01 00:00:00.001", None],
            ["s3.amazonaws.com", "ListBuckets", "203.0.113.4", "2023-01-02 22:00:00.000", ""],
            ["kms.amazonaws.com", "Decrypt", "203.0.113.4", "2023-01-03 00:00:00.000", None],
            ["kms.amazonaws.com", "Decrypt", "203.0.113.4", "2023-01-06 23:59:59.999", "AccessDenied"],
        ],
        is_ordered=True,
    )


def _successes_by_key() -> Case:
    hit = {"eventsource": "kms.amazonaws.com", "eventname": "Decrypt", "eventtime": "2023-01-03 00:00:00", "useridentity": KEY}
    return Case(
        events=[
            hit | {"eventname": "Encrypt"},
            *[hit] * 8,
            hit | {"eventtime": "2023-01-01 00:00:00.001"},
            hit | {"eventtime": "2023-01-06 23:59:59.999"},
            *[hit | {"eventsource": "s3.amazonaws.com"}] * 9,
            *[hit | {"eventsource": None, "eventname": None}] * 2,
            *near(hit, useridentity=OTHER_KEYS, eventtime=NOT_IN_WEEK, errorcode=["AccessDenied", ""]),
            hit | {"eventname": "OnlyFailed", "errorcode": "ThrottlingException"},
        ],
        expected=[
            ["10", "kms.amazonaws.com", "Decrypt"],
            ["9", "s3.amazonaws.com", "Decrypt"],
            ["2", None, None],
            ["1", "kms.amazonaws.com", "Encrypt"],
        ],
        is_ordered=True,
    )


def _federated() -> Case:
    hit = {
        "eventsource": "sso.amazonaws.com",
        "eventname": "Federate",
        "useridentity": {"type": "Unknown", "username": "alice@example.com"},
        "eventtime": "2023-01-05 05:00:00",
        "serviceeventdetails": {"account_id": "910000000091", "role_name": "Readers"},
        "eventid": "fed-1",
    }
    return Case(
        events=[
            hit,
            hit
            | {"eventid": "fed-2", "eventtime": "2023-01-01 00:00:00.001", "serviceeventdetails": {"Account_Id": "9", "role_name": "Ops"}},
            hit | {"eventid": "fed-3", "eventtime": "2023-01-06 23:59:59.999", "serviceeventdetails": None},
            *near(
                hit,
                eventsource=["signin.amazonaws.com", "sso.amazonaws.com.", None],
                eventname=["Authenticate", "federate", None],
                useridentity=[
                    {"username": "bob@example.com"},
                    {"username": "Alice@example.com"},
                    {"principalid": "alice@example.com"},
                    None,
                ],
                eventtime=NOT_IN_WEEK,
            ),
        ],
        expected=[
            ["910000000091", "Readers", "fed-1", "2023-01-05 05:00:00.000"],
            [None, "Ops", "fed-2", "2023-01-01 00:00:00.001"],
            [None, None, "fed-3", "2023-01-06 23:59:59.999"],
        ],
    )


def _by_person() -> Case:
    def named(principal: str | None) -> Event:
        return {"principalid": principal}

    hit = {
        "eventsource": "ec2.amazonaws.com",
        "eventname": "DescribeVpcs",
        "eventtime": "2023-01-04 00:00:00",
        "useridentity": named("AROAREADERS:alice@example.com"),
    }
    return Case(
        events=[
            hit | {"eventname": "DescribeSubnets"},
            hit,
            hit | {"useridentity": named("alice@example.com")},
            hit | {"useridentity": named("AROAREADERS:malice@example.com"), "errorcode": "AccessDenied"},
            *[hit | {"eventsource": None}] * 2,
            *near(
                hit,
                useridentity=[
                    named("AROAREADERS:alice@example.com.org"),
                    named("AROAREADERS:Alice@example.com"),
                    named("AROAREADERS:alice@exampleXcom"),
                    named("AROAREADERS:bob@example.com"),
                    named(None),
                    {"username": "alice@example.com"},
                    None,
                ],
                eventtime=NOT_IN_WEEK,
            ),
        ],
        expected=[
            ["ec2.amazonaws.com", "DescribeVpcs", "3"],
            [None, "DescribeVpcs", "2"],
            ["ec2.amazonaws.com", "DescribeSubnets", "1"],
        ],
        is_ordered=True,
    )


CASES: Final[dict[str, Case]] = {
    "EstimateAmountOfConfigurationItems": _item_count(),
    "MostEvaluatedConfigRule": _evaluations(),
    "SelfAssumeRole": _self_assumed(),
    "activity-performed-by-IP-address": _by_address(),
    "aurora-databases-with-performance-insights": _insights_of_databases(),
    "aurora-mysql-databases-with-instance-class-information": _classes_of_databases(),
    "aurora-postgresql-databases-with availability-zone-information": _zones_of_databases(),
    "aws-support-access": _support(),
    "cloudtrail-configuration-changes": _never_changed(),
    "console-login-with-no-mfa": _signed_in(),
    "cross-account-access": _across_accounts(),
    "data-by-week-day": _no_week_day(),
    "database-failover-information": _failed_over(),
    "database-reboot-information": _rebooted(),
    "db-cluster-point-in-time-restore": _restored(),
    "dynamodb-scan-operations": _scanned(),
    "ec2-api-run-instances": _launched(),
    "ec2-events": _of_networks(),
    "ec2-public-security-group": _opened(),
    "ec2-security-historical-changes": _history_of_groups(),
    "event-response-element-by-event-id": _answer_of_one(),
    "find-snapshots-not-encrypted": _snapshots(),
    "iam-access-key-activity": _by_key(),
    "iam-access-key-success-activity": _successes_by_key(),
    "iam-idc-federate-api-by-idc-user": _federated(),
    "iam-idc-user-count-and-group-activity": _by_person(),
}


def _trails_changed() -> Case:
    hit = {
        "eventname": "StopLogging",
        "eventtime": "2022-01-20 00:00:00",
        "requestparameters": {"name": "main"},
        "useridentity": {"principalid": "AIDATRAIL"},
    }
    names = words("CreateTrail DeleteTrail StartLogging UpdateTrail")
    return Case(
        events=[
            hit,
            *near(hit, eventname=names),
            hit | {"eventtime": "2022-01-01 00:00:00.001", "requestparameters": {"Name": "main"}},
            hit | {"eventtime": "2022-01-31 23:59:59.999", "requestparameters": None, "useridentity": None},
            *near(
                hit,
                eventname=["PutEventSelectors", "stopLogging", "DescribeTrails", None],
                eventtime=["2022-01-01 00:00:00", "2022-02-01 00:00:00", "2021-01-20 00:00:00", None],
            ),
        ],
        expected=[
            *([name, "main", "AIDATRAIL", "2022-01-20 00:00:00.000"] for name in ["StopLogging", *names]),
            ["StopLogging", None, "AIDATRAIL", "2022-01-01 00:00:00.001"],
            ["StopLogging", None, None, "2022-01-31 23:59:59.999"],
        ],
    )


def _week_days() -> Case:
    """January 3rd, 2022, was a Monday, day 1; a Sunday is day 7."""
    hit = {"eventcategory": "Data", "eventtime": "2022-01-03 00:00:00"}
    return Case(
        events=[
            hit | {"eventtime": "2022-01-09 23:59:59.999"},
            hit | {"eventtime": "2022-01-02 10:00:00"},
            hit,
            hit | {"eventtime": "2022-01-10 23:59:59.999"},
            hit | {"eventtime": "2022-01-31 23:59:59.999"},
            hit | {"eventtime": "2022-01-01 00:00:00.001"},
            hit | {"eventtime": "2022-01-19 12:00:00"},
            *near(
                hit,
                eventcategory=["Management", "data", None],
                eventtime=["2022-01-01 00:00:00", "2022-02-01 00:00:00", "2021-12-31 00:00:00", None],
            ),
        ],
        expected=[["1", "3"], ["3", "1"], ["6", "1"], ["7", "2"]],
        is_ordered=True,
    )


def _open_snapshots() -> Case:
    """Now the second name counts too, of disks that are open and within the bounds; the first still counts always."""
    hit = {
        "awsregion": "us-west-2",
        "eventname": "CreateSnapshot",
        "eventtime": "2022-11-20 00:00:00",
        "requestparameters": {"volumeId": "vol-1"},
        "responseelements": {"snapshotId": "snap-1", "encrypted": "false"},
    }
    return Case(
        events=[
            hit,
            hit | {"eventtime": "2022-11-11 00:00:00.001", "eventname": "ReCreateSnapshot"},
            hit | {"eventtime": "2022-11-30 23:59:59.999", "responseelements": {"encrypted": "false"}},
            {"eventname": "CreateSnapshots", "eventtime": "2000-01-01 00:00:00", "awsregion": "us-west-1"},
            *near(
                hit,
                eventname=["CreateSnapshotTier", "createSnapshot", "DeleteSnapshot", None],
                eventtime=["2022-11-11 00:00:00", "2022-12-01 00:00:00", "2021-11-20 00:00:00", None],
                responseelements=[{"encrypted": "true"}, {"encrypted": "False"}, {"Encrypted": "false"}, {}, None],
            ),
        ],
        expected=[
            [None, "us-west-2", "vol-1", None, "snap-1"],
            [None, "us-west-2", "vol-1", None, "snap-1"],
            [None, "us-west-2", "vol-1", None, None],
            [None, "us-west-1", None, None, None],
        ],
    )


UPPER_BOUNDS: Final[dict[str, tuple[str, Case]]] = {
    "cloudtrail-configuration-changes": ("2022-02-01 00:00:00", _trails_changed()),
    "data-by-week-day": ("2022-02-01 00:00:00", _week_days()),
    "find-snapshots-not-encrypted": ("2022-12-01 00:00:00", _open_snapshots()),
}
"""Statements that no moment can satisfy as published → what `eventTime` is to be less than instead, and the answer then."""

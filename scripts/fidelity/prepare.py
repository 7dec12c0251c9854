"""What was there before the log begins, as far as its calls need it: somebody who may call, and roles to assume."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from botocore.exceptions import ClientError

from fidelity.log import Log

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ANYBODY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
NAME = "record-fidelity"


def caller(running: Any, log: Log) -> tuple[str, str]:
    """The key of a user who may do everything (root assumes no roles); the roles that the log assumes exist afterwards."""
    iam = running.client("iam")
    iam.create_user(UserName=NAME)
    iam.put_user_policy(UserName=NAME, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    for event in log.events:
        arn = (event.real["requestParameters"] or {}).get("roleArn") if event.operation == "AssumeRole" else None
        if isinstance(arn, str) and f"::{log.account}:role/" in arn:
            path, _, name = arn.partition(":role")[2].rpartition("/")
            with contextlib.suppress(ClientError):  # it is there already
                iam.create_role(RoleName=name, Path=f"{path}/", AssumeRolePolicyDocument=json.dumps(ANYBODY))
    key = iam.create_access_key(UserName=NAME)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]

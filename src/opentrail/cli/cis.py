"""The ready watch set of the CIS AWS Foundations Benchmark: what is made for it, as calls that anybody could make. Pure.

A trail of all Regions streams to a log group; each control has a metric filter there and an alarm on its metric; the alarms tell one topic.
Every call can be repeated. (CIS AWS Foundations Benchmark 4.0, section 4, "Monitoring".)
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import typer

NAMESPACE: Final = "CISBenchmark"
TOPIC: Final = "cis-alarms"
LOG_GROUP: Final = "cloudtrail/cis"
ROLE: Final = "OpenTrailCisLogs"
TRAIL: Final = "cis"
PREFIX: Final = "CIS-"
"""How the names of filters and alarms begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One recommendation of the benchmark."""

    section: str
    name: str
    watches: str
    pattern: str

    @property
    def full_name(self) -> str:
        """Of its filter, metric and alarm."""
        return f"{PREFIX}{self.section}-{self.name}"


def controls() -> tuple[Control, ...]:
    """All of them, in order."""
    told = tomllib.loads(files("opentrail.cli").joinpath("cis.toml").read_text())
    return tuple(Control(**one) for one in told["control"])


def metric_filter(control: Control, log_group: str) -> dict[str, Any]:
    """The parameters of PutMetricFilter."""
    value = {"metricName": control.full_name, "metricNamespace": NAMESPACE, "metricValue": "1", "defaultValue": 0.0}
    return {
        "logGroupName": log_group,
        "filterName": control.full_name,
        "filterPattern": control.pattern,
        "metricTransformations": [value],
    }


def alarm(control: Control, topic_arn: str, *, period: int) -> dict[str, Any]:
    """The parameters of PutMetricAlarm; `period` in seconds."""
    return {
        "AlarmName": control.full_name,
        "AlarmDescription": f"CIS {control.section}: {control.watches}",
        "ActionsEnabled": True,
        "AlarmActions": [topic_arn],
        "MetricName": control.full_name,
        "Namespace": NAMESPACE,
        "Statistic": "Sum",
        "Period": period,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }


def topic_policy(topic_arn: str, account_id: str) -> str:
    """The alarms of the account may publish, and the account does as it likes."""
    statements = [
        {
            "Sid": "Alarms",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "SNS:Publish",
            "Resource": topic_arn,
            "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
        },
        {
            "Sid": "Owner",
            "Effect": "Allow",
            "Principal": {"AWS": account_id},
            "Action": ["SNS:Subscribe", "SNS:Publish", "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:ListSubscriptionsByTopic"],
            "Resource": topic_arn,
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def trust() -> str:
    """CloudTrail may take on the role."""
    return _document("sts:AssumeRole", principal="cloudtrail.amazonaws.com")


def role_policy(group_arn: str) -> str:
    """What the role may do: write to the streams of the log group, whose ARN ends in `:*`."""
    return _document(["logs:CreateLogStream", "logs:PutLogEvents"], resource=f"{group_arn.removesuffix(':*')}:log-stream:*")


def bucket_policy(bucket: str, account_id: str) -> str:
    """CloudTrail may deliver the account's trails."""
    service = {"Service": "cloudtrail.amazonaws.com"}
    source = {"StringEquals": {"aws:SourceAccount": account_id}}
    write = {"StringEquals": {"aws:SourceAccount": account_id, "s3:x-amz-acl": "bucket-owner-full-control"}}
    arn = f"arn:aws:s3:::{bucket}"
    statements = [
        {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": arn, "Condition": source},
        {
            "Effect": "Allow",
            "Principal": service,
            "Action": "s3:PutObject",
            "Resource": f"{arn}/AWSLogs/{account_id}/*",
            "Condition": write,
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _document(action: str | Sequence[str], *, principal: str | None = None, resource: str | None = None) -> str:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action}
    if principal is not None:
        statement["Principal"] = {"Service": principal}
    if resource is not None:
        statement["Resource"] = resource
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def subscription(address: str) -> dict[str, str]:
    """Protocol and endpoint of Subscribe for what `--notify` says. Raises `typer.BadParameter`."""
    scheme, _, rest = address.partition(":")
    match scheme:
        case "http" | "https" if rest.startswith("//"):
            return {"Protocol": scheme, "Endpoint": address}
        case "mailto" if "@" in rest:
            return {"Protocol": "email", "Endpoint": rest}
        case "chat" if rest:
            return {"Protocol": "email", "Endpoint": f"{rest}@chat.opentrail"}
        case "arn" if ":sqs:" in rest:
            return {"Protocol": "sqs", "Endpoint": address}
    raise typer.BadParameter(f"{address}: use a URL (https://…), mailto:ADDRESS, chat:CHANNEL or the ARN of a queue.")

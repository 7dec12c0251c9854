"""`opentrail watch`: ready sets of alarms, made by the same calls that a person would make."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from opentrail.cli import cis as benchmark
from opentrail.cli.connection import DEFAULT_FOLDER, AsJson, Connection, DataDir, EndpointUrl, Region, connect, failure
from opentrail.cli.failures import CallFailed

PERIODS = "10, 20, 30 or a multiple of 60"

watch = typer.Typer(no_args_is_help=True, help="Ready sets of alarms.", rich_markup_mode=None)


@watch.callback()
def _watch() -> None:
    """Keep `cis` a command of its own: a group with one command would swallow it."""


@watch.command()
def cis(
    notify: Annotated[
        list[str] | None, typer.Option(help="Whom the alarms tell: https://…, mailto:ADDRESS, chat:CHANNEL or a queue's ARN; repeatable.")
    ] = None,
    trail: Annotated[str | None, typer.Option(help="The trail to watch; without it the first one of all Regions, or a new one.")] = None,
    log_group: Annotated[str, typer.Option(help="Its log group, where it has none yet.")] = benchmark.LOG_GROUP,
    period: Annotated[int, typer.Option(help=f"Seconds that an alarm looks back: {PERIODS}.")] = 300,
    remove: Annotated[bool, typer.Option("--remove", help="Take filters, alarms and topic away again.")] = False,
    data_dir: DataDir = DEFAULT_FOLDER,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """The monitoring controls of the CIS AWS Foundations Benchmark: filter and alarm for each, one topic. Run again, it mends."""
    if period not in (10, 20, 30) and (period <= 0 or period % 60):
        raise CallFailed(f"--period {period}: use {PERIODS}.")
    if not remove and not notify:
        raise CallFailed("Say with --notify whom the alarms should tell: https://…, mailto:ADDRESS, chat:CHANNEL or the ARN of a queue.")
    wanted = [benchmark.subscription(address) for address in notify or ()]
    account = _Account(connect(data_dir, endpoint_url, region))
    try:
        if remove:
            told = account.remove()
        else:
            told = account.install(wanted, trail=trail, log_group=log_group, period=period)
    except (BotoCoreError, ClientError) as error:
        raise failure(error) from error
    print(json.dumps(told.facts) if as_json else "\n".join(told.lines))


class _Told:
    """What was done, for people and for machines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.facts: dict[str, Any] = {}


class _Account:
    """The account in whose Region the set is made."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cloudtrail = connection.client("cloudtrail")
        self._logs = connection.client("logs")
        self._cloudwatch = connection.client("cloudwatch")
        self._sns = connection.client("sns")

    def install(self, subscriptions: list[dict[str, str]], *, trail: str | None, log_group: str, period: int) -> _Told:
        told, account_id = _Told(), self._connection.client("sts").get_caller_identity()["Account"]
        topic = self._sns.create_topic(Name=benchmark.TOPIC)["TopicArn"]
        self._sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=benchmark.topic_policy(topic, account_id))
        known = {(one["Protocol"], one["Endpoint"]): one["SubscriptionArn"] for one in self._subscriptions(topic)}
        for wanted in subscriptions:
            arn = known.get((wanted["Protocol"], wanted["Endpoint"])) or self._sns.subscribe(TopicArn=topic, **wanted)["SubscriptionArn"]
            state = "confirmed" if arn.startswith("arn:") else "waits for its confirmation: it was sent a SubscribeURL to open"
            told.lines.append(f"{wanted['Endpoint']}: {state}")
        watched, group = self._streaming(account_id, trail, log_group)
        controls = benchmark.controls()
        for control in controls:
            self._logs.put_metric_filter(**benchmark.metric_filter(control, group))
            self._cloudwatch.put_metric_alarm(**benchmark.alarm(control, topic, period=period))
        told.lines[:0] = [
            f"Trail {watched} streams to the log group {group}.",
            *(f"  {control.full_name}: {control.watches}" for control in controls),
            f"{len(controls)} metric filters and alarms tell the topic {topic}.",
        ]
        names = [control.full_name for control in controls]
        told.facts = {"trail": watched, "log_group": group, "topic": topic, "filters": names, "alarms": names}
        return told

    def remove(self) -> _Told:
        told, names = _Told(), [control.full_name for control in benchmark.controls()]
        self._cloudwatch.delete_alarms(AlarmNames=self._alarms(names))
        groups: list[str] = []
        for name in names:
            for found in self._logs.describe_metric_filters(metricName=name, metricNamespace=benchmark.NAMESPACE)["metricFilters"]:
                self._logs.delete_metric_filter(logGroupName=found["logGroupName"], filterName=found["filterName"])
                groups += [found["logGroupName"]]
        for arn in self._topics():
            self._sns.delete_topic(TopicArn=arn)
        told.lines = [
            "Filters, alarms and topic of the CIS set are gone.",
            "Trail, log group and role stay, as they may serve others: `aws cloudtrail update-trail`, `aws logs delete-log-group`.",
        ]
        told.facts = {"removed": names, "log_groups": sorted(set(groups))}
        return told

    def _streaming(self, account_id: str, name: str | None, log_group: str) -> tuple[str, str]:
        """A trail of all Regions that is logging and streams, and its log group; made where there is none."""
        found = self._trail(name)
        group = None if found is None else found.get("CloudWatchLogsLogGroupArn")
        if found is not None and group:
            return found["Name"], group.removesuffix(":*").rpartition(":log-group:")[2]
        target = {"CloudWatchLogsLogGroupArn": self._group(log_group), "CloudWatchLogsRoleArn": ""}
        target["CloudWatchLogsRoleArn"] = self._role(target["CloudWatchLogsLogGroupArn"])
        if found is None:
            bucket = self._bucket(account_id)
            self._cloudtrail.create_trail(
                Name=benchmark.TRAIL, S3BucketName=bucket, IsMultiRegionTrail=True, EnableLogFileValidation=True, **target
            )
            self._cloudtrail.start_logging(Name=benchmark.TRAIL)
            return benchmark.TRAIL, log_group
        self._cloudtrail.update_trail(Name=found["TrailARN"], **target)
        if not self._cloudtrail.get_trail_status(Name=found["TrailARN"])["IsLogging"]:
            self._cloudtrail.start_logging(Name=found["TrailARN"])
        return found["Name"], log_group

    def _trail(self, name: str | None) -> dict[str, Any] | None:
        asked = {"trailNameList": [name]} if name else {}
        trails = self._cloudtrail.describe_trails(**asked, includeShadowTrails=False)["trailList"]
        if name and not trails:
            raise CallFailed(f"There is no trail {name} in {self._connection.region}.")
        if name and not trails[0]["IsMultiRegionTrail"]:
            raise CallFailed(f"The trail {name} is for one Region: the benchmark asks for one of all Regions.")
        ready = [one for one in trails if one["IsMultiRegionTrail"]]
        return next((one for one in ready if one.get("CloudWatchLogsLogGroupArn")), ready[0] if ready else None)

    def _group(self, name: str) -> str:
        with suppress(self._logs.exceptions.ResourceAlreadyExistsException):
            self._logs.create_log_group(logGroupName=name)
        for page in self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name):
            for found in page["logGroups"]:
                if found["logGroupName"] == name:
                    arn: str = found["arn"]
                    return arn
        raise CallFailed(f"The log group {name} was made and is gone.")

    def _role(self, group_arn: str) -> str:
        iam = self._connection.client("iam")
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName=benchmark.ROLE, AssumeRolePolicyDocument=benchmark.trust())
        iam.put_role_policy(RoleName=benchmark.ROLE, PolicyName="stream", PolicyDocument=benchmark.role_policy(group_arn))
        arn: str = iam.get_role(RoleName=benchmark.ROLE)["Role"]["Arn"]
        return arn

    def _bucket(self, account_id: str) -> str:
        s3, region = self._connection.client("s3"), self._connection.region
        name = f"cis-trail-{account_id}-{region}"
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=name, **place)
        s3.put_bucket_policy(Bucket=name, Policy=benchmark.bucket_policy(name, account_id))
        return name

    def _subscriptions(self, topic: str) -> list[dict[str, str]]:
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        return [one for page in pages for one in page["Subscriptions"]]

    def _topics(self) -> list[str]:
        pages = self._sns.get_paginator("list_topics").paginate()
        return [one["TopicArn"] for page in pages for one in page["Topics"] if one["TopicArn"].endswith(f":{benchmark.TOPIC}")]

    def _alarms(self, names: list[str]) -> list[str]:
        found = self._cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
        return [one["AlarmName"] for one in found]

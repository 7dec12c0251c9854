"""How soon somebody hears of a call: from its answer until a webhook has the message, by a rule and by an alarm; and what waiting costs.

    python bench/watch.py [--quick] [--out FILE]

A probe is an iam:CreateUser with a name of its own. By rule: trail → event rule → topic → HTTP subscription, and trail → event rule →
API destination. By alarm: trail → log group → metric filter → alarm (period 10 s) → topic → HTTP subscription; each probe has a filter and
an alarm of its own, as an alarm tells of a change once. AWS takes minutes for either. Beside: the processor time of idle roles.
"""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from measure import milliseconds, percentile, table
from part import Line, finish, options, work_folder
from servers import RunningOpenTrail

from opentrail.cli import cis

GOAL = 1.0
"""Seconds in which a call shall reach a webhook, at p99."""
IDLE_GOAL, SERVER_GOAL = 0.02, 0.04
"""Of one core, for a watch that has nothing to do, and for the whole server."""
ROLES = ("front", "lake", "watch", "followers")
PATIENCE = 30.0
ACCOUNT = "123456789012"
NAME = re.compile(r"probe-[a-z]+-[0-9]+-end")


class Hook:
    """An HTTP endpoint that notes when it heard of each probe first."""

    def __init__(self) -> None:
        self.heard: dict[str, float] = {}
        self.news = threading.Condition()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                at = time.perf_counter()
                text = self.rfile.read(int(self.headers["content-length"])).decode()
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                if '"SubscriptionConfirmation"' in text:
                    urllib.request.urlopen(json.loads(text)["SubscribeURL"], timeout=10).close()
                with hook.news:
                    for name in NAME.findall(text):
                        hook.heard.setdefault(f"{self.path} {name}", at)
                    hook.news.notify_all()

            def log_message(self, format: str, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def wait(self, path: str, name: str) -> float:
        """When it heard of `name` at `path`."""
        with self.news:
            if not self.news.wait_for(lambda: f"{path} {name}" in self.heard, PATIENCE):
                raise RuntimeError(f"nothing was heard of {name} at {path} for {PATIENCE:g} s")
            return self.heard[f"{path} {name}"]


def subscribed(running: RunningOpenTrail, name: str, url: str, service: str) -> str:
    """A topic that `service` may publish to, with a confirmed HTTP subscription."""
    sns = running.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "SNS:Publish", "Resource": topic}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
    for _ in range(600):
        if all(one["SubscriptionArn"].startswith("arn:") for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]):
            break
        time.sleep(0.1)
    arn: str = topic
    return arn


def set_up(running: RunningOpenTrail, hook: Hook, alarms: int) -> None:
    """Trail, log group, filters, alarms, rules."""
    logs, cloudwatch, events, iam = (running.client(name) for name in ("logs", "cloudwatch", "events", "iam"))
    bucket = running.client("s3")
    bucket.create_bucket(Bucket="bench-watch")
    bucket.put_bucket_policy(Bucket="bench-watch", Policy=cis.bucket_policy("bench-watch", ACCOUNT))
    logs.create_log_group(logGroupName="watched")
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:watched:*"
    role = iam.create_role(RoleName="watched", AssumeRolePolicyDocument=cis.trust())["Role"]["Arn"]
    iam.put_role_policy(RoleName="watched", PolicyName="stream", PolicyDocument=cis.role_policy(group))
    trail = running.client("cloudtrail")
    trail.create_trail(Name="watch", S3BucketName="bench-watch", CloudWatchLogsLogGroupArn=group, CloudWatchLogsRoleArn=role)
    trail.start_logging(Name="watch")
    topic = subscribed(running, "alarms", f"{hook.url}/alarm", "cloudwatch.amazonaws.com")
    for number in range(alarms):
        name = f"probe-alarm-{number}-end"
        value = {"metricName": name, "metricNamespace": "Bench", "metricValue": "1"}
        pattern = f'{{ ($.eventName = "CreateUser") && ($.requestParameters.userName = "{name}") }}'
        logs.put_metric_filter(logGroupName="watched", filterName=name, filterPattern=pattern, metricTransformations=[value])
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="Bench",
            MetricName=name,
            Statistic="Sum",
            Period=10,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            AlarmActions=[topic],
        )
    for kind, arn in (
        ("topic", subscribed(running, "rules", f"{hook.url}/topic", "events.amazonaws.com")),
        ("destination", destination(running, f"{hook.url}/destination")),
    ):
        pattern = json.dumps({"detail": {"eventName": ["CreateUser"], "requestParameters": {"userName": [{"prefix": f"probe-{kind}-"}]}}})
        events.put_rule(Name=kind, EventPattern=pattern)
        target = {"Id": "1", "Arn": arn} | ({"RoleArn": caller(running)} if kind == "destination" else {})
        failed = events.put_targets(Rule=kind, Targets=[target])["FailedEntryCount"]
        if failed:
            raise RuntimeError("a target was refused")


def caller(running: RunningOpenTrail) -> str:
    """A role with which EventBridge may call API destinations."""
    iam = running.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": "*"}
    document, policy = (json.dumps({"Version": "2012-10-17", "Statement": [one]}) for one in (trust, may))
    arn: str = iam.create_role(RoleName="calls", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName="calls", PolicyName="own", PolicyDocument=policy)
    return arn


def destination(running: RunningOpenTrail, url: str) -> str:
    """An API destination."""
    events = running.client("events")
    authorised = {"ApiKeyAuthParameters": {"ApiKeyName": "x-bench", "ApiKeyValue": "bench"}}
    connection = events.create_connection(Name="hook", AuthorizationType="API_KEY", AuthParameters=authorised)["ConnectionArn"]
    made = events.create_api_destination(
        Name="hook", ConnectionArn=connection, InvocationEndpoint=url, HttpMethod="POST", InvocationRateLimitPerSecond=300
    )
    arn: str = made["ApiDestinationArn"]
    return arn


def probed(running: RunningOpenTrail, hook: Hook, kind: str, count: int) -> list[float]:
    """Seconds from the answer of each probe to the hook."""
    iam = running.client("iam")
    times = []
    for number in range(count):
        name = f"probe-{kind}-{number}-end"
        iam.create_user(UserName=name)
        answered = time.perf_counter()
        times.append(max(0.0, hook.wait(f"/{kind}", name) - answered))
    return times


def idle(running: RunningOpenTrail, seconds: float) -> dict[str, float]:
    """Share of a core that each role takes while nothing happens."""
    roles = {name: role for name in ROLES if (role := running.role(name)) is not None}
    if len(roles) < len(ROLES):
        raise RuntimeError("a role is missing")
    before, began = {name: role.cpu_times() for name, role in roles.items()}, time.perf_counter()
    time.sleep(seconds)
    after, took = {name: role.cpu_times() for name, role in roles.items()}, time.perf_counter() - began
    return {name: (after[name].user + after[name].system - before[name].user - before[name].system) / took for name in roles}


def main() -> None:
    chosen = options(__doc__)
    count = 20 if chosen.quick else 100
    figures: dict[str, Any] = {}
    lines = []
    with work_folder() as folder, RunningOpenTrail(Path(folder)) as running:
        hook = Hook()
        set_up(running, hook, count)
        shares = figures["idle_shares"] = idle(running, 10 if chosen.quick else 60)
        rows = []
        for kind, what in (("topic", "rule → topic"), ("destination", "rule → API destination"), ("alarm", "filter → alarm → topic")):
            times = probed(running, hook, kind, count)
            p99 = percentile(times, 0.99)
            figures[kind] = times
            rows.append({"way": what, "calls": str(count), **milliseconds(times)})
            lines.append(Line(what=f"call to webhook, {what}, p99", reached=f"{p99:.3f} s", goal=f"< {GOAL:g} s", met=p99 < GOAL))
        table("From a call's answer to a webhook", rows)
    for what, share, goal in (
        ("an idle watch with filters, alarms and rules", shares["watch"], IDLE_GOAL),
        ("the whole idle server", sum(shares.values()), SERVER_GOAL),
    ):
        lines.append(Line(what=what, reached=f"{share:.1%} of a core", goal=f"< {goal:.0%}", met=share < goal))
    finish(lines, figures, chosen)


if __name__ == "__main__":
    main()

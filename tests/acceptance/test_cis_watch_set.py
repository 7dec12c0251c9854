"""The monitoring controls of the CIS benchmark, made with the AWS CLI: what each watches reaches a webhook, what lies beside it does not.

Then the same set in one command, and its removal.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opentrail.cli import cis
from simulators.running import RunningOpenTrail, wait_for

pytestmark = pytest.mark.timeout(600)

ACCOUNT = "123456789012"
PASSWORD = "correct-Horse-7"
CONTROLS = {control.section: control for control in cis.controls()}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Webhook:
    """Confirms its subscription and keeps what alarms tell it."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                if body["Type"] == "SubscriptionConfirmation":
                    urllib.request.urlopen(body["SubscribeURL"], timeout=90).close()
                else:
                    webhook.told.append(json.loads(body["Message"]))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/alarms"

    def alarmed(self) -> list[str]:
        return [one["AlarmName"] for one in list(self.told) if one["NewStateValue"] == "ALARM"]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    made = Webhook()
    yield made
    made.close()


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    """The sandbox stands for the services that are not ours: EC2, Config."""
    folder: Path = tmp_path_factory.mktemp("cis")
    with RunningOpenTrail(folder, settings={"sandbox.enabled": "true"}) as running:
        yield running


class Admin:
    """Clients of a user who may do everything, and is not root."""

    def __init__(self, opentrail: RunningOpenTrail) -> None:
        self._opentrail = opentrail
        iam = opentrail.client("iam")
        iam.create_user(UserName="admin")
        iam.attach_user_policy(UserName="admin", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        key = iam.create_access_key(UserName="admin")["AccessKey"]
        self.key = (key["AccessKeyId"], key["SecretAccessKey"])
        iam.create_user(UserName="ana")
        iam.create_login_profile(UserName="ana", Password=PASSWORD)
        iam.create_user(UserName="nobody")
        key = iam.create_access_key(UserName="nobody")["AccessKey"]
        self.nobody = (key["AccessKeyId"], key["SecretAccessKey"])

    def of(self, service: str, **more: Any) -> Any:
        return self._opentrail.client(service, **{"key": self.key, **more})

    def sign_in(self, password: str) -> None:
        body = json.dumps({"userName": "ana", "password": password}).encode()
        request = urllib.request.Request(
            self._opentrail.endpoint + "/_opentrail/signin", body, {"content-type": "application/json", "user-agent": "Mozilla/5.0"}
        )
        try:
            urllib.request.urlopen(request, timeout=90).close()
        except urllib.error.HTTPError as error:
            error.close()


@pytest.fixture(scope="module")
def admin(opentrail: RunningOpenTrail) -> Admin:
    return Admin(opentrail)


@pytest.fixture(scope="module")
def watched(opentrail: RunningOpenTrail, admin: Admin, webhook: Webhook) -> str:
    """Everything that the benchmark asks for, made with the AWS CLI; the log group's name."""

    def aws(*words: str) -> Any:
        done = opentrail.aws(*words, key=admin.key)
        return json.loads(done.stdout) if done.stdout else None

    with ThreadPoolExecutor(2) as pool:  # the AWS CLI takes its time to start
        made = [
            pool.submit(aws, "s3api", "create-bucket", "--bucket", "cis-logs"),
            pool.submit(aws, "logs", "create-log-group", "--log-group-name", "cis"),
            pool.submit(aws, "iam", "create-role", "--role-name", "cis", "--assume-role-policy-document", json.dumps(TRUST)),
            pool.submit(aws, "sns", "create-topic", "--name", "cis"),
        ]
        topic, role = made[3].result()["TopicArn"], made[2].result()["Role"]["Arn"]
        for one in made:
            one.result()
        group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:cis:*"
        more = [
            ("s3api", "put-bucket-policy", "--bucket", "cis-logs", "--policy", cis.bucket_policy("cis-logs", ACCOUNT)),
            ("iam", "put-role-policy", "--role-name", "cis", "--policy-name", "p", "--policy-document", cis.role_policy(group)),
            ("sns", "subscribe", "--topic-arn", topic, "--protocol", "http", "--notification-endpoint", webhook.url),
        ]
        list(pool.map(lambda words: aws(*words), more))
        aws(
            *("cloudtrail", "create-trail", "--name", "cis", "--s3-bucket-name", "cis-logs", "--is-multi-region-trail"),
            *("--cloud-watch-logs-log-group-arn", group, "--cloud-watch-logs-role-arn", role),
        )
        aws("cloudtrail", "start-logging", "--name", "cis")  # before the filters: 4.5 watches this, too
        sets: list[list[str]] = []
        for control in CONTROLS.values():
            name = control.full_name
            value = f"metricName={name},metricNamespace=CISBenchmark,metricValue=1"
            sets += [
                [
                    *("logs", "put-metric-filter", "--log-group-name", "cis", "--filter-name", name, "--filter-pattern", control.pattern),
                    *("--metric-transformations", value),
                ],
                [
                    *("cloudwatch", "put-metric-alarm", "--alarm-name", name, "--namespace", "CISBenchmark", "--metric-name", name),
                    *("--statistic", "Sum", "--period", "10", "--threshold", "1", "--evaluation-periods", "1"),
                    *("--comparison-operator", "GreaterThanOrEqualToThreshold", "--alarm-actions", topic),
                ],
            ]
        wait_for(lambda: pending(admin, topic) == 0)
        logs = admin.of("logs")
        wait_for(lambda: logs.filter_log_events(logGroupName="cis", filterPattern="StartLogging")["events"])
        list(pool.map(lambda words: aws(*words), sets))
    return "cis"


def pending(admin: Admin, topic: str) -> int:
    found = admin.of("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return sum(one["SubscriptionArn"] == "PendingConfirmation" for one in found)


def test_each_control_sets_off_its_own_alarm(opentrail: RunningOpenTrail, admin: Admin, watched: str, webhook: Webhook) -> None:
    described = admin.of("logs").describe_metric_filters(logGroupName=watched)["metricFilters"]
    assert {one["filterName"]: one["filterPattern"] for one in described} == {one.full_name: one.pattern for one in CONTROLS.values()}

    ec2, iam, s3 = admin.of("ec2"), admin.of("iam"), admin.of("s3")
    s3.create_bucket(Bucket="beside")
    key = admin.of("kms").create_key()["KeyMetadata"]["KeyId"]
    admin.of("organizations").create_organization(FeatureSet="ALL")
    root = admin.of("organizations").list_roots()["Roots"][0]["Id"]
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    recorder = {"name": "default", "roleARN": f"arn:aws:iam::{ACCOUNT}:role/config"}

    beside: list[Callable[[], Any]] = [
        iam.list_users,
        lambda: iam.create_user(UserName="beside"),
        ec2.describe_security_groups,
        ec2.describe_route_tables,
        lambda: s3.put_bucket_versioning(Bucket="beside", VersioningConfiguration={"Status": "Enabled"}),
        lambda: admin.of("kms").enable_key(KeyId=key),
        admin.of("cloudtrail").describe_trails,
        admin.of("config").describe_configuration_recorders,
        admin.of("organizations").list_accounts,
    ]
    for call in beside:
        call()
    # The group holds what was done beside, and nothing of it set anything off.
    wait_for(lambda: admin.of("logs").filter_log_events(logGroupName=watched, filterPattern="ListAccounts")["events"])

    def refused() -> None:
        with pytest.raises(ClientError):
            admin.of("iam", key=admin.nobody).list_users()

    watches: dict[str, Callable[[], Any]] = {
        "4.1": refused,
        "4.2": lambda: admin.sign_in(PASSWORD),
        "4.4": lambda: iam.put_user_policy(
            UserName="beside", PolicyName="p", PolicyDocument=cis.role_policy(f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:beside:*")
        ),
        "4.5": lambda: admin.of("cloudtrail").update_trail(Name="cis", IncludeGlobalServiceEvents=True),
        "4.7": lambda: admin.of("kms").disable_key(KeyId=key),
        "4.8": lambda: s3.put_bucket_policy(Bucket="beside", Policy=cis.bucket_policy("beside", ACCOUNT)),
        "4.9": lambda: admin.of("config").put_configuration_recorder(ConfigurationRecorder=recorder),
        "4.10": lambda: ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc),
        "4.11": lambda: ec2.create_network_acl(VpcId=vpc),
        "4.12": ec2.create_internet_gateway,
        "4.13": lambda: ec2.create_route_table(VpcId=vpc),
        "4.14": lambda: ec2.create_vpc(CidrBlock="10.1.0.0/16"),
        "4.15": lambda: admin.of("organizations").create_organizational_unit(ParentId=root, Name="unit"),
        "4.3": lambda: opentrail.client("iam").get_user(UserName="ana"),
    }
    expected: list[str] = []
    assert webhook.alarmed() == expected
    for section, act in watches.items():
        act()
        began = time.perf_counter()
        expected.append(CONTROLS[section].full_name)
        wait_for(lambda: len(webhook.alarmed()) >= len(expected))
        assert webhook.alarmed() == expected
        print(f"{section}: {time.perf_counter() - began:.2f} s from the call to the webhook")  # for who measures: pytest -s
    # A sign-in that fails is one without MFA too: 4.2 is in ALARM already, or is told of again once it has been OK.
    admin.sign_in("wrong")
    wait_for(lambda: CONTROLS["4.6"].full_name in webhook.alarmed())
    assert set(webhook.alarmed()) == {control.full_name for control in CONTROLS.values()}


def test_one_command_makes_the_set_and_takes_it_away(opentrail: RunningOpenTrail, admin: Admin, watched: str, webhook: Webhook) -> None:
    told = json.loads(opentrail.opentrail("watch", "cis", "--notify", webhook.url, "--period", "10", "--json").stdout)
    assert (told["trail"], told["log_group"]) == ("cis", watched)
    names = [control.full_name for control in CONTROLS.values()]
    assert told["alarms"] == told["filters"] == names
    alarms = admin.of("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert {tuple(one["AlarmActions"]) for one in alarms} == {(told["topic"],)}
    assert {one["Period"] for one in alarms} == {10}
    wait_for(lambda: pending(admin, told["topic"]) == 0)
    again = opentrail.opentrail("watch", "cis", "--notify", webhook.url, "--period", "10").stdout
    assert f"{webhook.url}: confirmed" in again

    opentrail.opentrail("watch", "cis", "--remove")
    assert admin.of("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"] == []
    assert admin.of("logs").describe_metric_filters(logGroupName=watched)["metricFilters"] == []
    assert told["topic"] not in [one["TopicArn"] for one in admin.of("sns").list_topics()["Topics"]]
    assert opentrail.opentrail("watch", "cis", "--remove").returncode == 0  # nothing is left to remove


def test_what_cannot_be_told_is_refused(opentrail: RunningOpenTrail) -> None:
    for words, message in (
        ((), "--notify"),
        (("--notify", "ftp://somewhere"), "use a URL"),
        (("--notify", "mailto:a@example.com", "--period", "7"), "10, 20, 30 or a multiple of 60"),
        (("--notify", "mailto:a@example.com", "--trail", "none"), "There is no trail none"),
    ):
        done = opentrail.opentrail("watch", "cis", *words, check=False)
        assert done.returncode != 0
        assert message in done.stdout + done.stderr

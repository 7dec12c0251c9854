"""The sandbox: moto as a child process, and the mirror of IAM."""

from __future__ import annotations

import asyncio
import io
import json
import os
import select
import signal
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from opentrail.clock import SystemClock
from opentrail.errors import SettingError, UpstreamError
from opentrail.sandbox import Mirror, Sandbox, process
from opentrail.wire.http import Headers, Request


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox(log=tmp_path_factory.mktemp("sandbox") / "sandbox.log")
    running.start()
    yield running
    running.stop()


def client(service: str, url: str) -> Any:
    return botocore.session.Session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=60),
    )


ROLE = "arn:aws:iam::123456789012:role/mirrored"
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}'


def create_role_as_sent() -> Request:
    """CreateRole as botocore puts it on the wire; it reaches nobody."""
    iam = client("iam", "http://127.0.0.1:9")
    sent: list[AWSPreparedRequest] = []

    class Caught(Exception):
        pass

    def catch(request: AWSPreparedRequest, **_: object) -> None:
        sent.append(request)
        raise Caught

    iam.meta.events.register("before-send.iam.CreateRole", catch)
    with pytest.raises(Caught):
        iam.create_role(RoleName="mirrored", AssumeRolePolicyDocument=TRUST)
    prepared = sent[0]
    lines = [(name, value.decode() if isinstance(value, bytes) else str(value)) for name, value in prepared.headers.items()]
    body = prepared.body if isinstance(prepared.body, bytes) else str(prepared.body).encode()
    return Request(method="POST", path="/", headers=Headers([("host", "127.0.0.1:9"), *lines]), body=body)


def create_function(url: str) -> str:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "def run(event, context): return 1")
    made = client("lambda", url).create_function(
        FunctionName="f", Runtime="python3.11", Role=ROLE, Handler="handler.run", Code={"ZipFile": code.getvalue()}
    )
    return str(made["FunctionArn"])


def test_it_serves_what_we_do_not(sandbox: Sandbox) -> None:
    made = client("ec2", sandbox.url).create_vpc(CidrBlock="10.0.0.0/16")
    assert made["Vpc"]["CidrBlock"] == "10.0.0.0/16"
    assert made["Vpc"]["OwnerId"] == "123456789012"


def test_a_role_made_here_is_known_there(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match="role"):
        create_function(sandbox.url)

    async def replay() -> tuple[bool, bool]:
        mirror = Mirror(sandbox.url, SystemClock())
        await mirror.open()
        try:
            return await mirror.replay(create_role_as_sent()), await mirror.replay(create_role_as_sent())
        finally:
            await mirror.close()

    assert asyncio.run(replay()) == (True, False)  # the second time it exists already, which is no matter
    assert create_function(sandbox.url) == "arn:aws:lambda:us-east-1:123456789012:function:f"


def test_a_mirror_without_a_sandbox_changes_nothing() -> None:
    async def replay() -> bool:
        mirror = Mirror("http://127.0.0.1:9", SystemClock())
        await mirror.open()
        try:
            return await mirror.replay(create_role_as_sent())
        finally:
            await mirror.close()

    assert asyncio.run(replay()) is False


def test_it_is_started_again_under_the_same_url(sandbox: Sandbox) -> None:
    url = sandbox.url
    assert sandbox.keep_up() is False
    assert sandbox.pid is not None
    kill(sandbox.pid)
    assert not sandbox.running
    assert sandbox.keep_up() is True
    assert client("ec2", url).describe_vpcs()["Vpcs"]  # waits in the queue until it is up
    assert sandbox.url == url
    sandbox.keep_up()
    with urllib.request.urlopen(f"{url}/moto-api/config", timeout=20) as answer:
        assert json.load(answer)["lambda"]["use_docker"] is False


PARENT = """
import sys
from opentrail.sandbox import Sandbox
sandbox = Sandbox()
sandbox.start()
print(sandbox.pid, flush=True)
sys.stdin.read()
"""


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    ours = {**os.environ, "TMPDIR": str(tmp_path)}  # a killed parent leaves its folder behind
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ours)
    assert parent.stdout is not None
    assert parent.stdin is not None
    pid = int(parent.stdout.readline())
    watched = os.pidfd_open(pid)
    try:
        parent.kill()
        parent.wait()
        ended(watched)
    finally:
        os.close(watched)
        parent.stdin.close()
        parent.stdout.close()


def kill(pid: int) -> None:
    watched = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        ended(watched)
    finally:
        os.close(watched)


def ended(process_descriptor: int) -> None:
    """Wait for the end of a process: its descriptor is readable from then on."""
    assert select.select([process_descriptor], [], [], 20)[0]


def test_without_moto_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"pip install 'opentrail\[sandbox\]'"):
        Sandbox().start()


def test_a_child_that_dies_while_starting_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process.sys, "executable", "/bin/false")
    sandbox = Sandbox(log=tmp_path / "log")
    with pytest.raises(UpstreamError, match=r"ended with 1 while starting; see .*log"):
        sandbox.start()
    with pytest.raises(UpstreamError, match="has not been started"):
        _ = sandbox.url
    sandbox.stop()
    assert sandbox.keep_up() is False


def test_its_environment_leads_nowhere() -> None:
    ours = {"PATH": "/bin", "AWS_ACCESS_KEY_ID": "AKIAREAL", "AWS_PROFILE": "work", "HTTPS_PROXY": "http://proxy", "OPENTRAIL_X": "y"}
    given = process.environment(ours, "111122223333", "/folder")
    assert given["PATH"] == "/bin"
    assert given["AWS_ACCESS_KEY_ID"] == "sandbox"
    assert given["MOTO_ACCOUNT_ID"] == "111122223333"
    assert not {"AWS_PROFILE", "HTTPS_PROXY", "OPENTRAIL_X"} & set(given)


def test_stopping_ends_the_child() -> None:
    sandbox = Sandbox()
    sandbox.stop()
    sandbox.start()
    assert sandbox.pid is not None
    watched = os.pidfd_open(sandbox.pid)
    try:
        sandbox.stop()
        ended(watched)
    finally:
        os.close(watched)
    assert not sandbox.running
    sandbox.stop()


@pytest.mark.parametrize("vpc", [None, "vpc-00000000000000000"], ids=["a success", "an error"])
def test_the_body_of_an_answer_of_ec2_names_the_request_id_of_its_header(sandbox: Sandbox, vpc: str | None) -> None:
    try:
        answer = client("ec2", sandbox.url).describe_vpcs(**({"VpcIds": [vpc]} if vpc else {}))["ResponseMetadata"]
    except ClientError as error:
        answer = error.response["ResponseMetadata"]
    assert answer["RequestId"] == answer["HTTPHeaders"]["x-amzn-requestid"]

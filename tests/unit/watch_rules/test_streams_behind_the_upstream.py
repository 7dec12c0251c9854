"""Subscription filters to Kinesis and Firehose behind `--upstream`: the role that a filter names is judged at every delivery."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.monitoring.faults import InvalidParameterException
from opentrail.proxy import Upstreams
from opentrail.server.subscription_destinations import SubscriptionDestinations
from simulators.filtered_logs import ACCOUNT, GROUP, KINESIS, REGION, FilteredLogs
from simulators.kms import House as Account

FIREHOSE = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/lines"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/streams"
SOURCE = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}:*"
PUT = {"Action": ["kinesis:PutRecord", "firehose:PutRecord"], "Resource": [KINESIS, FIREHOSE]}


def trust(service: str = "logs.amazonaws.com", **more: Any) -> dict[str, Any]:
    return {"Principal": {"Service": service}, "Action": "sts:AssumeRole", **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


class Streams:
    """Takes every record, by its target."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        streams = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                data = asked.get("Data") or asked["Record"]["Data"]
                streams.taken.append((self.headers["x-amz-target"], json.loads(gzip.decompress(base64.b64decode(data)))))
                body = json.dumps({"ShardId": "s", "SequenceNumber": "1", "RecordId": "r"}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/x-amz-json-1.1")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def messages(self) -> list[str]:
        return [event["message"] for _, one in self.taken if one["messageType"] == "DATA_MESSAGE" for event in one["logEvents"]]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def streams() -> Iterator[Streams]:
    made = Streams()
    yield made
    made.close()


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    (tmp_path / "account").mkdir()
    made = Account(tmp_path / "account", ManualClock())
    yield made
    made.database.close()


@pytest.fixture
def house(tmp_path: Path, streams: Streams, account: Account) -> Iterator[FilteredLogs]:
    upstreams = Upstreams.parse([f"kinesis={streams.url}", f"firehose={streams.url}"], sandbox=None)
    made = FilteredLogs(tmp_path, functions=SubscriptionDestinations(upstreams, account.identities, account.clock))
    yield made
    made.close()


def role(account: Account, trusts: dict[str, Any], *may: dict[str, Any]) -> None:
    account.identities.roles.create(ACCOUNT, "streams", document(trusts))
    if may:
        account.identities.attachments.put_inline(ACCOUNT, "role", "streams", "own", document(*may))


@pytest.mark.parametrize(
    "trusts",
    [
        trust(),
        trust(f"logs.{REGION}.amazonaws.com"),
        trust(Condition={"StringLike": {"aws:SourceArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:*"}}),
        trust(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnEquals": {"aws:SourceArn": SOURCE}}),
    ],
)
@pytest.mark.parametrize("arn", [KINESIS, FIREHOSE])
def test_a_stream_gets_what_matches_by_the_role(
    house: FilteredLogs, streams: Streams, account: Account, arn: str, trusts: dict[str, Any]
) -> None:
    role(account, trusts, PUT)
    house.subscription("ERROR", arn, roleArn=ROLE)
    house.put("ERROR 1", "fine")
    house.deliver()
    target = "Kinesis_20131202.PutRecord" if arn == KINESIS else "Firehose_20150804.PutRecord"
    assert [(found, one["messageType"]) for found, one in streams.taken] == [(target, "CONTROL_MESSAGE"), (target, "DATA_MESSAGE")]
    assert streams.messages() == ["ERROR 1"]


@pytest.mark.parametrize(
    ("trusts", "may", "message"),
    [
        (trust("logs.eu-west-1.amazonaws.com"), PUT, "check its trust relationships"),
        (trust("events.amazonaws.com"), PUT, "check its trust relationships"),
        (trust(Condition={"StringEquals": {"aws:SourceAccount": "444455556666"}}), PUT, "check its trust relationships"),
        (trust(), {**PUT, "Resource": KINESIS + "2"}, "not authorized to perform: kinesis:PutRecord"),
        (trust(), {**PUT, "Action": "kinesis:PutRecords"}, "not authorized to perform: kinesis:PutRecord"),
    ],
)
def test_no_filter_is_put_whose_role_may_not(
    house: FilteredLogs, streams: Streams, account: Account, trusts: dict[str, Any], may: dict[str, Any], message: str
) -> None:
    role(account, trusts, may)
    with pytest.raises(InvalidParameterException, match=message):
        house.subscription("", KINESIS, roleArn=ROLE)
    assert streams.taken == []
    assert house.subscription_filters.list(ACCOUNT, REGION, GROUP, limit=10) == []


def test_a_role_that_is_not_there_is_refused(house: FilteredLogs) -> None:
    with pytest.raises(InvalidParameterException, match=f"cannot assume the role {ROLE}"):
        house.subscription("", KINESIS, roleArn=ROLE)


def test_a_permission_that_was_taken_away_holds_up_deliveries_until_it_is_back(
    house: FilteredLogs, streams: Streams, account: Account
) -> None:
    role(account, trust(), PUT)
    house.subscription("", KINESIS, roleArn=ROLE)
    account.identities.attachments.delete_inline(ACCOUNT, "role", "streams", "own")
    house.put("1")
    house.deliver()
    assert streams.messages() == []
    assert house.delivering.counts()["subscription_filters_failing"] == 1
    account.identities.attachments.put_inline(ACCOUNT, "role", "streams", "own", document(PUT))
    house.clock.advance(60)
    house.deliver()
    assert streams.messages() == ["1"]
    assert house.delivering.counts()["subscription_filters_failing"] == 0

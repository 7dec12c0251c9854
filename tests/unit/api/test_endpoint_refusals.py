"""Who is refused, in which words, and what the record says; what arrives in bodies, and from which address."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.api.call import Call, Need
from opentrail.identity.credentials import Credential
from opentrail.wire import parse as parsing
from opentrail.wire.http import Headers, Request
from simulators.front_door import ACCOUNT, FORM, Answered, Fake, FrontDoor

IAM = "2010-05-08"
STRANGER_KEY = "AKIAIOSFODNN7EXAMPLE"

Make = Callable[..., FrontDoor]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[FrontDoor] = []

    def build(**settings: Any) -> FrontDoor:
        settings.setdefault("services", [Fake("iam", {"ListUsers": lambda call: {"Users": []}}), Fake("cloudtrail", {"GetTrail": trail})])
        made.append(FrontDoor(tmp_path, **settings))
        return made[-1]

    yield build
    for door in made:
        door.close()


def trail(call: Call) -> dict[str, Any]:
    return {"Trail": {"Name": call.parameters["Name"]}}


def stranger(door: FrontDoor) -> Credential:
    return Credential(
        access_key_id=STRANGER_KEY, secret_access_key="nobody", principal=door.root.principal, session_token=None, expires=None
    )


def with_headers(request: Request, **more: str | None) -> Request:
    """`request` with headers added, replaced or (`None`) left out, after it was signed."""
    changes = {name.replace("_", "-"): value for name, value in more.items()}
    lines = [(name, value) for name, value in request.headers if name not in changes]
    lines += [(name, value) for name, value in changes.items() if value is not None]
    return Request(method=request.method, path=request.path, query=request.query, headers=Headers(lines), body=request.body)


def refused(answered: Answered, door: FrontDoor, status: int, code: str, key: str | None) -> None:
    assert (answered.status, code in answered.text) == (status, True), answered.text
    record = door.record
    assert record["errorCode"] in (code, code.removesuffix("Exception"))
    assert record["requestParameters"] is None
    assert record["userIdentity"].get("accessKeyId", "") == (key or "")
    assert door.used == []


# -- the signature ------------------------------------------------------------------------------------------------------------------------


def test_nobodys_key(make: Make) -> None:
    door = make()
    answered = door.ask(door.query("iam", "ListUsers", IAM, key=stranger(door)))
    refused(answered, door, 403, "InvalidClientTokenId", STRANGER_KEY)
    assert door.record["eventName"] == "ListUsers"


def test_nobodys_key_json(make: Make) -> None:
    door = make()
    refused(door.ask(door.json("GetTrail", {"Name": "a"}, key=stranger(door))), door, 400, "UnrecognizedClientException", STRANGER_KEY)


def test_a_wrong_signature(make: Make) -> None:
    door = make()
    answered = door.ask(door.query("iam", "ListUsers", IAM, secret="wrong"))
    refused(answered, door, 403, "SignatureDoesNotMatch", door.root.access_key_id)
    assert door.record["userIdentity"]["type"] == "Unknown"


def test_a_body_that_is_not_the_one_signed(make: Make) -> None:
    door = make()
    request = door.json("GetTrail", {"Name": "a"})
    changed = Request(method="POST", path="/", headers=request.headers, body=b'{"Name":"b"}')
    refused(door.ask(changed), door, 400, "InvalidSignatureException", door.root.access_key_id)


def test_a_clock_that_is_wrong(make: Make) -> None:
    door = make()
    request = door.query("iam", "ListUsers", IAM)
    door.clock.advance(901)
    refused(door.ask(request), door, 403, "SignatureDoesNotMatch", door.root.access_key_id)


def test_no_signature_at_all(make: Make) -> None:
    door = make()
    request = with_headers(door.query("iam", "ListUsers", IAM), authorization=None)
    refused(door.ask(request), door, 403, "MissingAuthenticationToken", None)


def test_a_session_that_has_ended(make: Make) -> None:
    door = make()
    ended = Credential(
        access_key_id="ASIAEXAMPLE",
        secret_access_key="s",
        principal=door.root.principal,
        session_token="token",
        expires=door.clock.time() - 1,
    )
    known = door.identities.credential
    door.identities.credential = lambda key: ended if key == "ASIAEXAMPLE" else known(key)  # type: ignore[method-assign]
    answered = door.ask(door.query("iam", "ListUsers", IAM, key=ended))
    assert (answered.status, "ExpiredToken" in answered.text) == (403, True)
    assert door.record["errorCode"].startswith("ExpiredToken")
    assert door.used == []


def test_policies_decide(make: Make) -> None:
    wants = {"ListUsers": [Need(action="iam:ListUsers", resource=f"arn:aws:iam::{ACCOUNT}:user/")]}
    door = make(services=[Fake("iam", {"ListUsers": lambda call: {"Users": []}}, wants)])
    user = door.identities.users.create(ACCOUNT, "ana", path="/")
    made, _ = door.identities.access_keys.create(ACCOUNT, user.name)
    key = door.identities.credential(made.access_key_id)
    assert key is not None
    answered = door.ask(door.query("iam", "ListUsers", IAM, key=key))
    assert answered.status == 403
    assert f"User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: iam:ListUsers" in answered.text
    assert door.record["errorCode"] == "AccessDenied"
    assert door.record["userIdentity"]["userName"] == "ana"
    assert door.ask(door.query("iam", "ListUsers", IAM)).status == 200


def test_an_open_door_makes_strangers_root_but_not_forgers(make: Make) -> None:
    door = make(open_door=True)
    assert door.ask(door.query("iam", "ListUsers", IAM, key=stranger(door))).status == 200
    assert door.record["userIdentity"]["type"] == "Root"
    assert door.record["userIdentity"]["accessKeyId"] == STRANGER_KEY
    assert door.ask(door.query("iam", "ListUsers", IAM, secret="wrong")).status == 403


# -- bodies -------------------------------------------------------------------------------------------------------------------------------


def gzipped(door: FrontDoor, text: bytes, **more: Any) -> Request:
    return door.json("GetTrail", gzip.compress(text), headers={"content-encoding": "gzip"}, **more)


def test_a_gzip_body_is_read(make: Make) -> None:
    door = make()
    answered = door.ask(gzipped(door, b'{"Name":"audit"}'))
    assert (answered.status, '"audit"' in answered.text) == (200, True)
    assert door.record["requestParameters"] == {"name": "audit"}


def test_a_broken_gzip_body_is_refused_under_its_callers_name(make: Make) -> None:
    door = make()
    request = door.json("GetTrail", b"\x1f\x8b no gzip", headers={"content-encoding": "gzip"})
    assert door.ask(request).status == 400
    assert door.record["errorCode"] == "SerializationException"
    assert door.record["userIdentity"]["type"] == "Root"


BOMB = gzip.compress(b"a" * (8 << 20))


@pytest.mark.parametrize("who", ["nobody", "forger"])
def test_what_nobody_signed_is_not_inflated(make: Make, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    door = make(max_body=16 << 20)
    grown: list[int] = []
    from_wire = parsing.parse
    monkeypatch.setattr("opentrail.api.endpoint.parse", lambda route: grown.append(len(route.request.body)) or from_wire(route))
    more: dict[str, Any] = {"key": stranger(door)} if who == "nobody" else {"secret": "wrong"}
    answered = door.ask(door.json("GetTrail", BOMB, headers={"content-encoding": "gzip"}, **more))
    assert answered.status == 400
    assert ("UnrecognizedClientException" if who == "nobody" else "InvalidSignatureException") in answered.text
    assert grown == []
    assert door.record["userIdentity"]["type"] == "Unknown"
    assert door.record["eventName"] == "GetTrail"


def test_of_a_strangers_body_no_more_is_read_than_names_the_operation(make: Make) -> None:
    door = make()
    start = b"Action=ListUsers&Version=2010-05-08&Marker=" + b"a" * 70_000
    request = door.signed("iam", body=start, headers={"content-type": FORM}, key=stranger(door))
    left = [start, *[b"b" * 65536] * 100]
    refused(door.ask(request, pieces=left), door, 403, "InvalidClientTokenId", STRANGER_KEY)
    assert door.record["eventName"] == "ListUsers"
    assert len(left) == 100


def test_an_oversized_body_is_refused_with_or_without_its_length(make: Make) -> None:
    door = make(max_body=1000)
    request = door.json("GetTrail", {"Name": "a" * 2000})
    for one in (request, with_headers(request, content_length=None)):
        answered = door.ask(one)
        assert (answered.status, "RequestEntityTooLarge" in answered.text) == (413, True)
    assert [record["eventName"] for record in door.records] == ["GetTrail", "GetTrail"]


def test_a_body_that_breaks_off_is_recorded_and_not_carried_out(make: Make) -> None:
    called: list[Call] = []
    door = make(services=[Fake("cloudtrail", {"GetTrail": lambda call: called.append(call) or trail(call)})])
    answered = door.ask(door.json("GetTrail", {"Name": "a"}), pieces=[b'{"Na'], cut=True)
    assert answered.status == 400
    assert door.record["errorCode"] == "IncompleteBody"
    assert called == []


async def stored(call: Call) -> dict[str, Any]:
    """Reads its body as S3 does: what it has stays invisible until the end is right."""
    assert call.body is not None
    return {"ETag": hashlib.md5(b"".join([piece async for piece in call.body])).hexdigest()}


def test_a_streamed_body(make: Make) -> None:
    door = make(services=[Fake("s3", {"PutObject": stored, "CreateBucket": lambda call: {}})])
    answered = door.ask(door.signed("s3", "PUT", "/bucket-a/key", body=b"abcdef"), pieces=[b"abc", b"def"])
    assert (answered.status, answered.headers["etag"]) == (200, hashlib.md5(b"abcdef").hexdigest())


def test_a_streamed_body_with_another_hash_than_signed(make: Make) -> None:
    door = make(services=[Fake("s3", {"PutObject": stored})])
    answered = door.ask(door.signed("s3", "PUT", "/bucket-a/key", body=b"abcdef"), pieces=[b"abc", b"dXf"])
    assert (answered.status, "XAmzContentSHA256Mismatch" in answered.text) == (400, True)


def test_a_refused_streamed_body_is_not_read(make: Make) -> None:
    door = make(services=[Fake("s3", {"PutObject": stored})])
    pieces = [b"abc", b"def"]
    answered = door.ask(door.signed("s3", "PUT", "/bucket-a/key", body=b"abcdef", secret="wrong"), pieces=pieces)
    assert (answered.status, "SignatureDoesNotMatch" in answered.text) == (403, True)
    assert pieces == [b"abc", b"def"]


def test_anonymous_s3_has_what_the_bucket_gives_to_everyone(make: Make) -> None:
    def wants(effect: str) -> list[Need]:
        policy = f'{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Principal":"*","Action":"s3:*","Resource":"*"}}]}}'
        return [Need(action="s3:GetBucketLocation", resource="arn:aws:s3:::a", resource_policy=policy, resource_account_id=ACCOUNT)]

    request = Request(method="GET", path="/bucket-a", query="location", headers=Headers([("host", "127.0.0.1")]))
    for effect, status in (("Allow", 200), ("Deny", 403)):
        door = make(services=[Fake("s3", {"GetBucketLocation": lambda call: {}}, {"GetBucketLocation": wants(effect)})])
        answered = door.ask(request)
        assert answered.status == status
        assert door.record.get("errorCode") == (None if status == 200 else "AccessDenied")
        assert door.record["userIdentity"]["accountId"] == "ANONYMOUS_PRINCIPAL"


def test_head_answers_have_no_body(make: Make) -> None:
    door = make()
    answered = door.ask(door.signed("s3", "HEAD", "/bucket-a", secret="wrong"))
    assert (answered.status, answered.body) == (403, b"")


# -- addresses ----------------------------------------------------------------------------------------------------------------------------

PROXY = "10.0.0.1"
ADDRESSES = [
    ("nobody is trusted", (), "198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
    ("loopback is trusted no more than others", (), "127.0.0.1", ["203.0.113.9"], "127.0.0.1"),
    ("another peer than the proxy", (PROXY,), "198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
    ("the proxy", (PROXY,), PROXY, ["203.0.113.9"], "203.0.113.9"),
    ("the right-most counts, the rest is hearsay", (PROXY,), PROXY, ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
    ("also over several lines", (PROXY,), PROXY, ["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
    ("a chain of proxies", (PROXY, "10.0.0.2"), PROXY, ["1.1.1.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
    ("with a port", (PROXY,), PROXY, ["203.0.113.9:4711"], "203.0.113.9"),
    ("IPv6", (PROXY,), PROXY, ["[2001:db8::1]:4711"], "2001:db8::1"),
    ("no address", (PROXY,), PROXY, ["unknown"], PROXY),
    ("nothing", (PROXY,), PROXY, [], PROXY),
    ("an IPv4 peer on an IPv6 socket", (PROXY,), "::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
]


@pytest.mark.parametrize(("what", "trusted", "peer", "lines", "expected"), ADDRESSES, ids=[case[0] for case in ADDRESSES])
def test_whose_address_is_recorded(make: Make, what: str, trusted: tuple[str, ...], peer: str, lines: list[str], expected: str) -> None:
    door = make(trusted=trusted)
    request = door.query("iam", "ListUsers", IAM)
    forwarded = Headers([*request.headers, *(("x-forwarded-for", line) for line in lines)])
    answered = door.ask(Request(method="POST", path="/", headers=forwarded, body=request.body), client=peer)
    assert answered.status == 200
    assert door.record["sourceIPAddress"] == expected

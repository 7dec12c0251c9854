"""Where the front listens: what the options mean, and what is refused before anything starts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from opentrail.api.arrival import VpcEndpoint
from opentrail.config import FrontSettings
from opentrail.errors import SettingError
from opentrail.server.listening import Listener, listeners, own_authority, tls_context
from simulators.certificates import Certificate

ACCOUNT = "123456789012"
PLAIN = FrontSettings()
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::a/*"}]}
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.made(tmp_path_factory.mktemp("tls"))


def made(*listen: str, endpoints: tuple[str, ...] = (), settings: FrontSettings = PLAIN) -> tuple[Listener, ...]:
    return listeners(listen, endpoints, settings, account_id=ACCOUNT)


def test_an_address_is_plain_without_a_certificate_and_tls_with_one(certificate: Certificate) -> None:
    assert made("127.0.0.1:4747") == (Listener(host="127.0.0.1", port=4747),)
    both = made("[::1]:4747", "http://127.0.0.1:4748", "https://0.0.0.0:443", settings=certificate.settings)
    assert both == (
        Listener(host="::1", port=4747, tls=True),
        Listener(host="127.0.0.1", port=4748),
        Listener(host="0.0.0.0", port=443, tls=True),
    )
    assert [one.url for one in both] == ["https://[::1]:4747", "http://127.0.0.1:4748", "https://127.0.0.1:443"]
    assert [one.is_loopback for one in both] == [True, True, False]


def test_a_vpc_endpoint_has_an_id_an_owner_and_a_policy(tmp_path: Path, certificate: Certificate) -> None:
    file = tmp_path / "policy.json"
    file.write_text(POLICY)
    options = ("vpce-0abc@127.0.0.1:5000", f"vpce-1@http://127.0.0.1:5001,account=444455556666,policy={file}")
    _, first, second = made("127.0.0.1:4747", endpoints=options, settings=certificate.settings)
    assert first == Listener(host="127.0.0.1", port=5000, tls=True, vpc_endpoint=VpcEndpoint(id="vpce-0abc", account_id=ACCOUNT))
    endpoint = VpcEndpoint(id="vpce-1", account_id="444455556666", policy=POLICY)
    assert second == Listener(host="127.0.0.1", port=5001, vpc_endpoint=endpoint)


BAD = [
    ("ftp://127.0.0.1:1", "", "begin the address with http:// or https://"),
    ("https://127.0.0.1:1", "", "set front.tls_certificate and front.tls_key"),
    ("127.0.0.1", "", "HOST:PORT"),
    ("127.0.0.1:70000", "", "HOST:PORT"),
    ("127.0.0.1:1", "vpce-0abc", "write it as vpce-ID@HOST:PORT"),
    ("127.0.0.1:1", "0abc@127.0.0.1:2", "write it as vpce-ID@HOST:PORT"),
    ("127.0.0.1:1", "vpce-0abc@127.0.0.1", "--vpc-endpoint 127.0.0.1: write it as HOST:PORT"),
    ("127.0.0.1:1", "vpce-0abc@127.0.0.1:2,account=7", "'account=7' is not understood"),
    ("127.0.0.1:1", "vpce-0abc@127.0.0.1:2,coffee", "'coffee' is not understood"),
    ("127.0.0.1:1", "vpce-0abc@127.0.0.1:2,policy=/nowhere/p.json", "/nowhere/p.json cannot be read"),
    ("127.0.0.1:1", "vpce-0abc@https://127.0.0.1:2", "set front.tls_certificate"),
]


@pytest.mark.parametrize(("listen", "endpoint", "words"), BAD)
def test_what_cannot_be_says_what_to_change(listen: str, endpoint: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        made(listen, endpoints=(endpoint,) if endpoint else ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is none"),
        (POLICY.replace('"Principal": "*", ', ""), "Missing required field Principal"),
        (POLICY + " " * 20_480, "at most 20480"),
    ],
)
def test_a_policy_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "policy.json"
    file.write_text(text)
    with pytest.raises(SettingError, match=words):
        made("127.0.0.1:1", endpoints=(f"vpce-0@127.0.0.1:2,policy={file}",))


def test_an_endpoint_has_one_listener() -> None:
    with pytest.raises(SettingError, match="vpce-0 is given twice"):
        made("127.0.0.1:1", endpoints=("vpce-0@127.0.0.1:2", "vpce-0@127.0.0.1:3"))


def test_a_certificate_takes_its_own_key(certificate: Certificate, tmp_path: Path) -> None:
    other = Certificate.made(tmp_path)
    bad = [
        (FrontSettings(tls_certificate=str(certificate.certificate)), "front.tls_key is missing"),
        (FrontSettings(tls_key=str(certificate.key)), "front.tls_certificate is missing"),
        (FrontSettings(tls_certificate="/nowhere.pem", tls_key=str(certificate.key)), "/nowhere.pem cannot be read"),
        (FrontSettings(tls_certificate=str(certificate.certificate), tls_key=str(other.key)), "do not make a pair of PEM files"),
        (FrontSettings(tls_certificate=str(certificate.key), tls_key=str(certificate.key)), "do not make a pair of PEM files"),
    ]
    for settings, words in bad:
        with pytest.raises(SettingError, match=words):
            made("127.0.0.1:1", settings=settings)
    locked = tmp_path / "locked.pem"
    subprocess.run(
        ["openssl", "rsa", "-aes256", "-passout", "pass:secret", "-in", other.key, "-out", locked], check=True, capture_output=True
    )
    with pytest.raises(SettingError, match="locked with a password"):
        tls_context(FrontSettings(tls_certificate=str(other.certificate), tls_key=str(locked)))


def test_only_a_certificate_that_is_its_own_authority_must_be_trusted_by_hand(certificate: Certificate, tmp_path: Path) -> None:
    assert own_authority(certificate.certificate) == certificate.certificate
    assert own_authority(Certificate.made(tmp_path, issued=True).certificate) is None

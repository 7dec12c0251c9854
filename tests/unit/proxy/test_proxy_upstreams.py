"""The `--upstream SERVICE=URL` options."""

from __future__ import annotations

import pytest

from opentrail.errors import SettingError
from opentrail.proxy import Credentials, Upstream, Upstreams

PLAIN = Upstream(host="minio.internal", port=9000, tls=False)

URLS: list[tuple[str, Upstream, str]] = [
    ("http://minio.internal:9000", PLAIN, "minio.internal:9000"),
    ("http://minio.internal:9000/", PLAIN, "minio.internal:9000"),
    ("https://s3.example", Upstream(host="s3.example", port=443, tls=True), "s3.example"),
    ("http://s3.example", Upstream(host="s3.example", port=80, tls=False), "s3.example"),
    ("https://s3.example:80", Upstream(host="s3.example", port=80, tls=True), "s3.example:80"),
    ("http://[::1]:9000", Upstream(host="::1", port=9000, tls=False), "[::1]:9000"),
    (
        "https://AKIDEXAMPLE:a%2Fb%2Bc@s3.example",
        Upstream(host="s3.example", port=443, tls=True, credentials=Credentials(access_key_id="AKIDEXAMPLE", secret_access_key="a/b+c")),
        "s3.example",
    ),
]


@pytest.mark.parametrize(("url", "upstream", "authority"), URLS)
def test_urls(url: str, upstream: Upstream, authority: str) -> None:
    read = Upstreams.parse([f"s3={url}"]).find("s3", "s3")
    assert read == upstream
    assert read is not None
    assert read.authority == authority
    assert "a/b+c" not in repr(read) + read.url


BAD: list[tuple[str, str]] = [
    ("s3", "SERVICE=URL"),
    ("=http://x", "SERVICE=URL"),
    ("http://x?a=b", "SERVICE=URL"),
    ("s3=minio:9000", "http:// or https://"),
    ("s3=ftp://x", "http:// or https://"),
    ("s3=http://", "no host"),
    ("s3=http://x:99999", "no URL"),
    ("s3=http://x:port", "no URL"),
    ("s3=http://x/path", "no path"),
    ("s3=http://x?query", "no path"),
    ("s3=http://AKID@x", "AKID:SECRET@"),
    ("s3=http://:secret@x", "AKID:SECRET@"),
    ("s3=http://AKID:@x", "AKID:SECRET@"),
    ("s3=https://AKID:topsecret/rest@x", "percent-encoded"),
    ("s4=http://x", "no service s4"),
]


@pytest.mark.parametrize(("option", "words"), BAD)
def test_options_that_cannot_be_used(option: str, words: str) -> None:
    with pytest.raises(SettingError) as caught:
        Upstreams.parse([option], known={"s3", "ec2"})
    assert words in str(caught.value)
    assert "--upstream" in str(caught.value)
    assert "topsecret" not in str(caught.value)


def test_which_upstream_takes_a_service() -> None:
    upstreams = Upstreams.parse(["s3=http://a", "monitoring=http://b", "*=http://c", "s3=http://d"])

    def host(service: str, signing_name: str) -> str | None:
        found = upstreams.find(service, signing_name)
        return found.host if found else None

    assert host("s3", "s3") == "d"
    assert host("s3control", "s3") == "d"
    assert host("cloudwatch", "monitoring") == "b"
    assert host("ec2", "ec2") == "c"
    assert upstreams.named("ec2", "ec2") is None
    assert upstreams.named("cloudwatch", "monitoring") is not None


def test_the_sandbox_takes_what_is_left() -> None:
    upstreams = Upstreams.parse(["s3=http://a"], sandbox="http://127.0.0.1:5000")
    assert upstreams.find("ec2", "ec2") == Upstream(host="127.0.0.1", port=5000, tls=False)
    assert upstreams.named("s3", "s3") == Upstream(host="a", port=80, tls=False)
    others = Upstreams.parse(["*=http://all"], sandbox="http://127.0.0.1:5000").find("ec2", "ec2")
    assert others is not None
    assert others.host == "all"


def test_no_upstreams() -> None:
    assert not Upstreams()
    assert Upstreams().find("ec2", "ec2") is None
    assert Upstreams.parse(["*=http://all"])

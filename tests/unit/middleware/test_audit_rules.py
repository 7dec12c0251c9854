"""What of a request is told: addresses behind proxies, route templates, results; and nothing that was not asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.middleware import AuditEvent, Who, routes
from opentrail.middleware.addresses import client_address, networks
from opentrail.middleware.rules import Rules, Seen

SEEN = Seen(
    method="GET",
    path="/orders/17",
    query="view=full&token=swordfish",
    route="/orders/{id}",
    peer="198.51.100.7",
    headers={"user-agent": "curl/8", "authorization": "Bearer swordfish", "x-request-id": "r-1", "x-tenant": "blue"},
    status=200,
    failure=None,
    began=1_767_607_872.0,
    duration=0.0125,
)


def event_of(rules: Rules, seen: Seen) -> AuditEvent:
    return rules.event(rules.ask({}), seen)


ADDRESSES = [
    # peer, X-Forwarded-For, trusted, client
    ("198.51.100.7", None, (), "198.51.100.7"),
    ("198.51.100.7", "203.0.113.9", (), "198.51.100.7"),
    ("10.0.0.1", "203.0.113.9", ("10.0.0.0/8",), "203.0.113.9"),
    ("10.0.0.1", "6.6.6.6, 203.0.113.9", ("10.0.0.0/8",), "203.0.113.9"),
    ("10.0.0.1", "203.0.113.9, 10.0.0.2", ("10.0.0.0/8",), "203.0.113.9"),
    ("10.0.0.1", "10.0.0.3,10.0.0.2", ("10.0.0.0/8",), "10.0.0.3"),
    ("10.0.0.1", "203.0.113.9:4711", ("10.0.0.1",), "203.0.113.9"),
    ("10.0.0.1", "[2001:db8::1]:4711", ("10.0.0.1",), "2001:db8::1"),
    ("10.0.0.1", "unknown, 10.0.0.2", ("10.0.0.0/8",), "10.0.0.2"),
    ("10.0.0.1", "", ("10.0.0.0/8",), "10.0.0.1"),
    ("::1", "203.0.113.9", ("::1", "127.0.0.1"), "203.0.113.9"),
    ("fe80::1%eth0", None, (), "fe80::1"),
    ("testclient", "203.0.113.9", ("10.0.0.0/8",), None),
    (None, "203.0.113.9", ("10.0.0.0/8",), None),
]


@pytest.mark.parametrize(("peer", "forwarded", "trusted", "client"), ADDRESSES)
def test_only_trusted_proxies_are_believed(peer: str | None, forwarded: str | None, trusted: tuple[str, ...], client: str | None) -> None:
    assert client_address(peer, forwarded, networks(trusted)) == client


@given(st.text(max_size=40), st.text(max_size=60))
def test_any_header_gives_an_address_or_none(peer: str, forwarded: str) -> None:
    client_address(peer, forwarded, networks(("0.0.0.0/0", "::/0")))


def test_a_network_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        Rules(trusted_proxies=("proxy.example.com",))


class Route:
    """As Starlette has them."""

    def __init__(self, path_format: str, methods: Any = ("GET",)) -> None:
        self.path_format = path_format
        self.methods = methods


class Mount:
    """A route without methods."""

    path_format = "/static/{path}"


ROUTES = [
    # scope, root_path of the request, template
    ({"path": "/orders/17", "route": Route("/orders/{id}")}, "", "/orders/{id}"),
    ({"path": "/orders/17", "route": Route("/orders/{id:int}")}, "", "/orders/{id}"),
    ({"path": "/a/orders/17", "root_path": "/a", "route": Route("/orders/{id}")}, "", "/a/orders/{id}"),
    ({"path": "/a/orders/17", "root_path": "/a", "route": Route("/orders/{id}")}, "/a", "/orders/{id}"),
    ({"path": "/t/blue/x", "root_path": "/t/blue", "path_params": {"t": "blue"}, "route": Route("/x")}, "", "/t/{t}/x"),
    ({"path": "/static/a.css", "root_path": "/static", "route": Mount()}, "", "/static/{path}"),
    ({"path": "/orders/17", "router": object()}, "", routes.NO_ROUTE),
    ({"path": "/orders/17"}, "", None),
    ({"path": "/orders/17", "endpoint": print, "path_params": {"id": 17}}, "", "/orders/{id}"),
    ({"path": "/a/a/b", "endpoint": print, "path_params": {"x": "a", "y": "b"}}, "", "/{x}/a/{y}"),
    ({"path": "/f/a/b.txt", "endpoint": print, "path_params": {"path": "a/b.txt"}}, "", "/f/{path}"),
    ({"path": "/", "endpoint": print, "path_params": {"path": ""}}, "", "/"),
]


@pytest.mark.parametrize(("scope", "root", "template"), ROUTES)
def test_the_template_of_the_route_is_found(scope: Mapping[str, Any], root: str, template: str | None) -> None:
    assert routes.of_asgi(scope, root) == template


def test_by_default_nothing_is_told_that_may_be_secret() -> None:
    event = event_of(Rules(), SEEN)
    assert event.name == "GET /orders/{id}"
    assert event.resource == "/orders/17"
    assert event.parameters == {"method": "GET"}
    assert event.response == {"statusCode": 200}
    assert event.additional == {"durationMs": 12.5, "requestId": "r-1"}
    assert (event.user_agent, event.source_ip, event.time) == ("curl/8", "198.51.100.7", SEEN.began)
    assert (event.who.type, event.error_code) == ("Anonymous", None)
    assert "swordfish" not in repr(event)


def test_what_is_asked_for_is_told() -> None:
    rules = Rules(
        who=lambda scope: Who(principal_id=scope["login"], type="Employee"),
        what=lambda scope: "ReadOrder",
        resource=lambda scope: "order/17",
        details=lambda scope: {"plan": "gold"},
        query=("view", "absent"),
        headers=("X-Tenant", "X-Absent"),
    )
    event = rules.event(rules.ask({"login": "ana"}), SEEN)
    assert (event.name, event.resource, event.who.principal_id) == ("ReadOrder", "order/17", "ana")
    assert event.parameters == {"method": "GET", "query": {"view": "full"}, "headers": {"x-tenant": "blue"}}
    assert event.additional["plan"] == "gold"
    assert "swordfish" not in repr(event)


def test_a_rule_that_fails_costs_only_its_own_fact(caplog: pytest.LogCaptureFixture) -> None:
    def broken(scope: Mapping[str, Any]) -> Any:
        raise KeyError("swordfish")

    rules = Rules(who=broken, what=broken, resource=broken, details=broken)
    event_of(rules, SEEN)
    event = event_of(rules, SEEN)
    assert (event.name, event.resource, event.who.principal_id) == ("GET /orders/{id}", "/orders/17", "anonymous")
    assert event.additional["notTold"] == ("who", "what", "resource", "details")
    assert "swordfish" not in caplog.text
    assert len(caplog.records) == 4


@pytest.mark.parametrize("told", [None, "", 0])
def test_nobody_is_anonymous(told: Any) -> None:
    event = event_of(Rules(who=lambda scope: told), SEEN)
    assert event.who.principal_id == ("0" if told == 0 else "anonymous")


def test_whom_the_framework_knows_stands_in() -> None:
    event = event_of(Rules(who=lambda scope: None), replace(SEEN, user=Who(principal_id="ben")))
    assert event.who.principal_id == "ben"


RESULTS = [
    (200, None, None),
    (302, None, None),
    (400, None, "BadRequest"),
    (401, None, "Unauthorized"),
    (403, None, "Forbidden"),
    (404, None, "NotFound"),
    (418, None, "ImaTeapot"),
    (499, None, "Status499"),
    (500, None, "InternalServerError"),
    (None, None, "NoAnswer"),
    (None, ValueError("swordfish"), "ValueError"),
    (200, OSError("swordfish"), "OSError"),
]


@pytest.mark.parametrize(("status", "failure", "code"), RESULTS)
def test_the_result_is_told(status: int | None, failure: Exception | None, code: str | None) -> None:
    event = event_of(Rules(), replace(SEEN, status=status, failure=failure))
    assert event.error_code == code
    assert bool(event.error_message) == (code is not None)
    assert "swordfish" not in repr(event)


SKIPS = [
    (("/health",), "/health", True),
    (("/health",), "/health/deep", False),
    (("/static/*",), "/static/a.css", True),
    (("/static/*",), "/static", False),
    ((), "/health", False),
    (lambda scope: scope["path"] == "/health", "/health", True),
    (lambda scope: scope["nothing"], "/health", False),
]


@pytest.mark.parametrize(("skip", "path", "skipped"), SKIPS)
def test_what_is_skipped(skip: Any, path: str, skipped: bool) -> None:
    assert Rules(skip=skip).skips({"path": path}, path) is skipped

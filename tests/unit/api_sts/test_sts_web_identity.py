"""AssumeRoleWithWebIdentity: tokens that are to be believed, and all the others."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import jwt
import pytest

from opentrail.clock import ManualClock
from opentrail.identity import Identities, Principal
from opentrail.identity.faults import EntityAlreadyExists, InvalidInput
from opentrail.identity.issuers import FRESH, LEFT_ALONE, ROTATED, Issuers
from opentrail.recorder.user_identity import user_identity
from simulators.issuer import Issuer
from simulators.sts import ACCOUNT, DEPLOY, Caller, Denied, trust

URL = "https://token.example.com/team"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com/team"
WEB = "sts:AssumeRoleWithWebIdentity"
NO_KEY = "Couldn't retrieve verification key from your identity provider"
NOBODY = Principal(type="Unknown", account_id="")


@pytest.fixture(scope="module")
def keys() -> Issuer:
    return Issuer(URL)


@pytest.fixture
def issuer(keys: Issuer) -> Issuer:
    keys.asked.clear()
    keys.failing = None
    return keys


@pytest.fixture
def nobody(identities: Identities, clock: ManualClock, issuer: Issuer) -> Caller:
    """A caller without keys, and a role that trusts the issuer's `ana`."""
    identities.oidc_providers.create(ACCOUNT, URL, clients=["app", "other"], thumbprints=["a" * 40])
    trusted = trust({"Federated": PROVIDER}, [WEB, "sts:TagSession", "sts:SetSourceIdentity"], Condition={
        "StringEquals": {"token.example.com/team:aud": "app"}, "StringLike": {"token.example.com/team:sub": "an*"},
    })  # fmt: skip
    identities.roles.create(ACCOUNT, "deploy", trusted, path="/team/")
    return Caller(identities, NOBODY, clock, Issuers(issuer.fetch, clock))


def asks(token: str, **more: Any) -> dict[str, Any]:
    return {"RoleArn": DEPLOY, "RoleSessionName": "web", "WebIdentityToken": token, **more}


def test_a_believed_token_gives_the_role(nobody: Caller, issuer: Issuer, clock: ManualClock, identities: Identities) -> None:
    found = nobody("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time())))
    assert (found["SubjectFromWebIdentityToken"], found["Audience"], found["Provider"]) == ("ana", "app", PROVIDER)
    assert found["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/web"
    assert found["Credentials"]["Expiration"].timestamp() == clock.time() + 3600
    caller = user_identity(nobody.identified)
    assert caller == {"type": "WebIdentityUser", "principalId": f"{PROVIDER}:app:ana", "userName": "ana", "identityProvider": PROVIDER}
    session = nobody.becomes("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time())))
    assert user_identity(session.principal)["sessionContext"]["webIdFederationData"] == {
        "federatedProvider": PROVIDER,
        "attributes": {"token.example.com/team:aud": "app", "token.example.com/team:sub": "ana"},
    }


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("expired", {"exp": 1_767_607_872}, "ExpiredTokenException", "Token expired: current date/time 1767607872 must be before"),
    ("without an end", {"exp": None}, "InvalidIdentityToken", "Missing a required claim: exp"),
    ("an end that is no number", {"exp": True}, "InvalidIdentityToken", "Missing a required claim: exp"),
    ("without a beginning", {"iat": None}, "InvalidIdentityToken", "Missing a required claim: iat"),
    ("issued in the future", {"iat": 1_767_607_872 + 301}, "InvalidIdentityToken", "not valid yet"),
    ("not valid yet", {"nbf": 1_767_607_872 + 301}, "InvalidIdentityToken", "not valid yet"),
    ("for somebody else", {"aud": "stranger"}, "InvalidIdentityToken", "Incorrect token audience"),
    ("for nobody", {"aud": None}, "InvalidIdentityToken", "Missing a required claim: aud"),
    ("about nobody", {"sub": None}, "InvalidIdentityToken", "Missing a required claim: sub"),
    ("of another issuer", {"iss": "https://evil.example.com"}, "InvalidIdentityToken", "No OpenIDConnect provider found in your account"),
    ("without an issuer", {"iss": None}, "InvalidIdentityToken", "Missing a required claim: iss"),
    ("by another key", {"headers": {"kid": "second"}}, "InvalidIdentityToken", NO_KEY),
]


@pytest.mark.parametrize(("claims", "code", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_tokens_that_are_not_believed(
    nobody: Caller, issuer: Issuer, clock: ManualClock, claims: dict[str, Any], code: str, message: str
) -> None:
    token = issuer.token(clock.time(), **{"headers": None, **claims})
    assert message in nobody.refused(code, "AssumeRoleWithWebIdentity", **asks(token))


def test_forged_tokens(nobody: Caller, issuer: Issuer, clock: ManualClock) -> None:
    good = issuer.token(clock.time())
    header, payload, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "another"}).encode()).decode().rstrip("=")
    others = issuer.token(clock.time(), sub="another").split(".")[2]
    unsigned = jwt.encode(claims, key=None, algorithm="none")
    stranger = Issuer(URL).token(clock.time())
    small = Issuer(URL, bits=1024)
    shared = _hmac_signed(claims, json.dumps(issuer.keys))
    for forged in (f"{header}.{changed}.{signature}", f"{header}.{payload}.", f"{header}.{payload}.{others}", stranger):
        assert NO_KEY in nobody.refused("InvalidIdentityToken", "AssumeRoleWithWebIdentity", **asks(forged))
    for forged in (unsigned, shared):
        nobody.refused("InvalidIdentityToken", "AssumeRoleWithWebIdentity", **asks(forged))
    for nonsense in ("abcd", "a.b.c", "....", "é" * 10, good + ".x"):
        message = nobody.refused("InvalidIdentityToken", "AssumeRoleWithWebIdentity", **asks(nonsense))
        assert "not a valid JWT" in message
    weak = Caller(nobody.identities, NOBODY, clock, Issuers(small.fetch, clock))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = small.token(clock.time())
    assert NO_KEY in weak.refused("InvalidIdentityToken", "AssumeRoleWithWebIdentity", **asks(token))


def _hmac_signed(claims: dict[str, Any], secret: str) -> str:
    """Signed with what everybody can read, as if it were a shared secret."""
    parts = [json.dumps({"alg": "HS256", "kid": "first"}).encode(), json.dumps(claims).encode()]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(secret.encode(), signed, "sha256")).rstrip(b"=")
    return (signed + b"." + signature).decode()


def test_elliptic_keys_and_lists_of_audiences(identities: Identities, nobody: Caller, clock: ManualClock) -> None:
    issuer = Issuer(URL, algorithm="ES256")
    caller = Caller(identities, NOBODY, clock, Issuers(issuer.fetch, clock))
    found = caller("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time(), aud=["stranger", "app"])))
    assert found["Audience"] == "app"


def test_the_trust_policy_sees_the_token(nobody: Caller, issuer: Issuer, clock: ManualClock, identities: Identities) -> None:
    for claims in ({"sub": "bob"}, {"aud": "other"}):
        with pytest.raises(Denied):
            nobody("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time(), **claims)))
    identities.roles.set_trust(ACCOUNT, "deploy", trust({"Federated": "arn:aws:iam::123456789012:oidc-provider/other"}, WEB))
    with pytest.raises(Denied):
        nobody("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time())))
    condition = {"StringEquals": {"token.example.com/team:repository": "org/app"}}
    identities.roles.set_trust(ACCOUNT, "deploy", trust({"Federated": PROVIDER}, WEB, Condition=condition))
    nobody("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time(), repository="org/app")))
    with pytest.raises(Denied):
        nobody("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time(), repository="org/other")))


def test_tokens_can_carry_tags_and_a_source_identity(nobody: Caller, issuer: Issuer, clock: ManualClock, identities: Identities) -> None:
    tags = {"principal_tags": {"team": ["blue"]}, "transitive_tag_keys": ["team"]}
    claims = {"https://aws.amazon.com/tags": tags, "https://aws.amazon.com/source_identity": "ana"}
    session = nobody.becomes("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time(), **claims))).principal.session
    assert session is not None
    assert (dict(session.tags), session.source_identity) == ({"team": "blue"}, "ana")
    identities.roles.set_trust(ACCOUNT, "deploy", trust({"Federated": PROVIDER}, WEB))
    with pytest.raises(Denied, match="sts:TagSession"):
        nobody("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time(), **claims)))
    for wrong in ({"principal_tags": []}, {"principal_tags": {"team": ["a", "b"]}}, {"principal_tags": {"team": 7}}):
        token = issuer.token(clock.time(), **{"https://aws.amazon.com/tags": wrong})
        nobody.refused("InvalidIdentityToken", "AssumeRoleWithWebIdentity", **asks(token))


def test_nobody_gets_in_without_being_identified(nobody: Caller, issuer: Issuer, clock: ManualClock) -> None:
    nobody.service.identify = {}
    parameters = asks(issuer.token(clock.time()))
    message = nobody.refused("AccessDenied", "AssumeRoleWithWebIdentity", **parameters)
    assert message == "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    nobody.blind().refused("AccessDenied", "AssumeRoleWithWebIdentity", **parameters)


def test_requests_are_held_against_the_model_first(nobody: Caller) -> None:
    assert "validation error" in nobody.refused("ValidationError", "AssumeRoleWithWebIdentity", WebIdentityToken="abc")
    nobody.refused("InvalidParameterValue", "AssumeRoleWithWebIdentity", **asks("abcd", ProviderId="www.amazon.com"))


def test_a_provider_or_role_that_goes_in_flight(nobody: Caller, issuer: Issuer, clock: ManualClock, identities: Identities) -> None:
    token = issuer.token(clock.time())
    nobody.blind()
    identities.roles.delete(ACCOUNT, "deploy")
    nobody.refused("AccessDenied", "AssumeRoleWithWebIdentity", **asks(token))
    identities.oidc_providers.delete(ACCOUNT, PROVIDER)
    nobody.refused("InvalidIdentityToken", "AssumeRoleWithWebIdentity", **asks(token))


def test_keys_are_remembered_and_follow_a_rotation(nobody: Caller, clock: ManualClock) -> None:
    issuer = Issuer(URL)
    caller = Caller(nobody.identities, NOBODY, clock, Issuers(issuer.fetch, clock))
    for _ in range(3):
        caller("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time())))
    assert issuer.asked == [URL + "/.well-known/openid-configuration", URL + "/keys"]
    issuer.rotate("second")
    caller.refused("InvalidIdentityToken", "AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time())))
    clock.advance(ROTATED)
    caller("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time())))
    assert len(issuer.asked) == 4
    clock.advance(FRESH)
    caller("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time())))
    assert len(issuer.asked) == 6


def test_an_issuer_that_does_not_answer_is_left_alone_for_a_while(nobody: Caller, issuer: Issuer, clock: ManualClock) -> None:
    issuer.failing = TimeoutError("it took too long to answer")
    for _ in range(3):
        message = nobody.refused("IDPCommunicationError", "AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time())))
        assert message == f"The identity provider {URL} could not be asked for its keys: it took too long to answer"
    assert len(issuer.asked) == 1
    issuer.failing = None
    clock.advance(LEFT_ALONE)
    nobody("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time())))


@pytest.mark.parametrize(
    "document", [[], {}, {"issuer": URL}, {"issuer": "https://evil.example.com", "jwks_uri": URL + "/keys"}, {"issuer": URL, "jwks_uri": 7}]
)
def test_an_issuer_that_answers_nonsense(nobody: Caller, clock: ManualClock, document: Any) -> None:
    issuer = Issuer(URL)
    issuer.documents["/.well-known/openid-configuration"] = document
    caller = Caller(nobody.identities, NOBODY, clock, Issuers(issuer.fetch, clock))
    assert NO_KEY in caller.refused("InvalidIdentityToken", "AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time())))


@pytest.mark.parametrize("jwks", [[], {}, {"keys": 7}, {"keys": [1, {}, {"kty": "oct", "k": "AAAA"}, {"kty": "RSA", "n": "!", "e": []}]}])
def test_keys_that_are_none(nobody: Caller, clock: ManualClock, jwks: Any) -> None:
    issuer = Issuer(URL)
    issuer.documents["/keys"] = jwks
    caller = Caller(nobody.identities, NOBODY, clock, Issuers(issuer.fetch, clock))
    assert NO_KEY in caller.refused("InvalidIdentityToken", "AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time())))


def test_issuers_whose_keys_are_given_are_never_asked(nobody: Caller, issuer: Issuer, clock: ManualClock) -> None:
    given = Issuers(issuer.fetch, clock, given={URL + "/": issuer.keys["keys"]})
    Caller(nobody.identities, NOBODY, clock, given)("AssumeRoleWithWebIdentity", **asks(issuer.token(clock.time())))
    assert issuer.asked == []


def test_providers_are_https_only_unless_told_otherwise(identities: Identities) -> None:
    for url in (
        "http://token.example.com",
        "ftp://x.example.com",
        "token.example.com",
        "https://",
        "https://a@x.example.com",
        "https://x/?q",
    ):
        with pytest.raises(InvalidInput):
            identities.oidc_providers.create(ACCOUNT, url)
    identities.oidc_providers.create(ACCOUNT, URL)
    with pytest.raises(EntityAlreadyExists, match="Provider with url https://token"):
        identities.oidc_providers.create(ACCOUNT, URL + "/")

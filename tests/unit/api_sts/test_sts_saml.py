"""AssumeRoleWithSAML: assertions that are to be believed, and all the others."""

from __future__ import annotations

from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.identity import Identities, Principal
from opentrail.recorder.user_identity import user_identity
from simulators.saml_idp import AWS, ENTITY, SamlIdp, encoded, wrap
from simulators.sts import ACCOUNT, DEPLOY, Caller, Denied, trust

PROVIDER = f"arn:aws:iam::{ACCOUNT}:saml-provider/idp"
SAML = "sts:AssumeRoleWithSAML"
ROLE = {"Role": [f"{DEPLOY},{PROVIDER}"], "RoleSessionName": ["ana"]}


@pytest.fixture(scope="module")
def idp() -> SamlIdp:
    return SamlIdp()


@pytest.fixture
def nobody(identities: Identities, clock: ManualClock, idp: SamlIdp) -> Caller:
    """A caller without keys, and a role that trusts the provider."""
    identities.saml_providers.create(ACCOUNT, "idp", idp.metadata)
    condition = {"StringEquals": {"SAML:aud": AWS}}
    trusted = trust({"Federated": PROVIDER}, [SAML, "sts:TagSession", "sts:SetSourceIdentity"], Condition=condition)
    identities.roles.create(ACCOUNT, "deploy", trusted, path="/team/", max_session=43200)
    return Caller(identities, Principal(type="Unknown", account_id=""), clock)


def asks(assertion: str, **more: Any) -> dict[str, Any]:
    return {"RoleArn": DEPLOY, "PrincipalArn": PROVIDER, "SAMLAssertion": assertion, **more}


def test_a_believed_assertion_gives_the_role(nobody: Caller, idp: SamlIdp, clock: ManualClock) -> None:
    found = nobody("AssumeRoleWithSAML", **asks(idp.response(clock.time(), attributes=ROLE)))
    assert found["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ana"
    assert (found["Subject"], found["SubjectType"]) == ("ana@example.com", "persistent")
    assert (found["Issuer"], found["Audience"]) == (ENTITY, AWS)
    qualifier = found["NameQualifier"]
    assert user_identity(nobody.identified) == {
        "type": "SAMLUser",
        "principalId": f"{qualifier}:ana@example.com",
        "userName": "ana@example.com",
        "identityProvider": qualifier,
    }
    session = nobody.becomes("AssumeRoleWithSAML", **asks(idp.response(clock.time(), attributes=ROLE)))
    assert user_identity(session.principal)["sessionContext"]["webIdFederationData"] == {}


def test_response_assertion_or_both_may_be_signed(nobody: Caller, idp: SamlIdp, clock: ManualClock) -> None:
    for signed in ({"sign_response": True, "sign_assertion": False}, {"sign_response": True}, {}):
        nobody("AssumeRoleWithSAML", **asks(idp.response(clock.time(), attributes=ROLE, **signed)))
    nobody("AssumeRoleWithSAML", **asks(encoded(idp.signed(idp.assertion(clock.time(), attributes=ROLE)))))


NOW = ManualClock().time()
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("not signed", {"sign_assertion": False}, "InvalidIdentityToken", "Response signature invalid"),
    ("issued long ago", {"issued": NOW - 300}, "ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance"),
    ("ended", {"ends": NOW}, "ExpiredTokenException", "Token must be redeemed"),
    ("issued in the future", {"issued": NOW + 301, "ends": NOW + 600}, "InvalidIdentityToken", "not valid yet"),
    ("not valid yet", {"begins": NOW + 301}, "InvalidIdentityToken", "not valid yet"),
    ("of another issuer", {"issuer": "https://evil.example.com"}, "InvalidIdentityToken", "Issuer not present in specified provider"),
    ("for another audience", {"audience": "https://app.example.com"}, "InvalidIdentityToken", "Audience not valid"),
    ("for another recipient", {"recipient": "https://app.example.com"}, "InvalidIdentityToken", "Recipient not valid"),
    ("a recipient that looks like AWS", {"recipient": "https://x.com/.signin.aws.amazon.com/saml"}, "InvalidIdentityToken", "Recipient"),
    ("about nobody", {"subject": ""}, "InvalidIdentityToken", "NameID is required"),
    ("without a session name", {"attributes": {"Role": ROLE["Role"]}}, "InvalidIdentityToken", "RoleSessionName is required"),
    ("with a bad session name", {"attributes": {**ROLE, "RoleSessionName": ["a b"]}}, "InvalidIdentityToken", "RoleSessionName"),
    ("with two session names", {"attributes": {**ROLE, "RoleSessionName": ["aa", "bb"]}}, "InvalidIdentityToken", "one value"),
    ("without the role", {"attributes": {**ROLE, "Role": [f"{DEPLOY}2,{PROVIDER}"]}}, "InvalidIdentityToken", "attribute Role"),
    ("ending at once", {"session_ends": NOW + 899}, "ExpiredTokenException", "SessionNotOnOrAfter"),
]


@pytest.mark.parametrize(("changes", "code", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_assertions_that_are_not_believed(
    nobody: Caller, idp: SamlIdp, clock: ManualClock, changes: dict[str, Any], code: str, message: str
) -> None:
    assertion = idp.response(clock.time(), **{"attributes": ROLE, **changes})
    assert message in nobody.refused(code, "AssumeRoleWithSAML", **asks(assertion))


def test_forged_assertions(nobody: Caller, idp: SamlIdp, clock: ManualClock) -> None:
    now = clock.time()
    good = idp.signed(idp.assertion(now, attributes=ROLE))
    evil = idp.assertion(now, attributes=ROLE, id="_evil", subject="root@example.com")
    signature = good[good.index("<ds:Signature") : good.index("</ds:Signature>") + 15]
    holding = signature.replace("</ds:Signature>", f"<ds:Object>{good}</ds:Object></ds:Signature>")
    forged = {
        "changed": wrap(good.replace("ana@example.com", "root@example.com")),
        "signed by somebody else": wrap(SamlIdp().signed(evil)),
        "wrapped beside": wrap(evil, good),
        "wrapped around": wrap(evil.replace("</saml:Assertion>", good + "</saml:Assertion>")),
        "signature moved": wrap(evil.replace("<saml:Subject>", signature + "<saml:Subject>")),
        "original in the signature": wrap(evil.replace("<saml:Subject>", holding + "<saml:Subject>")),
        "the same id twice": wrap(evil.replace("_evil", "_a1").replace("</saml:Assertion>", good + "</saml:Assertion>")),
    }
    for name, xml in forged.items():
        try:
            nobody("AssumeRoleWithSAML", **asks(encoded(xml)))
        except Exception as error:
            assert getattr(error, "code", "") == "InvalidIdentityToken", name  # noqa: PT017
        else:
            assert nobody.identified.user_name == "ana@example.com", name
    nobody.refused("InvalidIdentityToken", "AssumeRoleWithSAML", **asks(encoded(forged["changed"])))


def test_a_comment_does_not_cut_a_name_short(nobody: Caller, idp: SamlIdp, clock: ManualClock) -> None:
    signed = idp.signed(idp.assertion(clock.time(), attributes=ROLE, subject="root@example.com.evil.com"))
    commented = wrap(signed.replace("root@example.com.evil.com", "root@example.com<!-- -->.evil.com"))
    assert nobody("AssumeRoleWithSAML", **asks(encoded(commented)))["Subject"] == "root@example.com.evil.com"


def test_documents_that_expand_or_reach_out_are_refused(nobody: Caller, idp: SamlIdp, clock: ManualClock) -> None:
    good = wrap(idp.signed(idp.assertion(clock.time(), attributes=ROLE)))
    for kind in ('<!ENTITY x SYSTEM "file:///etc/passwd">', '<!ENTITY x "y">', '<!ENTITY % x SYSTEM "http://127.0.0.1:1/x"> %x;', ""):
        document = f"<!DOCTYPE r [{kind}]>" + good
        message = nobody.refused("InvalidIdentityToken", "AssumeRoleWithSAML", **asks(encoded(document)))
        assert "document type" in message or "well-formed" in message
    for nonsense in ("abcd", encoded("<a"), encoded("<a/>"), encoded(wrap()), encoded(wrap(status="Requester")), "*" * 8):
        nobody.refused("InvalidIdentityToken", "AssumeRoleWithSAML", **asks(nonsense))
    encrypted = wrap('<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>')
    assert "Encrypted" in nobody.refused("InvalidIdentityToken", "AssumeRoleWithSAML", **asks(encoded(encrypted)))


def test_the_trust_policy_sees_the_assertion(nobody: Caller, idp: SamlIdp, clock: ManualClock, identities: Identities) -> None:
    identities.roles.set_trust(ACCOUNT, "deploy", trust({"Federated": PROVIDER}, SAML, Condition={"StringEquals": {"SAML:sub": "bob"}}))
    with pytest.raises(Denied):
        nobody("AssumeRoleWithSAML", **asks(idp.response(clock.time(), attributes=ROLE)))
    nobody("AssumeRoleWithSAML", **asks(idp.response(clock.time(), attributes=ROLE, subject="bob")))


def test_tags_source_identity_and_end_of_session(nobody: Caller, idp: SamlIdp, clock: ManualClock) -> None:
    attributes = {**ROLE, "PrincipalTag:team": ["blue"], "TransitiveTagKeys": ["team"], "SourceIdentity": ["ana"]}
    assertion = idp.response(clock.time(), attributes=attributes, session_ends=clock.time() + 1800)
    found = nobody("AssumeRoleWithSAML", **asks(assertion, DurationSeconds=43200))
    assert found["Credentials"]["Expiration"].timestamp() == clock.time() + 1800
    session = nobody.becomes("AssumeRoleWithSAML", **asks(assertion)).principal.session
    assert session is not None
    assert (dict(session.tags), session.source_identity) == ({"team": "blue"}, "ana")


def test_providers_and_roles_that_are_not_there(nobody: Caller, idp: SamlIdp, clock: ManualClock, identities: Identities) -> None:
    assertion = idp.response(clock.time(), attributes=ROLE)
    for arn in (PROVIDER + "2", f"arn:aws:iam::{ACCOUNT}:role/team/deploy", "arn:aws:iam::999999999999:saml-provider/idp"):
        parameters = {**asks(assertion), "PrincipalArn": arn}
        assert nobody.refused("InvalidIdentityToken", "AssumeRoleWithSAML", **parameters) == "Specified provider doesn't exist"
    nobody.blind()
    identities.roles.delete(ACCOUNT, "deploy")
    nobody.refused("AccessDenied", "AssumeRoleWithSAML", **asks(assertion))
    nobody.service.identify = {}
    nobody.refused("AccessDenied", "AssumeRoleWithSAML", **asks(assertion))


def test_certificates_change_with_the_metadata(nobody: Caller, idp: SamlIdp, clock: ManualClock, identities: Identities) -> None:
    renewed = SamlIdp()
    assertion = renewed.response(clock.time(), attributes=ROLE)
    nobody.refused("InvalidIdentityToken", "AssumeRoleWithSAML", **asks(assertion))
    identities.saml_providers.update(ACCOUNT, PROVIDER, renewed.metadata)
    nobody("AssumeRoleWithSAML", **asks(assertion))

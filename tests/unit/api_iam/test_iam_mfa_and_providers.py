"""MFA devices, identity providers, passwords of the account: what a client sees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.identity import Identities, totp
from simulators.saml_idp import ENTITY, SamlIdp

ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}"
NOW = ManualClock().now()
STEP = int(ManualClock().time()) // totp.STEP


def codes(seed: str, step: int = STEP) -> dict[str, str]:
    return {"AuthenticationCode1": totp.code(seed, step - 1), "AuthenticationCode2": totp.code(seed, step)}


@pytest.fixture
def phone(root: Any) -> tuple[str, str]:
    root("CreateUser", UserName="alice")
    made = root("CreateVirtualMFADevice", VirtualMFADeviceName="phone", Path="/apps/", Tags=[{"Key": "a", "Value": "b"}])[
        "VirtualMFADevice"
    ]
    assert made["SerialNumber"] == f"{IAM}:mfa/apps/phone"
    assert made["QRCodePNG"].startswith(b"\x89PNG")
    assert made["Tags"] == [{"Key": "a", "Value": "b"}]
    seed = made["Base32StringSeed"].decode()
    assert len(seed) == 64
    return made["SerialNumber"], seed


def test_a_device_from_beginning_to_end(root: Any, phone: tuple[str, str]) -> None:
    serial, seed = phone
    assert root("ListVirtualMFADevices", AssignmentStatus="Unassigned")["VirtualMFADevices"] == [{"SerialNumber": serial}]
    root("EnableMFADevice", UserName="alice", SerialNumber=serial, **codes(seed))
    assert root("ListMFADevices", UserName="alice")["MFADevices"] == [{"UserName": "alice", "SerialNumber": serial, "EnableDate": NOW}]
    assert root("GetMFADevice", SerialNumber=serial) == {"SerialNumber": serial, "UserName": "alice", "EnableDate": NOW}
    (listed,) = root("ListVirtualMFADevices")["VirtualMFADevices"]
    assert listed["User"]["UserName"] == "alice"
    assert root("ListVirtualMFADevices", AssignmentStatus="Unassigned")["VirtualMFADevices"] == []
    summary = root("GetAccountSummary")["SummaryMap"]
    assert (summary["MFADevices"], summary["MFADevicesInUse"], summary["AccountMFAEnabled"]) == (1, 1, 0)
    root.refused("EntityAlreadyExists", "EnableMFADevice", UserName="alice", SerialNumber=serial, **codes(seed))
    assert (
        root.refused("DeleteConflict", "DeleteVirtualMFADevice", SerialNumber=serial) == "MFA VirtualDevice in use. Must deactivate first."
    )
    message = root.refused("DeleteConflict", "DeleteUser", UserName="alice")
    assert message == "Cannot delete entity, must delete MFA device first."
    root("DeactivateMFADevice", UserName="alice", SerialNumber=serial)
    root.refused("NoSuchEntity", "DeactivateMFADevice", UserName="alice", SerialNumber=serial)
    root("DeleteVirtualMFADevice", SerialNumber=serial)
    message = root.refused("NoSuchEntity", "GetMFADevice", SerialNumber=serial)
    assert message == f"VirtualMFADevice with serial number {serial} doesn't exist."
    root("DeleteUser", UserName="alice")


def test_a_device_is_enabled_by_two_codes_in_a_row(root: Any, phone: tuple[str, str]) -> None:
    serial, seed = phone
    good = codes(seed)
    for wrong in (
        {**good, "AuthenticationCode2": totp.code(seed, STEP + 1)},
        {"AuthenticationCode1": good["AuthenticationCode2"], "AuthenticationCode2": good["AuthenticationCode1"]},
        codes(seed, STEP - 100),
    ):
        message = root.refused("InvalidAuthenticationCode", "EnableMFADevice", UserName="alice", SerialNumber=serial, **wrong)
        assert message == "Authentication code for device is not valid."
    same = {"AuthenticationCode1": good["AuthenticationCode1"], "AuthenticationCode2": good["AuthenticationCode1"]}
    root.refused("InvalidInput", "EnableMFADevice", UserName="alice", SerialNumber=serial, **same)
    root.refused("NoSuchEntity", "EnableMFADevice", UserName="bob", SerialNumber=serial, **good)
    root("EnableMFADevice", UserName="alice", SerialNumber=serial, **good)
    root.refused("InvalidAuthenticationCode", "ResyncMFADevice", UserName="alice", SerialNumber=serial, **good)
    root("ResyncMFADevice", UserName="alice", SerialNumber=serial, **codes(seed, STEP + 5))


def test_devices_are_tagged_and_named_once(root: Any, phone: tuple[str, str]) -> None:
    serial, _ = phone
    root("TagMFADevice", SerialNumber=serial, Tags=[{"Key": "c", "Value": "d"}])
    root("UntagMFADevice", SerialNumber=serial, TagKeys=["a"])
    assert root("ListMFADeviceTags", SerialNumber=serial)["Tags"] == [{"Key": "c", "Value": "d"}]
    message = root.refused("EntityAlreadyExists", "CreateVirtualMFADevice", VirtualMFADeviceName="phone")
    assert message == "MFADevice entity at the same path and name already exists."


def test_seeds_are_not_in_the_database(root: Any, phone: tuple[str, str], tmp_path: Any) -> None:
    found = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert phone[1].encode() not in found


def test_users_may_manage_their_own_device(user: Any, root: Any) -> None:
    own = {"Effect": "Allow", "Action": ["iam:*MFADevice*"], "Resource": [f"{IAM}:mfa/*", f"{IAM}:user/${{aws:username}}"]}
    alice = user("alice", json.dumps({"Version": "2012-10-17", "Statement": [own]}))
    made = alice("CreateVirtualMFADevice", VirtualMFADeviceName="alice")["VirtualMFADevice"]
    seed = made["Base32StringSeed"].decode()
    alice("EnableMFADevice", UserName="alice", SerialNumber=made["SerialNumber"], **codes(seed))
    assert len(alice("ListMFADevices")["MFADevices"]) == 1
    alice("DeactivateMFADevice", SerialNumber=made["SerialNumber"])
    user("bob")
    with pytest.raises(Exception, match="not authorized"):
        alice("EnableMFADevice", UserName="bob", SerialNumber=made["SerialNumber"], **codes(seed))


def test_an_oidc_provider_from_beginning_to_end(root: Any) -> None:
    url, thumb = "https://token.example.com/Team", "A" * 40
    made = root("CreateOpenIDConnectProvider", Url=url, ClientIDList=["a"], ThumbprintList=[thumb], Tags=[{"Key": "k", "Value": "v"}])
    arn = made["OpenIDConnectProviderArn"]
    assert arn == f"{IAM}:oidc-provider/token.example.com/Team"
    root("AddClientIDToOpenIDConnectProvider", OpenIDConnectProviderArn=arn, ClientID="b")
    root("AddClientIDToOpenIDConnectProvider", OpenIDConnectProviderArn=arn, ClientID="b")
    root("RemoveClientIDFromOpenIDConnectProvider", OpenIDConnectProviderArn=arn, ClientID="a")
    root("UpdateOpenIDConnectProviderThumbprint", OpenIDConnectProviderArn=arn, ThumbprintList=["B" * 40])
    root("TagOpenIDConnectProvider", OpenIDConnectProviderArn=arn, Tags=[{"Key": "x", "Value": "y"}])
    root("UntagOpenIDConnectProvider", OpenIDConnectProviderArn=arn, TagKeys=["k"])
    assert root("GetOpenIDConnectProvider", OpenIDConnectProviderArn=arn) == {
        "Url": "token.example.com/Team",
        "ClientIDList": ["b"],
        "ThumbprintList": ["b" * 40],
        "CreateDate": NOW,
        "Tags": [{"Key": "x", "Value": "y"}],
    }
    assert root("ListOpenIDConnectProviderTags", OpenIDConnectProviderArn=arn)["Tags"] == [{"Key": "x", "Value": "y"}]
    assert root("ListOpenIDConnectProviders") == {"OpenIDConnectProviderList": [{"Arn": arn}]}
    message = root.refused("EntityAlreadyExists", "CreateOpenIDConnectProvider", Url=url)
    assert message == "Provider with url https://token.example.com/Team already exists."
    root.refused("InvalidInput", "CreateOpenIDConnectProvider", Url="http://token.example.com")
    root.refused("LimitExceeded", "UpdateOpenIDConnectProviderThumbprint", OpenIDConnectProviderArn=arn, ThumbprintList=["B" * 40] * 6)
    root.refused("InvalidInput", "UpdateOpenIDConnectProviderThumbprint", OpenIDConnectProviderArn=arn, ThumbprintList=["x" * 40])
    root("DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
    message = root.refused("NoSuchEntity", "GetOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
    assert message == f"OpenIDConnect Provider not found for arn {arn}"
    root.refused("InvalidInput", "GetOpenIDConnectProvider", OpenIDConnectProviderArn="arn:aws:iam::123456789012:role/x")


def test_a_saml_provider_from_beginning_to_end(root: Any) -> None:
    idp = SamlIdp()
    arn = root("CreateSAMLProvider", Name="idp", SAMLMetadataDocument=idp.metadata)["SAMLProviderArn"]
    assert arn == f"{IAM}:saml-provider/idp"
    found = root("GetSAMLProvider", SAMLProviderArn=arn)
    assert found["SAMLMetadataDocument"] == idp.metadata
    assert found["ValidUntil"].year == 2035
    root("TagSAMLProvider", SAMLProviderArn=arn, Tags=[{"Key": "x", "Value": "y"}])
    assert root("ListSAMLProviderTags", SAMLProviderArn=arn)["Tags"] == [{"Key": "x", "Value": "y"}]
    root("UntagSAMLProvider", SAMLProviderArn=arn, TagKeys=["x"])
    renewed = SamlIdp().metadata
    assert root("UpdateSAMLProvider", SAMLProviderArn=arn, SAMLMetadataDocument=renewed) == {"SAMLProviderArn": arn}
    assert root("GetSAMLProvider", SAMLProviderArn=arn)["SAMLMetadataDocument"] == renewed
    assert [item["Arn"] for item in root("ListSAMLProviders")["SAMLProviderList"]] == [arn]
    assert root("GetAccountSummary")["SummaryMap"]["Providers"] == 1
    root.refused("EntityAlreadyExists", "CreateSAMLProvider", Name="idp", SAMLMetadataDocument=renewed)
    root("DeleteSAMLProvider", SAMLProviderArn=arn)
    assert root.refused("NoSuchEntity", "DeleteSAMLProvider", SAMLProviderArn=arn) == f"Manifest not found for arn {arn}"


@pytest.mark.parametrize(
    "change",
    [
        ("<md:EntityDescriptor", "<!DOCTYPE x [<!ENTITY y 'z'>]><md:EntityDescriptor"),
        ("IDPSSODescriptor", "SPSSODescriptor"),
        (f'entityID="{ENTITY}"', ""),
        ('use="signing"', 'use="encryption"'),
        ("<ds:X509Certificate>", "<ds:X509Certificate>AAAA"),
        ("2035-01-01T00:00:00Z", "one day"),
        ("</md:EntityDescriptor>", ""),
    ],
)
def test_metadata_that_is_of_no_use(root: Any, change: tuple[str, str]) -> None:
    document = SamlIdp().metadata.replace(*change)
    assert "Could not parse metadata" in root.refused("InvalidInput", "CreateSAMLProvider", Name="idp", SAMLMetadataDocument=document)


def test_encrypted_assertions_are_refused_by_name(root: Any) -> None:
    message = root.refused(
        "InvalidInput", "CreateSAMLProvider", Name="idp", SAMLMetadataDocument=SamlIdp().metadata, AssertionEncryptionMode="Required"
    )
    assert "does not take encrypted SAML assertions" in message


def test_the_account_says_what_passwords_must_be(root: Any, identities: Identities) -> None:
    root.refused("NoSuchEntity", "GetAccountPasswordPolicy")
    root("UpdateAccountPasswordPolicy", MinimumPasswordLength=12, RequireSymbols=True, MaxPasswordAge=90, PasswordReusePrevention=2)
    assert root("GetAccountPasswordPolicy")["PasswordPolicy"] == {
        "MinimumPasswordLength": 12,
        "RequireSymbols": True,
        "RequireNumbers": False,
        "RequireUppercaseCharacters": False,
        "RequireLowercaseCharacters": False,
        "AllowUsersToChangePassword": False,
        "ExpirePasswords": True,
        "MaxPasswordAge": 90,
        "PasswordReusePrevention": 2,
        "HardExpiry": False,
    }
    root("CreateUser", UserName="alice")
    message = root.refused("PasswordPolicyViolation", "CreateLoginProfile", UserName="alice", Password="short")
    assert message.endswith("it should have a minimum length of 12, at least one symbol")
    root("CreateLoginProfile", UserName="alice", Password="long-enough-one!")
    root("UpdateLoginProfile", UserName="alice", Password="long-enough-two!")
    for used in ("long-enough-one!", "long-enough-two!"):
        assert "used before" in root.refused("PasswordPolicyViolation", "UpdateLoginProfile", UserName="alice", Password=used)
    root("UpdateLoginProfile", UserName="alice", Password="long-enough-three!")
    root("UpdateLoginProfile", UserName="alice", Password="long-enough-one!")
    profile = identities.login_profiles.get(ACCOUNT, "alice")
    assert profile.expires is not None
    assert (profile.expires - profile.changed).days == 90
    root("UpdateAccountPasswordPolicy")
    assert root("GetAccountPasswordPolicy")["PasswordPolicy"]["MinimumPasswordLength"] == 6
    root("DeleteAccountPasswordPolicy")
    root.refused("NoSuchEntity", "DeleteAccountPasswordPolicy")
    root("DeleteLoginProfile", UserName="alice")
    root("DeleteUser", UserName="alice")


def test_users_change_their_own_password_when_the_account_lets_them(root: Any, user: Any) -> None:
    alice = user("alice")
    root("CreateLoginProfile", UserName="alice", Password="Correct-Horse-1")
    with pytest.raises(Exception, match="iam:ChangePassword"):
        alice("ChangePassword", OldPassword="Correct-Horse-1", NewPassword="Correct-Horse-2")
    root("UpdateAccountPasswordPolicy", AllowUsersToChangePassword=True)
    alice.refused("AccessDenied", "ChangePassword", OldPassword="wrong", NewPassword="Correct-Horse-2")
    alice("ChangePassword", OldPassword="Correct-Horse-1", NewPassword="Correct-Horse-2")
    alice.refused("AccessDenied", "ChangePassword", OldPassword="Correct-Horse-1", NewPassword="Correct-Horse-3")

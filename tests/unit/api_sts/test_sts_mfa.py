"""MFA codes at STS: right once, for the device of the caller, and what the sessions remember of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.identity import Identities, totp
from opentrail.identity.faults import AccessDenied
from opentrail.identity.mfa import MAX_WRONG, PAUSE
from opentrail.recorder.user_identity import user_identity
from simulators.sts import ACCOUNT, DEPLOY, Caller, Denied, allow, trust

WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
WRONG = "MultiFactorAuthentication failed with invalid MFA one time pass code. "


class Device:
    """An authenticator app."""

    def __init__(self, identities: Identities, clock: ManualClock, user: str | None = "alice", name: str = "phone") -> None:
        self.clock = clock
        self.identities = identities
        made, self.seed = identities.mfa_devices.create(ACCOUNT, name)
        self.serial = made.serial_number
        identities.mfa_devices.enable(ACCOUNT, user, self.serial, self.code(-1), self.code())
        clock.advance(totp.STEP)

    def code(self, steps: int = 0) -> str:
        return totp.code(self.seed, int(self.clock.time()) // totp.STEP + steps)

    def proof(self, steps: int = 0) -> dict[str, str]:
        return {"SerialNumber": self.serial, "TokenCode": self.code(steps)}


@pytest.fixture
def alice(user: Any) -> Caller:
    made: Caller = user("alice", allow(["sts:*", "s3:*"]))
    return made


@pytest.fixture
def phone(identities: Identities, clock: ManualClock, alice: Caller) -> Device:
    return Device(identities, clock)


def test_a_session_with_mfa_says_so_to_policies_and_records(identities: Identities, clock: ManualClock, user: Any) -> None:
    alice = user("alice", allow("s3:GetObject", Condition=WITH_MFA))
    phone = Device(identities, clock)
    assert not alice.may("s3:GetObject")
    assert not alice.becomes("GetSessionToken").may("s3:GetObject")
    session = alice.becomes("GetSessionToken", **phone.proof())
    assert session.may("s3:GetObject")
    assert user_identity(session.principal)["sessionContext"]["attributes"]["mfaAuthenticated"] == "true"
    clock.advance(600)
    aged = {"NumericGreaterThan": {"aws:MultiFactorAuthAge": "599"}}
    identities.attachments.put_inline(ACCOUNT, "user", "alice", "own", allow("s3:GetObject", Condition=aged))
    assert session.may("s3:GetObject", **{"aws:EpochTime": (str(int(clock.time())),)})


def test_a_code_is_good_once(alice: Caller, phone: Device, clock: ManualClock) -> None:
    proof = phone.proof()
    alice("GetSessionToken", **proof)
    assert alice.refused("AccessDenied", "GetSessionToken", **proof) == WRONG
    assert alice.refused("AccessDenied", "GetSessionToken", **phone.proof(-1)) == WRONG
    clock.advance(totp.STEP)
    alice("GetSessionToken", **phone.proof())


def test_of_many_who_use_the_same_code_one_gets_in(alice: Caller, phone: Device) -> None:
    proof = phone.proof()

    def attempt(_number: int) -> bool:
        try:
            alice("GetSessionToken", **proof)
        except AccessDenied:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


def test_the_tolerance_is_one_step_either_way(alice: Caller, phone: Device, clock: ManualClock) -> None:
    clock.advance(300)
    for steps in (-2, 2):
        assert alice.refused("AccessDenied", "GetSessionToken", **phone.proof(steps)) == WRONG
    for steps in (-1, 0, 1):
        alice("GetSessionToken", **phone.proof(steps))


def test_the_device_must_be_the_callers(identities: Identities, clock: ManualClock, alice: Caller, phone: Device, user: Any) -> None:
    bob = user("bob")
    for serial in (phone.serial, "arn:aws:iam::123456789012:mfa/nobodys", "GAHT12345678"):
        message = bob.refused("AccessDenied", "GetSessionToken", SerialNumber=serial, TokenCode=phone.code())
        assert message.startswith("MultiFactorAuthentication failed, unable to validate MFA code.")
    alice("GetSessionToken", **phone.proof())


def test_device_and_code_come_together(alice: Caller, phone: Device) -> None:
    for proof in ({"SerialNumber": phone.serial}, {"TokenCode": phone.code()}):
        message = alice.refused("AccessDenied", "GetSessionToken", **proof)
        assert message == "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code. "


def test_codes_cannot_be_guessed_by_trying(alice: Caller, phone: Device, clock: ManualClock) -> None:
    wrong = "000000" if phone.code() != "000000" else "000001"
    for _ in range(MAX_WRONG):
        alice.refused("AccessDenied", "GetSessionToken", SerialNumber=phone.serial, TokenCode=wrong)
    assert alice.refused("AccessDenied", "GetSessionToken", **phone.proof()) == WRONG
    clock.advance(PAUSE)
    alice("GetSessionToken", **phone.proof())


def test_trust_policies_can_ask_for_mfa(identities: Identities, alice: Caller, phone: Device, clock: ManualClock) -> None:
    recent = {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}
    identities.roles.create(ACCOUNT, "deploy", trust({"AWS": ACCOUNT}, Condition=recent), path="/team/")
    with pytest.raises(Denied):
        alice.assume()
    role = alice.assume(**phone.proof())
    # Records show that the person had authenticated with MFA; policies do not see it in sessions of roles.
    assert user_identity(role.principal)["sessionContext"]["attributes"]["mfaAuthenticated"] == "true"
    assert role.principal.session is not None
    assert not role.principal.session.mfa
    clock.advance(totp.STEP)
    session = alice.becomes("GetSessionToken", **phone.proof())
    role = session.assume()
    assert user_identity(role.principal)["sessionContext"]["attributes"]["mfaAuthenticated"] == "true"


def test_a_refused_call_leaves_the_code_unused(identities: Identities, alice: Caller, phone: Device) -> None:
    identities.roles.create(ACCOUNT, "deploy", trust({"AWS": ACCOUNT}, Condition=WITH_MFA), path="/team/")
    proof = phone.proof()
    parameters = {"RoleArn": DEPLOY, "RoleSessionName": "ci", **proof}
    alice.refused("ValidationError", "AssumeRole", DurationSeconds=43200, **parameters)
    alice.refused("MalformedPolicyDocument", "AssumeRole", Policy="{}", **parameters)
    alice.assume(**proof)


def test_a_clock_that_is_set_back_spends_no_code_twice(alice: Caller, phone: Device, clock: ManualClock, identities: Identities) -> None:
    used = phone.proof()
    alice("GetSessionToken", **used)
    clock.at -= 3600
    alice.refused("AccessDenied", "GetSessionToken", **phone.proof())
    identities.mfa_devices.resync(ACCOUNT, "alice", phone.serial, phone.code(-1), phone.code())
    clock.advance(totp.STEP)
    alice("GetSessionToken", **phone.proof())


def test_a_device_whose_clock_is_off_is_brought_into_step(alice: Caller, phone: Device, clock: ManualClock, identities: Identities) -> None:
    alice.refused("AccessDenied", "GetSessionToken", **phone.proof(8))
    identities.mfa_devices.resync(ACCOUNT, "alice", phone.serial, phone.code(8), phone.code(9))
    clock.advance(totp.STEP)
    alice("GetSessionToken", **phone.proof(9))
    alice.refused("AccessDenied", "GetSessionToken", **phone.proof())


def test_root_may_have_a_device(identities: Identities, clock: ManualClock, root: Caller) -> None:
    phone = Device(identities, clock, user=None)
    session = root.becomes("GetSessionToken", **phone.proof())
    assert session.principal.session is not None
    assert session.principal.session.mfa
    assert identities.accounts.summary(ACCOUNT)["AccountMFAEnabled"] == 1

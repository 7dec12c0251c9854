"""What is deleted, switched off or moved while it is used: clear errors, nothing half made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from opentrail.clock import ManualClock
from opentrail.identity import Identities
from opentrail.identity.faults import AccessDenied
from opentrail.identity.identities import FRESHNESS
from opentrail.identity.sessions import IssuerGone, SessionTerms
from opentrail.identity.store import sessions
from opentrail.storage.database import Database
from simulators.sts import ACCOUNT, DEPLOY, OTHER, Caller, Denied, allow, trust

ASKED = {"RoleArn": DEPLOY, "RoleSessionName": "ci"}


def role(identities: Identities, name: str = "deploy", trusted: str | None = None, account: str = ACCOUNT) -> str:
    return identities.roles.create(account, name, trusted or trust("*"), path="/team/").arn


def issued(identities: Identities) -> int:
    with identities._store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(sessions)).scalar_one())


def test_a_role_that_goes_between_permission_and_session_leaves_nothing(identities: Identities, user: Any) -> None:
    role(identities)
    alice = user().blind()
    gone = identities.roles.get(ACCOUNT, "deploy").id
    identities.roles.delete(ACCOUNT, "deploy")
    alice.refused("AccessDenied", "AssumeRole", **ASKED)
    with pytest.raises(IssuerGone):
        identities.sessions.issue("AssumedRole", ACCOUNT, gone, duration=900, terms=SessionTerms(name="ci"))
    assert issued(identities) == 0


def test_a_user_that_goes_before_its_session_is_made_leaves_nothing(identities: Identities, user: Any) -> None:
    alice: Caller = user("alice", allow("sts:*"))
    identities.attachments.delete_inline(ACCOUNT, "user", "alice", "own")
    identities.access_keys.delete(ACCOUNT, "alice", alice.principal.access_key_id)
    identities.users.delete(ACCOUNT, "alice")
    alice.refused("InvalidClientTokenId", "GetSessionToken")
    alice.blind().refused("InvalidClientTokenId", "GetFederationToken", Name="bob")
    assert issued(identities) == 0


def test_a_role_is_deleted_while_many_assume_it(identities: Identities, user: Any) -> None:
    role(identities)
    callers = [user(f"user{number}") for number in range(4)]

    def assume(number: int) -> str | None:
        try:
            found = callers[number % 4]("AssumeRole", **ASKED)
        except (Denied, AccessDenied):
            return None
        return str(found["Credentials"]["AccessKeyId"])

    with ThreadPoolExecutor(5) as pool:
        answers = [pool.submit(assume, number) for number in range(40)]
        pool.submit(identities.roles.delete, ACCOUNT, "deploy").result()
        keys = [answer.result() for answer in answers]
    given = [key for key in keys if key is not None]
    assert issued(identities) == len(given)
    assert all(identities.credential(key) is None for key in given)
    with pytest.raises(Denied):
        callers[0]("AssumeRole", **ASKED)


def test_a_role_made_anew_under_the_same_name_is_another_one(identities: Identities, user: Any) -> None:
    role(identities, trusted=trust({"AWS": ACCOUNT}))
    alice = user("alice", allow("sts:AssumeRole"))
    first = alice.assume()
    identities.roles.delete(ACCOUNT, "deploy")
    role(identities, trusted=trust({"AWS": ACCOUNT}))
    assert identities.credential(first.principal.access_key_id) is None
    assert alice.assume().principal.principal_id != first.principal.principal_id


def test_keys_end_at_once_and_in_other_processes_soon(identities: Identities, user: Any, tmp_path: Path, clock: ManualClock) -> None:
    elsewhere = Identities(Database.at(tmp_path / "state.db"), tmp_path / "keys", clock, account_id=ACCOUNT)
    key = user().principal.access_key_id
    assert elsewhere.credential(key) is not None
    identities.access_keys.set_status(ACCOUNT, "alice", key, "Inactive")
    assert identities.credential(key) is None
    clock.advance(FRESHNESS)
    assert elsewhere.credential(key) is None
    identities.access_keys.set_status(ACCOUNT, "alice", key, "Active")
    clock.advance(FRESHNESS)
    assert elsewhere.credential(key) is not None
    identities.access_keys.delete(ACCOUNT, "alice", key)
    clock.advance(FRESHNESS)
    assert (identities.credential(key), elsewhere.credential(key)) == (None, None)


def test_sessions_of_a_user_outlive_its_key_but_not_the_user(identities: Identities, user: Any) -> None:
    alice = user("alice")
    session = alice.becomes("GetSessionToken").principal.access_key_id
    identities.access_keys.delete(ACCOUNT, "alice", alice.principal.access_key_id)
    assert identities.credential(session) is not None
    identities.users.delete(ACCOUNT, "alice")
    assert identities.credential(session) is None


def test_roles_can_assume_each_other_in_a_circle_for_an_hour_at_a_time(identities: Identities, user: Any, clock: ManualClock) -> None:
    there = role(identities, "there")
    back = role(identities, "back")
    caller = user().assume(RoleArn=there)
    for number in range(6):
        caller = caller.assume(f"turn{number}", RoleArn=(back, there)[number % 2])
        assert caller.principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/{('back', 'there')[number % 2]}/turn{number}"
        message = caller.refused("ValidationError", "AssumeRole", **ASKED | {"RoleArn": there, "DurationSeconds": 3601})
        assert message == "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    itself = caller.assume("again", RoleArn=caller.principal.session.issuer_arn)
    assert itself.principal.principal_id.endswith(":again")
    credential = identities.credential(itself.principal.access_key_id)
    assert credential is not None
    assert credential.expires == clock.time() + 3600


def test_a_chain_across_accounts_shows_the_last_role_only(identities: Identities, user: Any) -> None:
    first = role(identities)
    second = role(identities, "far", trust({"AWS": first}), OTHER)
    identities.attachments.put_inline(ACCOUNT, "role", "deploy", "own", allow("sts:AssumeRole", second))
    far = user().assume().assume("far", RoleArn=second)
    assert far.principal.account_id == OTHER
    assert far.principal.session is not None
    assert far.principal.session.issuer_arn == second


def test_the_clock_jumps(identities: Identities, user: Any, clock: ManualClock) -> None:
    role(identities)
    alice = user()
    before = alice.assume().principal.access_key_id
    clock.at += 365 * 86400
    ended = identities.credential(before)
    assert ended is not None
    assert ended.expires is not None
    assert ended.expires < clock.time()
    ahead = alice.assume().principal.access_key_id
    clock.at -= 365 * 86400
    # A session of the future is one that lasts longer than asked for, not a broken one; what it may is asked anew at every call.
    credential = identities.credential(ahead)
    assert credential is not None
    assert credential.principal.session is not None
    assert credential.principal.session.created.timestamp() > clock.time()
    assert Caller(identities, credential.principal, clock).assume("next").principal.session is not None


def test_federated_users_get_no_further_credentials(user: Any, identities: Identities) -> None:
    role(identities)
    alice = user("alice", allow("sts:*"))
    bob = alice.becomes("GetFederationToken", Name="bob", Policy=allow("sts:*"))
    for operation, parameters in (("GetSessionToken", {}), ("GetFederationToken", {"Name": "carl"}), ("AssumeRole", ASKED)):
        bob.refused("AccessDenied", operation, **parameters)

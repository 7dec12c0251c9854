"""Identities that last: keys, roles, policies, sessions, and what is remembered of them."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.clock import ManualClock
from opentrail.identity import Identities, ids
from opentrail.identity.faults import DeleteConflict, EntityAlreadyExists, LimitExceeded, MalformedPolicyDocument, NoSuchEntity
from opentrail.identity.identities import FRESHNESS
from opentrail.identity.policies import Policy, PolicyRequest, check_identity, evaluate
from opentrail.identity.sessions import SessionTerms
from opentrail.identity.vault import Vault, VaultError
from opentrail.storage.database import Database

ACCOUNT = "123456789012"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
READ = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"},
    }
)


def open_identities(folder: Path, clock: ManualClock | None = None) -> Identities:
    return Identities(Database.at(folder / "state.db"), folder / "keys", clock or ManualClock(), account_id=ACCOUNT)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def identities(tmp_path: Path, clock: ManualClock) -> Identities:
    return open_identities(tmp_path, clock)


def may(identities: Identities, access_key_id: str, action: str = "s3:GetObject") -> bool:
    credential = identities.credential(access_key_id)
    assert credential is not None
    request = PolicyRequest(principal=credential.principal, action=action, resource="arn:aws:s3:::b/k")
    return evaluate(request, identities.policies(credential.principal)).allowed


def new_key(identities: Identities, name: str = "alice") -> str:
    identities.users.create(ACCOUNT, name)
    return identities.access_keys.create(ACCOUNT, name)[0].access_key_id


def assume(identities: Identities, name: str = "deploy", **terms: object) -> str:
    role = identities.roles.get(ACCOUNT, name)
    issued = identities.sessions.issue("AssumedRole", ACCOUNT, role.id, duration=3600, terms=SessionTerms(name="ci", **terms))  # type: ignore[arg-type]
    return issued.access_key_id


def test_first_start_makes_a_root_key_for_its_owner_only(tmp_path: Path) -> None:
    identities = open_identities(tmp_path)
    made = identities.ensure_root(ACCOUNT)
    file = tmp_path / "keys" / "root.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys" / "identity.key").stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == {
        "account_id": ACCOUNT,
        "access_key_id": made.access_key_id,
        "secret_access_key": made.secret_access_key,
    }
    assert made.principal.type == "Root"
    assert made.principal.arn == f"arn:aws:iam::{ACCOUNT}:root"
    again = open_identities(tmp_path).ensure_root(ACCOUNT)
    assert again == made


def test_a_lost_root_file_is_written_again(tmp_path: Path) -> None:
    made = open_identities(tmp_path).ensure_root(ACCOUNT)
    file = tmp_path / "keys" / "root.json"
    file.unlink()
    assert open_identities(tmp_path).ensure_root(ACCOUNT) == made
    assert json.loads(file.read_text())["access_key_id"] == made.access_key_id


def test_a_deleted_root_key_is_dead_and_replaced_at_the_next_start(tmp_path: Path) -> None:
    identities = open_identities(tmp_path)
    first = identities.ensure_root(ACCOUNT).access_key_id
    identities.access_keys.delete(ACCOUNT, None, first)
    assert identities.credential(first) is None
    second = open_identities(tmp_path).ensure_root(ACCOUNT).access_key_id
    assert second != first
    assert identities.credential(first) is None


def test_secrets_are_not_in_the_database(tmp_path: Path) -> None:
    identities = open_identities(tmp_path)
    identities.users.create(ACCOUNT, "alice")
    key, secret = identities.access_keys.create(ACCOUNT, "alice")
    issued = identities.sessions.issue("Root", ACCOUNT, ACCOUNT, duration=900, terms=SessionTerms())
    identities.login_profiles.create(ACCOUNT, "alice", "Correct-Horse-1")
    found = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    for text in (secret, issued.secret_access_key, issued.session_token, "Correct-Horse-1"):
        assert text.encode() not in found
    assert secret not in repr(identities.credential(key.access_key_id))


def test_another_master_key_opens_nothing(tmp_path: Path) -> None:
    key = new_key(open_identities(tmp_path))
    (tmp_path / "keys" / "identity.key").write_bytes(os.urandom(32))
    with pytest.raises(VaultError):
        open_identities(tmp_path).credential(key)
    (tmp_path / "keys" / "identity.key").write_bytes(b"short")
    with pytest.raises(VaultError, match="5 bytes"):
        open_identities(tmp_path)


def test_what_is_sealed_for_one_purpose_opens_for_no_other(tmp_path: Path) -> None:
    vault = Vault.open(tmp_path)
    sealed = vault.seal("secret", "a")
    assert vault.unseal(sealed, "a") == "secret"
    with pytest.raises(VaultError):
        vault.unseal(sealed, "b")


@given(st.integers(0, 999_999_999_999))
def test_an_access_key_id_tells_its_account(number: int) -> None:
    account_id = f"{number:012d}"
    for kind in ("AKIA", "ASIA"):
        made = ids.access_key_id(kind, account_id)  # type: ignore[arg-type]
        assert len(made) == 20
        assert ids.account_of(made) == account_id


@pytest.mark.parametrize("text", ["", "AKIA", "AIDA" + "A" * 16, "AKIA" + "a" * 16, "AKIA" + "1" * 16, "AKIA" + "A" * 17])
def test_other_texts_tell_no_account(text: str) -> None:
    assert ids.account_of(text) is None


def test_ids_have_the_lengths_of_aws(identities: Identities) -> None:
    user = identities.users.create(ACCOUNT, "alice", path="/staff/")
    role = identities.roles.create(ACCOUNT, "deploy", TRUST)
    group = identities.groups.create(ACCOUNT, "admins")
    policy = identities.managed_policies.create(ACCOUNT, "reader", READ)
    profile = identities.instance_profiles.create(ACCOUNT, "web")
    for made, kind in ((user.id, "AIDA"), (role.id, "AROA"), (group.id, "AGPA"), (policy.id, "ANPA"), (profile.id, "AIPA")):
        assert made.startswith(kind)
        assert len(made) == 21
    assert user.arn == f"arn:aws:iam::{ACCOUNT}:user/staff/alice"
    assert policy.arn == f"arn:aws:iam::{ACCOUNT}:policy/reader"
    key, secret = identities.access_keys.create(ACCOUNT, "alice")
    assert (len(key.access_key_id), len(secret)) == (20, 40)


def test_a_key_works_until_it_is_switched_off_or_deleted(identities: Identities) -> None:
    key = new_key(identities)
    found = identities.credential(key)
    assert found is not None
    assert (found.principal.type, found.principal.user_name, found.session_token) == ("IAMUser", "alice", None)
    assert identities.credential(key) is found
    identities.access_keys.set_status(ACCOUNT, "alice", key, "Inactive")
    assert identities.credential(key) is None
    identities.access_keys.set_status(ACCOUNT, "alice", key, "Active")
    assert identities.credential(key) is not None
    identities.access_keys.delete(ACCOUNT, "alice", key)
    assert identities.credential(key) is None
    assert identities.credential("AKIA" + "A" * 5000) is None


def test_another_process_sees_a_change_within_the_freshness(tmp_path: Path, clock: ManualClock) -> None:
    one, other = open_identities(tmp_path, clock), open_identities(tmp_path, clock)
    key = new_key(one)
    assert other.credential(key) is not None  # new things are seen at once
    assert not may(other, key)
    one.attachments.attach(ACCOUNT, "user", "alice", ADMIN)
    clock.advance(FRESHNESS)
    assert may(other, key)
    one.access_keys.delete(ACCOUNT, "alice", key)
    clock.advance(FRESHNESS)
    assert other.credential(key) is None


def test_readers_never_make_a_stale_answer_stay(identities: Identities) -> None:
    key = new_key(identities)
    stop = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                found = identities.credential(key)
                if found is not None:
                    identities.policies(found.principal)
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(5):
            identities.access_keys.set_status(ACCOUNT, "alice", key, "Inactive")
            assert identities.credential(key) is None
            identities.access_keys.set_status(ACCOUNT, "alice", key, "Active")
            assert identities.credential(key) is not None
            identities.attachments.attach(ACCOUNT, "user", "alice", ADMIN)
            assert may(identities, key)
            identities.attachments.detach(ACCOUNT, "user", "alice", ADMIN)
            assert not may(identities, key)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert failures == []


def test_a_renamed_user_keeps_its_key(identities: Identities) -> None:
    key = new_key(identities)
    identities.users.rename(ACCOUNT, "alice", new_name="alicia", new_path="/staff/")
    found = identities.credential(key)
    assert found is not None
    assert found.principal.arn == f"arn:aws:iam::{ACCOUNT}:user/staff/alicia"


def test_policies_come_from_everywhere_and_go_again(identities: Identities) -> None:
    key = new_key(identities)
    assert not may(identities, key)
    identities.attachments.put_inline(ACCOUNT, "user", "alice", "read", READ)
    assert may(identities, key)
    identities.attachments.delete_inline(ACCOUNT, "user", "alice", "read")
    assert not may(identities, key)
    identities.groups.create(ACCOUNT, "readers")
    identities.attachments.put_inline(ACCOUNT, "group", "readers", "read", READ)
    identities.groups.add(ACCOUNT, "readers", "alice")
    assert may(identities, key)
    identities.groups.remove(ACCOUNT, "readers", "alice")
    assert not may(identities, key)
    arn = identities.managed_policies.create(ACCOUNT, "reader", READ).arn
    identities.attachments.attach(ACCOUNT, "user", "alice", arn)
    assert may(identities, key)
    identities.managed_policies.create_version(ACCOUNT, arn, READ.replace("Allow", "Deny"), default=True)
    assert not may(identities, key)
    identities.managed_policies.set_default(ACCOUNT, arn, "v1")
    assert may(identities, key)
    identities.attachments.set_boundary(ACCOUNT, "user", "alice", "arn:aws:iam::aws:policy/AWSDenyAll")
    assert not may(identities, key)
    identities.attachments.set_boundary(ACCOUNT, "user", "alice", None)
    assert may(identities, key)


def test_a_session_has_the_powers_of_its_role(identities: Identities, clock: ManualClock) -> None:
    identities.roles.create(ACCOUNT, "deploy", TRUST, path="/team/", tags={"stage": "prod"})
    key = assume(identities, tags={"who": "ci"}, source_identity="alice")
    found = identities.credential(key)
    assert found is not None
    principal = found.principal
    assert principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci"
    assert principal.principal_id.endswith(":ci")
    assert principal.session is not None
    assert principal.session.issuer_arn == f"arn:aws:iam::{ACCOUNT}:role/team/deploy"
    assert (principal.session.source_identity, dict(principal.session.tags)) == ("alice", {"who": "ci"})
    assert found.expires == clock.time() + 3600
    assert found.session_token
    assert not may(identities, key)
    identities.attachments.attach(ACCOUNT, "role", "deploy", ADMIN)
    assert may(identities, key)
    assert not may(identities, assume(identities, policies=[READ]), "s3:PutObject")
    assert may(identities, assume(identities, policies=[READ]))


def test_a_role_made_again_does_not_revive_its_sessions(identities: Identities) -> None:
    identities.roles.create(ACCOUNT, "deploy", TRUST)
    key = assume(identities)
    assert identities.credential(key) is not None
    identities.roles.delete(ACCOUNT, "deploy")
    assert identities.credential(key) is None
    identities.roles.create(ACCOUNT, "deploy", TRUST)
    assert identities.credential(key) is None


def test_sessions_outlive_the_process_and_are_forgotten_in_the_end(tmp_path: Path, clock: ManualClock) -> None:
    identities = open_identities(tmp_path, clock)
    identities.roles.create(ACCOUNT, "deploy", TRUST)
    key = assume(identities)
    assert open_identities(tmp_path, clock).credential(key) == identities.credential(key)
    clock.advance(3601)
    ended = open_identities(tmp_path, clock).credential(key)
    assert ended is not None
    assert ended.expires is not None
    assert ended.expires < clock.time()
    clock.advance(8 * 86400)
    assume(identities)
    assert open_identities(tmp_path, clock).credential(key) is None


def test_federated_sessions_without_policies_may_nothing(identities: Identities) -> None:
    new_key(identities)
    identities.attachments.attach(ACCOUNT, "user", "alice", ADMIN)
    user = identities.users.get(ACCOUNT, "alice")
    for policies, allowed in (([], False), ([READ], True)):
        terms = SessionTerms(name="bob", policies=policies)
        issued = identities.sessions.issue("FederatedUser", ACCOUNT, user.id, duration=900, terms=terms)
        assert may(identities, issued.access_key_id) is allowed
        by_root = identities.sessions.issue("FederatedUser", ACCOUNT, ACCOUNT, duration=900, terms=terms)
        assert may(identities, by_root.access_key_id) is allowed


def test_names_differ_by_more_than_case(identities: Identities) -> None:
    identities.users.create(ACCOUNT, "Alice")
    with pytest.raises(EntityAlreadyExists, match=r"User with name alice already exists\."):
        identities.users.create(ACCOUNT, "alice")
    with pytest.raises(NoSuchEntity, match=r"The user with name alice cannot be found\."):
        identities.users.get(ACCOUNT, "alice")
    identities.groups.create(ACCOUNT, "alice")
    identities.users.create("999999999999", "alice")


def test_what_hangs_on_a_user_keeps_it(identities: Identities) -> None:
    key = new_key(identities)
    with pytest.raises(DeleteConflict, match="must delete access keys first"):
        identities.users.delete(ACCOUNT, "alice")
    identities.access_keys.delete(ACCOUNT, "alice", key)
    identities.attachments.attach(ACCOUNT, "user", "alice", ADMIN)
    with pytest.raises(DeleteConflict, match="must detach all policies first"):
        identities.users.delete(ACCOUNT, "alice")
    identities.attachments.detach(ACCOUNT, "user", "alice", ADMIN)
    identities.users.delete(ACCOUNT, "alice")
    with pytest.raises(NoSuchEntity):
        identities.users.get(ACCOUNT, "alice")


def test_quotas(identities: Identities) -> None:
    identities.users.create(ACCOUNT, "alice")
    for _ in range(2):
        identities.access_keys.create(ACCOUNT, "alice")
    with pytest.raises(LimitExceeded, match="AccessKeysPerUser: 2"):
        identities.access_keys.create(ACCOUNT, "alice")
    for number in range(10):
        identities.groups.create(ACCOUNT, f"g{number}")
        identities.groups.add(ACCOUNT, f"g{number}", "alice")
    identities.groups.create(ACCOUNT, "g10")
    with pytest.raises(LimitExceeded, match="GroupsPerUser: 10"):
        identities.groups.add(ACCOUNT, "g10", "alice")
    with pytest.raises(LimitExceeded, match="PolicySize: 6144"):
        identities.managed_policies.create(ACCOUNT, "large", READ.replace("s3:GetObject", "s3:" + "a" * 6200))
    identities.managed_policies.create(ACCOUNT, "spacious", READ.replace(" ", " " * 2000))
    with pytest.raises(LimitExceeded, match="Maximum policy size of 2048 bytes exceeded for user alice"):
        identities.attachments.put_inline(ACCOUNT, "user", "alice", "large", READ.replace("s3:GetObject", "s3:" + "a" * 2048))
    with pytest.raises(LimitExceeded, match="ACLSizePerRole: 2048"):
        identities.roles.create(ACCOUNT, "deploy", TRUST.replace(ACCOUNT, "*").replace("sts:AssumeRole", "sts:AssumeRole" + "e" * 2048))
    with pytest.raises(LimitExceeded, match="number of tags"):
        identities.users.tag(ACCOUNT, "alice", {f"k{number}": "" for number in range(51)})


def test_trust_policies_name_people_who_exist(identities: Identities) -> None:
    trust = TRUST.replace(f'"{ACCOUNT}"', f'"arn:aws:iam::{ACCOUNT}:user/alice"')
    with pytest.raises(MalformedPolicyDocument, match="Invalid principal in policy"):
        identities.roles.create(ACCOUNT, "deploy", trust)
    identities.users.create(ACCOUNT, "alice")
    identities.roles.create(ACCOUNT, "deploy", trust)
    identities.roles.set_trust(ACCOUNT, "deploy", trust.replace(ACCOUNT, "999999999999"))


def test_every_aws_policy_is_a_good_policy(identities: Identities) -> None:
    page = identities.managed_policies.list(ACCOUNT, scope="AWS", limit=1000)
    names = {policy.name for policy in page.items}
    assert {"AdministratorAccess", "ReadOnlyAccess", "PowerUserAccess", "IAMFullAccess", "AWSCloudTrail_FullAccess"} <= names
    assert len(names) == len(page.items)
    for policy in page.items:
        document = identities.managed_policies.version(ACCOUNT, policy.arn, "v1").document
        assert Policy.parse(document, check=check_identity).text == document
        assert len(policy.id) == 21


def test_last_uses_are_noted_and_saved(tmp_path: Path, clock: ManualClock) -> None:
    identities = open_identities(tmp_path, clock)
    key = new_key(identities)
    credential = identities.credential(key)
    assert credential is not None
    assert identities.last_uses.get(key) is None
    identities.note_use(credential.principal, "s3", "eu-west-1")
    noted = identities.last_uses.get(key)
    assert noted is not None
    assert (noted.at, noted.service, noted.region) == (clock.now(), "s3", "eu-west-1")
    identities.save_uses()
    assert open_identities(tmp_path, clock).last_uses.get(key) == noted


def test_passwords(identities: Identities) -> None:
    identities.users.create(ACCOUNT, "alice")
    assert not identities.login_profiles.verify(ACCOUNT, "alice", "Correct-Horse-1")
    identities.login_profiles.create(ACCOUNT, "alice", "Correct-Horse-1")
    assert identities.login_profiles.verify(ACCOUNT, "alice", "Correct-Horse-1")
    assert not identities.login_profiles.verify(ACCOUNT, "alice", "correct-horse-1")
    assert not identities.login_profiles.verify(ACCOUNT, "nobody", "Correct-Horse-1")
    identities.login_profiles.update(ACCOUNT, "alice", password="Other-Horse-2")
    assert identities.login_profiles.verify(ACCOUNT, "alice", "Other-Horse-2")


def test_the_root_user_is_called_by_the_alias(identities: Identities) -> None:
    key = identities.ensure_root(ACCOUNT).access_key_id
    identities.accounts.set_alias(ACCOUNT, "example")
    found = identities.credential(key)
    assert found is not None
    assert found.principal.user_name == "example"
    assert identities.root(ACCOUNT).user_name == "example"
    identities.accounts.ensure("999999999999")
    with pytest.raises(EntityAlreadyExists):
        identities.accounts.set_alias("999999999999", "example")

"""The identities of one data folder: who is behind a key, and what they may.

`credential` and `policies` are asked for every call, so both answer from memory. What they remember belongs to one generation of the
state (`store.py`): any change, in this process or another, raises the generation, and everything remembered is forgotten. A change of
this process is seen at once, one of another process after at most `FRESHNESS` seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy import Connection

from opentrail.clock import Clock
from opentrail.identity import attachments as attached
from opentrail.identity import credentials, entities
from opentrail.identity.accounts import Accounts, alias_of
from opentrail.identity.attachments import Attachments
from opentrail.identity.credential_reports import CredentialReports
from opentrail.identity.credentials import Credential
from opentrail.identity.keys import AccessKeys, LastUses
from opentrail.identity.managed_policies import AwsPolicies, ManagedPolicies
from opentrail.identity.mfa import MfaDevices
from opentrail.identity.oidc_providers import OidcProviders
from opentrail.identity.organizations import Organizations, Place
from opentrail.identity.organizations.contacts import is_closed
from opentrail.identity.organizations.place import of as place_of
from opentrail.identity.password_policies import PasswordPolicies
from opentrail.identity.passwords import LoginProfiles
from opentrail.identity.policies import Policy, PolicySet, parsed
from opentrail.identity.principals import Principal
from opentrail.identity.roles import InstanceProfiles, Roles
from opentrail.identity.saml_providers import SamlProviders
from opentrail.identity.server_certificates import ServerCertificates
from opentrail.identity.sessions import Sessions
from opentrail.identity.store import Store, current_generation
from opentrail.identity.user_items import UserItems
from opentrail.identity.users import Groups, Users
from opentrail.identity.vault import Vault, replace_private
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox

FRESHNESS = 0.5
"""Seconds after which a change made by another process is seen at the latest."""

MAX_REMEMBERED = 50_000
"""Credentials, and sets of policies, that are kept in memory; beyond that all are forgotten and read again as needed."""

ROOT_FILE = "root.json"

_EVERYTHING: Final = Policy.parse('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}')
_NOTHING: Final = Policy.parse('{"Version":"2012-10-17","Statement":[]}')


class Identities:
    """Accounts, users, groups, roles, policies, keys and sessions. Safe to use from several threads."""

    def __init__(
        self,
        database: Database,
        keys_folder: Path,
        clock: Clock,
        *,
        account_id: str,
        outbox: Outbox | None = None,
        http_issuers: bool = False,
    ) -> None:
        """`account_id` is the default account; it is made if it is not there. Service events are left in `outbox`. `http_issuers`:
        identity providers without TLS are taken.

        Raises `VaultError` when the master key is unusable.
        """
        self.account_id = account_id
        self._keys_folder = keys_folder
        self._clock = clock
        self._store = Store(database)
        self._vault = Vault.open(keys_folder)
        self.accounts = Accounts(self._store, clock)
        self.managed_policies = ManagedPolicies(self._store, clock, AwsPolicies())
        self.attachments = Attachments(self._store, clock, self.managed_policies)
        self.users = Users(self._store, clock, self.managed_policies)
        self.groups = Groups(self._store, clock)
        self.roles = Roles(self._store, clock, self.managed_policies)
        self.instance_profiles = InstanceProfiles(self._store, clock)
        self.access_keys = AccessKeys(self._store, clock, self._vault)
        self.last_uses = LastUses(self._store, clock)
        self.login_profiles = LoginProfiles(self._store, clock)
        self.password_policies = PasswordPolicies(self._store)
        self.mfa_devices = MfaDevices(self._store, clock, self._vault)
        self.oidc_providers = OidcProviders(self._store, clock, http=http_issuers)
        self.saml_providers = SamlProviders(self._store, clock)
        self.user_items = UserItems(self._store, clock)
        self.server_certificates = ServerCertificates(self._store, clock)
        self.credential_reports = CredentialReports(self._store, clock)
        self.sessions = Sessions(self._store, clock, self._vault)
        self.organizations = Organizations(self._store, clock, outbox or Outbox(database))
        self._lock = threading.Lock()
        self._generation = 0
        self._credentials: dict[str, Credential] = {}
        self._policies: dict[tuple[str, tuple[str, ...]], PolicySet] = {}
        self._places: dict[str, Place | None] = {}
        self._checked = clock.monotonic()
        self._store.on_change = self._forget
        self.accounts.ensure(account_id)

    def credential(self, access_key_id: str) -> Credential | None:
        """Who signs with this key. `None`: unknown, switched off, the user or role is gone, or the account closed (`InvalidClientTokenId`).

        An ended session is still answered, with `expires` in the past.
        """
        if self._clock.monotonic() - self._checked >= FRESHNESS:
            self.refresh()
        found = self._credentials.get(access_key_id)
        if found is not None:
            return found
        if len(access_key_id) > 128:
            return None
        with self._store.read() as connection:
            seen = current_generation(connection)
            found = credentials.load(connection, self._vault, access_key_id)
            if found is not None and is_closed(connection, found.principal.account_id):
                return None
        if found is not None:
            with self._lock:
                if self._is_current(seen):
                    if len(self._credentials) >= MAX_REMEMBERED:
                        self._credentials = {}
                    self._credentials[access_key_id] = found
        return found

    def policies(self, principal: Principal) -> PolicySet:
        """The policies that a principal carries with it: its own and its groups', boundary, session policies.

        The root user and AWS services carry none; `policies.evaluate` knows what that means for them.
        """
        session = principal.session
        session_policies = session.policies if session is not None else ()
        if principal.type == "IAMUser":
            owner = principal.principal_id
        elif session is not None and principal.type in ("AssumedRole", "FederatedUser"):
            owner = session.issuer_id
            if principal.type == "FederatedUser" and not session_policies:
                # Without session policies a federated session may nothing by itself (GetFederationToken).
                return PolicySet(session=(_NOTHING,))
        else:
            return PolicySet()
        if self._clock.monotonic() - self._checked >= FRESHNESS:
            self.refresh()
        key = (owner, session_policies)
        found = self._policies.get(key)
        if found is not None:
            return found
        with self._store.read() as connection:
            seen = current_generation(connection)
            found = self._read_policies(connection, owner, session_policies)
        with self._lock:
            if self._is_current(seen):
                if len(self._policies) >= MAX_REMEMBERED:
                    self._policies = {}
                self._policies[key] = found
        return found

    def service_control(self, account_id: str) -> Sequence[Sequence[Policy]]:
        """The service control policies above an account, a level each, from the organization's root down to the account.

        None outside of an organization, for the management account, and where service control policies are not enabled.
        """
        place = self._place(account_id)
        return () if place is None else place.levels

    def organization_context(self, account_id: str) -> Mapping[str, Sequence[str]]:
        """The condition keys that follow from the caller's place in an organization (`aws:PrincipalOrgID`, `aws:PrincipalOrgPaths`)."""
        place = self._place(account_id)
        return {} if place is None else {"aws:PrincipalOrgID": (place.organization_id,), "aws:PrincipalOrgPaths": (place.path,)}

    def resource_organization_context(self, account_id: str) -> Mapping[str, Sequence[str]]:
        """The condition keys that follow from the place of a resource's owner (`aws:ResourceOrgID`, `aws:ResourceOrgPaths`)."""
        place = self._place(account_id)
        return {} if place is None else {"aws:ResourceOrgID": (place.organization_id,), "aws:ResourceOrgPaths": (place.path,)}

    def generation(self) -> int:
        """A number that grows with every change of identities and organizations, in this process or another. One small read."""
        with self._store.read() as connection:
            return current_generation(connection)

    def _place(self, account_id: str) -> Place | None:
        if len(account_id) != 12:
            return None  # services and strangers, and what somebody wrote into an ARN
        if self._clock.monotonic() - self._checked >= FRESHNESS:
            self.refresh()
        try:
            return self._places[account_id]
        except KeyError:
            pass
        with self._store.read() as connection:
            seen = current_generation(connection)
            found = place_of(connection, account_id)
        with self._lock:
            if self._is_current(seen):
                if len(self._places) >= MAX_REMEMBERED:
                    self._places = {}
                self._places[account_id] = found
        return found

    def _read_policies(self, connection: Connection, owner: str, session_policies: tuple[str, ...]) -> PolicySet:
        limits = tuple(parsed(text) for text in session_policies)
        entity = entities.by_id(connection, owner)
        if entity is None:
            # A federated session of the root user is limited by its session policies only; anything else has lost its owner.
            return PolicySet(identity=(_EVERYTHING,) if owner.isdecimal() else (), session=limits)
        boundary = None
        if entity.boundary is not None:
            # A boundary that cannot be found bounds everything.
            text = self.managed_policies.in_force(connection, entity.boundary)
            boundary = _NOTHING if text is None else parsed(text)
        texts = attached.documents(connection, self.managed_policies, entity.id)
        return PolicySet(identity=tuple(parsed(text) for text in texts), boundary=boundary, session=limits)

    def root(self, account_id: str) -> Principal:
        """The root user of an account, without a key (for `identity.open`)."""
        with self._store.read() as connection:
            return credentials.root_principal(account_id, alias=alias_of(connection, account_id))

    def note_use(self, principal: Principal, service: str, region: str) -> None:
        """`principal` made a call: for GetAccessKeyLastUsed and RoleLastUsed. Fast; written down by `save_uses`."""
        session = principal.session
        if session is None:
            if principal.access_key_id:
                self.last_uses.note(principal.access_key_id, service, region)
        elif principal.type == "AssumedRole":
            self.last_uses.note(session.issuer_id, service, region)

    def note_sign_in(self, principal: Principal, region: str) -> None:
        """`principal` used its password (`PasswordLastUsed`). Fast; written down by `save_uses`."""
        self.last_uses.note(principal.principal_id, "signin", region)

    def save_uses(self) -> None:
        """Write down what `note_use` heard; call it every minute or so, and at the end."""
        self.last_uses.save()

    def root_file(self, account_id: str) -> Path:
        """Where the root access key of an account lies: `keys/root.json`, of other accounts than the default one `keys/root-<id>.json`."""
        return self._keys_folder / (ROOT_FILE if account_id == self.account_id else f"root-{account_id}.json")

    def ensure_root(self, account_id: str, name: str | None = None) -> Credential:
        """The root access key of an account, made with the account (called `name`), and written to `root_file` for its owner only.

        The key is durable in the state before the file is written, and a file that does not fit the state is written again, so the
        process may die anywhere in between. Deleting every active root key makes the next start make a new one.
        """
        self.accounts.ensure(account_id, name)
        found = self._active_root_key(account_id)
        if found is None:
            self._make_root_key(account_id)
            found = self._active_root_key(account_id)
        if found is None:
            raise RuntimeError("the root access key that was just made cannot be found")
        content = orjson.dumps(
            {
                "account_id": account_id,
                "access_key_id": found.access_key_id,
                "secret_access_key": found.secret_access_key,
            },
            option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
        )
        path = self.root_file(account_id)
        if not path.exists() or path.read_bytes() != content:
            replace_private(path, content)
        return found

    def _active_root_key(self, account_id: str) -> Credential | None:
        for key in self.access_keys.list(account_id, None):
            if key.status == "Active":
                with self._store.read() as connection:  # not `credential`: the keys of a closed account are there, and sign for nobody
                    return credentials.load(connection, self._vault, key.access_key_id)
        return None

    def _make_root_key(self, account_id: str) -> None:
        inactive = self.access_keys.list(account_id, None)
        if len(inactive) >= 2:
            self.access_keys.delete(account_id, None, inactive[0].access_key_id)
        self.access_keys.create(account_id, None)

    def refresh(self) -> None:
        """See now whether another process has changed something. One small read; otherwise that is seen within `FRESHNESS`."""
        self._checked = self._clock.monotonic()
        with self._store.read() as connection:
            self._forget(current_generation(connection))

    def _forget(self, generation: int) -> None:
        with self._lock:
            self._is_current(generation)

    def _is_current(self, seen: int) -> bool:
        """Whether what was read in generation `seen` may be remembered; forgets everything older. Holds the lock."""
        if seen > self._generation:
            self._generation = seen
            self._credentials = {}
            self._policies = {}
            self._places = {}
        return seen == self._generation

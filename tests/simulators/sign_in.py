"""The sign-in door without a server: real identities, policies and recorder; people, devices and a journal that do as told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from opentrail.api.asgi import Application
from opentrail.api.authentication import Authentication
from opentrail.api.authorisation import Authorisation
from opentrail.api.signin import Door, Federation, PasswordSignIn, Roles
from opentrail.api.sts import STS
from opentrail.identity.credentials import Credential
from opentrail.identity.issuers import Issuers
from opentrail.identity.principals import Principal
from opentrail.recorder import Recorder
from opentrail.wire import sigv4
from opentrail.wire.http import Headers, Request
from simulators.front_door import ACCOUNT, Answered, FrontDoor, catalogue
from simulators.sts import nowhere

REGIONS = frozenset({"us-east-1", "eu-west-1"})
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PASSWORD = "correct-Horse-7"


class Devices:
    """MFA devices by user name; the right code is always 123456."""

    def __init__(self) -> None:
        self.of: dict[str, Sequence[str]] = {}

    def mfa_serials(self, principal: Principal) -> Sequence[str]:
        return self.of.get(principal.user_name or "root", ())

    def verify(self, principal: Principal, serial: str, code: str) -> bool:
        return code == "123456"


class SignInDesk(FrontDoor):
    """`sign_in`, `federate`, `signed_post`; the account has the user ana with `PASSWORD`."""

    def __init__(self, folder: Path, *, loopback: bool = False, pass_on_failure: bool = False) -> None:
        super().__init__(folder)
        sts = STS(self.identities, catalogue().service("sts").model, Issuers(nowhere, self.clock))
        self.devices = Devices()
        authentication = Authentication(identities=self.identities, clock=self.clock, account_id=ACCOUNT)
        self.door = Door(
            passwords=PasswordSignIn(identities=self.identities, multi_factor=self.devices, account_id=ACCOUNT, regions=REGIONS),
            federation=Federation(identities=self.identities, clock=self.clock, secret=b"s" * 32, account_id=ACCOUNT),
            roles=Roles(
                identities=self.identities,
                authorisation=Authorisation(identities=self.identities),
                sts=sts,
                recorder=Recorder(catalogue()),
            ),
            authentication=authentication,
            journal=self.journal,
            clock=self.clock,
            regions=REGIONS,
            loopback=loopback,
            pass_on_journal_failure=pass_on_failure,
        )
        self.application = Application(answer=self.endpoint.answer, pages={}, clock=self.clock, doors=self.door.by_path())
        self.ana = self.identities.users.create(ACCOUNT, "ana")
        self.identities.login_profiles.create(ACCOUNT, "ana", PASSWORD)

    def close(self) -> None:
        self.door.close()
        super().close()

    def post(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None, client: str = "203.0.113.9") -> Answered:
        """POST JSON, as the console's page would."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = {"host": "127.0.0.1:4747", "user-agent": BROWSER, "content-type": "application/json", **(headers or {})}
        lines["content-length"] = str(len(raw))
        return self.ask(Request(method="POST", path=path, headers=Headers(lines.items()), body=raw), client=client)

    def sign_in(self, *, headers: Mapping[str, str] | None = None, client: str = "203.0.113.9", **given: Any) -> Answered:
        """`POST /_opentrail/signin`; ana with the right password unless something else is `given`."""
        body = {"account": ACCOUNT, "userName": "ana", "password": PASSWORD} | given
        sent = {name: value for name, value in body.items() if value is not None}
        return self.post("/_opentrail/signin", sent, headers=headers, client=client)

    def federate(self, method: str = "GET", *, client: str = "203.0.113.9", **fields: Any) -> Answered:
        """The federation endpoint."""
        headers = Headers({"host": "127.0.0.1:4747", "user-agent": BROWSER}.items())
        return self.ask(Request(method=method, path="/_opentrail/federation", query=urlencode(fields), headers=headers), client=client)

    def console(self, answered: Answered) -> Credential:
        """The credentials in an answer."""
        given = json.loads(answered.body)["credentials"]
        found = self.identities.credential(given["accessKeyId"])
        assert found is not None
        assert found.secret_access_key == given["secretAccessKey"]
        assert found.session_token == given["sessionToken"]
        return found

    def signed_post(self, path: str, body: Any, key: Credential, *, region: str = "us-east-1", name: str = "signin") -> Answered:
        """POST JSON, signed by `key`."""
        raw = json.dumps(body).encode()
        lines = {"host": "127.0.0.1:4747", "user-agent": BROWSER, "content-type": "application/json", "content-length": str(len(raw))}
        request = sigv4.sign(
            Request(method="POST", path=path, headers=Headers(lines.items()), body=raw),
            access_key_id=key.access_key_id,
            secret_access_key=key.secret_access_key,
            session_token=key.session_token,
            region=region,
            signing_name=name,
            now=self.clock.time(),
        )
        return self.ask(request, client="203.0.113.9")

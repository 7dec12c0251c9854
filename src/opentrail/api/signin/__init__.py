"""Signing in to the console: with a password, as root, by a link of an identity broker; and switching roles there.

A door beside `api/`'s endpoint, under `/_opentrail/` so that it hides no bucket. What it does is recorded as `signin.amazonaws.com` does
it; what it gives out are temporary credentials of the console (`Session.from_console`), with which the console calls the API like
any other client.
"""

from opentrail.api.signin.door import Door
from opentrail.api.signin.federation import Federation
from opentrail.api.signin.multi_factor import MultiFactor, UserDevices
from opentrail.api.signin.password import PasswordSignIn
from opentrail.api.signin.roles import Roles

__all__ = ["Door", "Federation", "MultiFactor", "PasswordSignIn", "Roles", "UserDevices"]

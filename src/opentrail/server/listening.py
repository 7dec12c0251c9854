"""Where the front listens, how (plain or TLS), and what each listener stands for. Read once, before anything starts."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from opentrail.api.arrival import VpcEndpoint
from opentrail.config import FrontSettings
from opentrail.errors import SettingError
from opentrail.identity.policies import Policy, PolicyError, check_resource

MOST_POLICY: Final = 20_480
"""Characters of a VPC endpoint policy (AWS PrivateLink guide, "Control access to VPC endpoints using endpoint policies")."""

_ENDPOINT_ID: Final = re.compile(r"vpce-[0-9a-z]{1,32}")
_ACCOUNT_ID: Final = re.compile(r"[0-9]{12}")
_FORM: Final = "write it as vpce-ID@HOST:PORT[,account=ACCOUNT][,policy=FILE]"


@dataclass(frozen=True, kw_only=True)
class Listener:
    """One address that the front listens on."""

    host: str
    port: int
    tls: bool = False
    vpc_endpoint: VpcEndpoint | None = None
    """Set: what comes in here comes through this VPC endpoint."""

    @property
    def url(self) -> str:
        """Where a client on this machine reaches it."""
        reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self.tls else 'http'}://{reachable}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)


def listen_address(listen: str, option: str = "--listen") -> tuple[str, int]:
    """`HOST:PORT` taken apart; raises `SettingError` when it is not one."""
    host, colon, port = listen.rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise SettingError(f"{option} {listen}: write it as HOST:PORT, for example 127.0.0.1:4747.")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listener(listen: str, *, certified: bool, option: str = "--listen", vpc_endpoint: VpcEndpoint | None = None) -> Listener:
    """An address to listen on: `HOST:PORT` (TLS when there is a certificate: `certified`), `http://HOST:PORT` or `https://HOST:PORT`.

    Raises `SettingError`, in the name of `option`."""
    scheme, found, address = listen.partition("://")
    if not found:
        scheme, address = "https" if certified else "http", listen
    if scheme not in ("http", "https"):
        raise SettingError(f"{option} {listen}: begin the address with http:// or https://, or leave that out.")
    if scheme == "https" and not certified:
        raise SettingError(f"{option} {listen}: set front.tls_certificate and front.tls_key to files in PEM form first.")
    host, port = listen_address(address, option)
    return Listener(host=host, port=port, tls=scheme == "https", vpc_endpoint=vpc_endpoint)


def vpc_endpoint_listener(option: str, *, account_id: str, certified: bool) -> Listener:
    """A `--vpc-endpoint` option: `vpce-ID@HOST:PORT[,account=ACCOUNT][,policy=FILE]`; the account is `account_id` when none is named.

    Raises `SettingError`, also for a policy that cannot be read."""
    first, *further = option.split(",")
    endpoint_id, at, address = first.partition("@")
    if not at or not _ENDPOINT_ID.fullmatch(endpoint_id):
        raise SettingError(f"--vpc-endpoint {option}: {_FORM}.")
    owner, policy = account_id, None
    for part in further:
        name, _, value = part.partition("=")
        if name == "account" and _ACCOUNT_ID.fullmatch(value):
            owner = value
        elif name == "policy" and value:
            policy = _policy(Path(value))
        else:
            raise SettingError(f"--vpc-endpoint {option}: {part!r} is not understood; {_FORM}.")
    endpoint = VpcEndpoint(id=endpoint_id, account_id=owner, policy=policy)
    return listener(address, certified=certified, option="--vpc-endpoint", vpc_endpoint=endpoint)


def listeners(listen: Sequence[str], vpc_endpoints: Sequence[str], settings: FrontSettings, *, account_id: str) -> tuple[Listener, ...]:
    """Every listener, those of `--listen` first. Raises `SettingError` for what cannot be."""
    certified = bool(settings.tls_certificate or settings.tls_key)
    if certified:
        tls_context(settings)
    ordinary = [listener(one, certified=certified) for one in listen]
    endpoints = [vpc_endpoint_listener(one, account_id=account_id, certified=certified) for one in vpc_endpoints]
    ids = [one.vpc_endpoint.id for one in endpoints if one.vpc_endpoint is not None]
    for endpoint_id in ids:
        if ids.count(endpoint_id) > 1:
            raise SettingError(f"--vpc-endpoint: {endpoint_id} is given twice; each endpoint has one listener.")
    return (*ordinary, *endpoints)


def tls_context(settings: FrontSettings) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 with the certificate of the settings. Raises `SettingError` when it cannot be used."""
    certificate, key = settings.tls_certificate, settings.tls_key
    if not certificate or not key:
        missing = "front.tls_key" if certificate else "front.tls_certificate"
        raise SettingError(f"{missing} is missing: TLS takes both front.tls_certificate and front.tls_key.")
    for name, file in (("front.tls_certificate", certificate), ("front.tls_key", key)):
        try:
            Path(file).read_bytes()
        except OSError as error:
            raise SettingError(f"{name}: {file} cannot be read: {error.strerror}.") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise SettingError(
            f"front.tls_certificate and front.tls_key do not make a pair of PEM files ({certificate}, {key}): {_said(error)}."
        ) from error
    return context


def own_authority(certificate: Path) -> Path | None:
    """The certificate's file when a client must be told to trust it: its last certificate is its own issuer (self-signed)."""
    found = x509.load_pem_x509_certificates(certificate.read_bytes())
    last = found[-1]
    return certificate.absolute() if last.issuer == last.subject else None


def _no_password() -> str:
    raise ValueError("the key is locked with a password")


def _said(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error).replace("_", " ").lower()


def _policy(file: Path) -> str:
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"--vpc-endpoint: the policy {file} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if len(text) > MOST_POLICY:
        raise SettingError(f"--vpc-endpoint: the policy {file} has {len(text)} characters; at most {MOST_POLICY} are taken.")
    try:
        Policy.parse(text, check=check_resource)
    except PolicyError as error:
        raise SettingError(f"--vpc-endpoint: the policy {file} is none: {error}") from error
    return text

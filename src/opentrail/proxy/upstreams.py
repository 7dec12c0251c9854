"""Which endpoint takes which service: the `--upstream SERVICE=URL` options, read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from opentrail.errors import SettingError

ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Keys that a request is signed with anew on its way to an upstream."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One AWS-compatible endpoint."""

    host: str
    port: int
    tls: bool
    credentials: Credentials | None = None
    """`None`: requests are forwarded as they came, signature and Host header included."""

    @property
    def authority(self) -> str:
        """`host[:port]` as a Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Without the credentials."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    @classmethod
    def at(cls, url: str) -> Upstream:
        """The endpoint at `url`, `http[s]://[AKID:SECRET@]host[:port]`. Raises `SettingError`, which never repeats the secret."""
        shown = _without_secret(url)
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _bad(shown, "that is no URL; special characters of a secret must be percent-encoded (/ is %2F, + is %2B)") from None
        if parts.scheme not in ("http", "https"):
            raise _bad(shown, "an upstream begins with http:// or https://")
        if not parts.hostname:
            raise _bad(shown, "it names no host")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise _bad(
                shown, "an upstream has no path (the path is part of the signature); special characters of a secret are percent-encoded"
            )
        tls = parts.scheme == "https"
        return cls(
            host=parts.hostname,
            port=port if port is not None else (443 if tls else 80),
            tls=tls,
            credentials=_credentials(parts, shown),
        )


class Upstreams:
    """The endpoints by service. `find` looks for botocore's name first, then for the signing name, then for `*`."""

    def __init__(self, by_service: Mapping[str, Upstream] | None = None) -> None:
        self._by_service = dict(by_service or {})

    @classmethod
    def parse(cls, options: Iterable[str], *, known: Collection[str] | None = None, sandbox: str | None = None) -> Upstreams:
        """From `SERVICE=URL` options; of two for one service the later wins. `sandbox`: URL that stands in for `*` where no option does.

        `known` are the service names that exist, botocore's and signing names. Raises `SettingError` naming the option and what to change.
        """
        by_service: dict[str, Upstream] = {}
        if sandbox is not None:
            by_service[ANY] = Upstream.at(sandbox)
        for option in options:
            service, equals, url = option.partition("=")
            service = service.strip()
            if not equals or not service or "/" in service:
                raise SettingError(
                    f"--upstream {_without_secret(option)}: write it as SERVICE=URL, for example s3=https://minio.internal:9000."
                )
            if known is not None and service != ANY and service not in known:
                raise SettingError(
                    f"--upstream {service}=...: AWS has no service {service}; write its name as the AWS CLI does, or * for all."
                )
            by_service[service] = Upstream.at(url.strip())
        return cls(by_service)

    def find(self, service: str, signing_name: str) -> Upstream | None:
        """The upstream of `service` (botocore's name), signed for as `signing_name`; `None` when there is none."""
        return self.named(service, signing_name) or self._by_service.get(ANY)

    def named(self, service: str, signing_name: str) -> Upstream | None:
        """As `find`, but not by `*`: an upstream that is meant to take the place of a service that OpenTrail serves itself."""
        return self._by_service.get(service) or self._by_service.get(signing_name)

    def __bool__(self) -> bool:
        return bool(self._by_service)


def _credentials(parts: SplitResult, shown: str) -> Credentials | None:
    if parts.username is None and parts.password is None:
        return None
    if not parts.username or not parts.password:
        raise _bad(shown, "credentials are written AKID:SECRET@ before the host")
    return Credentials(access_key_id=unquote(parts.username), secret_access_key=unquote(parts.password))


def _without_secret(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if "@" not in rest:
        return text
    user, _, host = rest.rpartition("@")
    return f"{scheme}{separator}{user.partition(':')[0]}:***@{host}"


def _bad(shown: str, why: str) -> SettingError:
    return SettingError(f"--upstream {shown}: {why}.")

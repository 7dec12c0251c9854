"""Every setting, in one table: name, default, unit, sentence.

The documentation and `opentrail serve --help` are made from this table. Settings are read once, at start, by `load`; each room is
handed its own part (`settings.trails`). What wins, first to last: `--set section.key=value`, the environment variable
`OPENTRAIL_SECTION_KEY`, the TOML file given with `--config`, the default.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from opentrail.errors import SettingError


def _setting(default: Any, sentence: str, *, unit: str = "", choices: Sequence[str] = (), low: float | None = None) -> Any:
    return field(default=default, metadata={"sentence": sentence, "unit": unit, "choices": tuple(choices), "low": low})


@dataclass(frozen=True, kw_only=True)
class FrontSettings:
    """The HTTP door."""

    max_body: int = _setting(72 << 20, "Largest body of a call that is not streamed.", unit="bytes", low=1024)
    max_headers: int = _setting(64 << 10, "Largest head (request line and headers) of a request.", unit="bytes", low=1024)
    trusted_proxies: str = _setting("", "Comma-separated addresses whose X-Forwarded-For is believed.")
    tls_certificate: str = _setting("", "PEM file with the certificate, and those above it, to listen with TLS; empty: plain HTTP.")
    tls_key: str = _setting("", "PEM file with the key of that certificate, not locked with a password.")


@dataclass(frozen=True, kw_only=True)
class IdentitySettings:
    """Accounts and credentials."""

    account_id: str = _setting("123456789012", "The default account, made at first start.")
    region: str = _setting("us-east-1", "The Region that `opentrail env` exports.")
    issuer_keys: str = _setting("", "A JSON file with the keys of identity providers that are not asked for them: issuer to JWK set.")
    http_issuers: bool = _setting(False, "Identity providers without TLS (http://) are trusted too: for trying things out.")
    enforce_upstream: bool = _setting(
        False, "Whether policies of callers are evaluated before a call is forwarded to an upstream or the sandbox."
    )
    open: bool = _setting(False, "Development only: unknown access keys act as root of the default account. Loopback listeners only.")


@dataclass(frozen=True, kw_only=True)
class JournalSettings:
    """The journal."""

    sync: str = _setting(
        "full", "`full`: a record survives a power cut; `normal`: it survives a crash of OpenTrail.", choices=("full", "normal")
    )
    max_bytes: int = _setting(16 << 30, "Size at which calls are refused until the followers have caught up.", unit="bytes", low=1 << 20)
    min_free: int = _setting(256 << 20, "Free disk space below which calls are refused.", unit="bytes", low=0)
    on_failure: str = _setting("refuse", "What happens to calls when the journal cannot take them.", choices=("refuse", "pass"))


@dataclass(frozen=True, kw_only=True)
class TrailsSettings:
    """Delivery of log files and digests."""

    delivery_interval: float = _setting(60.0, "Time after which a log file is cut.", unit="s", low=0.1)
    digest_interval: float = _setting(3600.0, "Time covered by one digest file.", unit="s", low=1.0)
    max_file_bytes: int = _setting(5 << 20, "Compressed size at which a log file is cut early.", unit="bytes", low=1024)
    retry_limit: float = _setting(30 * 86400.0, "Time after which an undeliverable file is given up.", unit="s", low=1.0)
    directories: str = _setting("", "Log buckets that are plain directories: BUCKET=/absolute/path, several with commas in between.")
    s3_region: str = _setting("", "Region of the S3 that --upstream s3 names; empty: as its host says, or identity.region.")
    s3_profile: str = _setting("", "Profile of the shared AWS files whose credentials write there when the URL has none; empty: the usual.")
    s3_addressing: str = _setting(
        "auto", "Where the bucket stands in requests there: `auto` is virtual for AWS, path elsewhere.", choices=("auto", "path", "virtual")
    )


@dataclass(frozen=True, kw_only=True)
class HistorySettings:
    """Event history."""

    retention: float = _setting(90.0, "Age up to which LookupEvents finds events.", unit="days", low=0.0)


@dataclass(frozen=True, kw_only=True)
class LakeSettings:
    """The event store."""

    commit_interval: float = _setting(60.0, "Time between two commits of events to the Iceberg tables.", unit="s", low=0.5)
    running_queries: int = _setting(10, "Queries that run at the same time, of all accounts together; more of them wait.", low=1)
    query_timeout: float = _setting(3600.0, "Time after which a query is stopped (TIMED_OUT).", unit="s", low=0.1)
    query_memory: int = _setting(1 << 30, "Memory that one query may use; one that needs more fails.", unit="bytes", low=64 << 20)
    query_threads: int = _setting(0, "Threads of one query; 0: as many as the machine has processors.", low=0)
    query_result_bytes: int = _setting(1 << 30, "Size of a result, before it is packed, at which its query fails.", unit="bytes", low=1024)
    federation_catalog: str = _setting(
        "",
        "Iceberg catalog that shows the tables of federated event data stores: URL of a REST catalog, or a catalog URI of PyIceberg; "
        "empty: the SQLite file lake/federation.db in the data folder.",
    )
    engine: str = _setting(
        "embedded",
        "What runs queries: embedded; sc://HOST:PORT, a Spark Connect server whose workers reach the data folder under the same path (its "
        "token, if it has one, comes in the environment as SPARK_CONNECT_AUTHENTICATE_TOKEN); local-cluster, a Spark of its own here.",
    )
    questions_url: str = _setting(
        "", "OpenAI-compatible endpoint (https://…/v1) that GenerateQuery asks what it does not know itself; empty: nobody is asked."
    )
    questions_model: str = _setting("", "Name of the model that is asked there.")
    questions_key: str = _setting("", "File with the key for that endpoint; for its owner only.")


@dataclass(frozen=True, kw_only=True)
class MessagingSettings:
    """Topics and queues."""

    public_url: str = _setting(
        "",
        "Address under which subscribers reach this server, for links in messages (https://example.com); empty: the first listener's.",
    )
    notify: str = _setting(
        "", "A TOML file with apprise URLs for mail, text messages and chat (how-to: get notified); for its owner only, it holds passwords."
    )
    notify_schemes: str = _setting(
        "mailto,mailtos,slack,discord,msteams,workflows,tgram,matrix,matrixs,mmost,mmosts,rocket,rockets,zulip,gchat,ntfy,ntfys,gotify,gotifys,"
        "pover,pagerduty,opsgenie,twilio,vonage,clickatell",
        "Comma-separated schemes that URLs of messaging.notify may have.",
    )


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """The sandbox."""

    enabled: bool = _setting(False, "Start moto's server as a child process and send it every service that OpenTrail does not serve.")


@dataclass(frozen=True, kw_only=True)
class TestingSettings:
    """What only tests need."""

    reset_door: bool = _setting(
        False, "`POST /moto-api/reset` removes everything that clients have made. For test suites; loopback listeners only."
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, a part per room."""

    front: FrontSettings = field(default_factory=FrontSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    journal: JournalSettings = field(default_factory=JournalSettings)
    trails: TrailsSettings = field(default_factory=TrailsSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    lake: LakeSettings = field(default_factory=LakeSettings)
    messaging: MessagingSettings = field(default_factory=MessagingSettings)
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    testing: TestingSettings = field(default_factory=TestingSettings)


@dataclass(frozen=True, kw_only=True)
class Described:
    """One row of the table, for documentation and help."""

    name: str
    default: Any
    unit: str
    sentence: str
    choices: tuple[str, ...]

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "OPENTRAIL_" + self.name.upper().replace(".", "_")


def described() -> Iterator[Described]:
    """Every setting, in the order of the table."""
    for section in dataclasses.fields(Settings):
        for item in dataclasses.fields(_section_type(section.name)):
            about = item.metadata
            yield Described(
                name=f"{section.name}.{item.name}",
                default=item.default,
                unit=about["unit"],
                sentence=about["sentence"],
                choices=about["choices"],
            )


def load(*, assignments: Sequence[str] = (), environment: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """Read the settings once.

    `assignments` are `section.key=value` texts of the command line. Raises `SettingError`, naming the setting and what to change, for
    an unknown name or a value of the wrong kind.
    """
    values: dict[str, Any] = {}
    if file is not None:
        values.update(_from_file(file))
    names = {row.name: row for row in described()}
    for row in names.values():
        if environment and row.variable in environment:
            values[row.name] = environment[row.variable]
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise SettingError(f"--set {assignment}: write it as section.key=value.")
        values[name.strip()] = value
    parts: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if name not in names:
            raise SettingError(f"There is no setting {name}; `opentrail settings` lists them.")
        section, _, key = name.partition(".")
        parts.setdefault(section, {})[key] = _converted(name, value)
    return Settings(**{section: _section_type(section)(**keys) for section, keys in parts.items()})


def _section_type(section: str) -> Any:
    return get_type_hints(Settings)[section]


def _from_file(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        tables = tomllib.loads(file.read_text())
    except OSError as error:
        raise SettingError(f"{file}: {error.strerror or error}.") from error
    except ValueError as error:
        raise SettingError(f"{file}: {error}") from error
    for section, keys in tables.items():
        if not isinstance(keys, dict):
            raise SettingError(f"{file}: {section} must be a table: [{section}].")
        for key, value in keys.items():
            yield f"{section}.{key}", value


def _converted(name: str, value: Any) -> Any:
    section, _, key = name.partition(".")
    kind = get_type_hints(_section_type(section))[key]
    about = next(item.metadata for item in dataclasses.fields(_section_type(section)) if item.name == key)
    converted: Any
    try:
        if kind is bool:
            converted = value if isinstance(value, bool) else {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]
        elif kind is int:
            converted = int(value)
        elif kind is float:
            converted = float(value)
        else:
            converted = str(value)
    except (KeyError, ValueError, TypeError):
        raise SettingError(f"{name}: {value!r} is not a {_WORDS[kind]}.") from None
    if about["choices"] and converted not in about["choices"]:
        raise SettingError(f"{name}: {value!r} is none of {', '.join(about['choices'])}.")
    low = about["low"]
    if low is not None and not converted >= low:
        raise SettingError(f"{name}: {value!r} is below {low:g}.")
    return converted


_WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text"}

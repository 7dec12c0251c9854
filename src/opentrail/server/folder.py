"""The data folder: where everything that lasts lies, and who may use it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from opentrail.errors import OpenTrailError, SettingError


class FolderInUse(OpenTrailError):
    """Another `opentrail serve` uses this data folder."""


@dataclass(frozen=True)
class DataFolder:
    """One data folder (design: state.db, journal.db, buckets/, lake/, keys/, logs/)."""

    root: Path

    @property
    def state(self) -> Path:
        return self.root / "state.db"

    @property
    def journal(self) -> Path:
        return self.root / "journal.db"

    @property
    def messages(self) -> Path:
        """Topics, subscriptions and queues with their messages: a database of its own, so that traffic in it holds nothing else up."""
        return self.root / "messages.db"

    @property
    def monitoring(self) -> Path:
        """Log groups with their events, metrics and alarms."""
        return self.root / "monitoring.db"

    @property
    def rules(self) -> Path:
        """Event buses, rules, and what is on its way to targets."""
        return self.root / "rules.db"

    @property
    def insights(self) -> Path:
        """Call and error rates, baselines and episodes."""
        return self.root / "insights.db"

    @property
    def buckets(self) -> Path:
        return self.root / "buckets"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def spool(self) -> Path:
        """Log files and digests that are cut but not delivered yet."""
        return self.root / "spool"

    @property
    def address(self) -> Path:
        """What the running server writes down for `opentrail env` and the other verbs."""
        return self.root / "serve.json"

    def prepare(self) -> None:
        """Make the folders that are missing; the data folder is for its owner only.

        Raises `SettingError` when that cannot be done."""
        try:
            for folder in (self.root, self.buckets, self.lake, self.keys, self.logs, self.spool):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingError(f"The data folder {self.root} cannot be used: {error.strerror}. Choose another with --data-dir.") from error

    def lock(self) -> int:
        """Take the folder for this process; the lock ends with it. Raises `FolderInUse`."""
        handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise FolderInUse(f"The data folder {self.root} is in use by another `opentrail serve`.") from None
        return handle

    def token_secret(self) -> bytes:
        """What page tokens are sealed with; made at the first start and kept, so that a token outlives a restart."""
        path = self.keys / "page-tokens.key"
        while True:
            try:
                return path.read_bytes()
            except FileNotFoundError:
                self._make_secret(path)

    @staticmethod
    def _make_secret(path: Path) -> None:
        """Put a new secret at `path`, whole, unless there is one: several processes may do this at once, and all must have the same."""
        partial = path.with_suffix(f".partial-{secrets.token_hex(8)}")
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
            os.fsync(file.fileno())
        try:
            os.link(partial, path)
        except FileExistsError:
            pass
        finally:
            partial.unlink()

    def write_address(
        self,
        *,
        endpoint: str,
        region: str,
        digest_interval: float,
        account_id: str,
        link: str,
        lake_link: str = "",
        ca_bundle: Path | None = None,
        vpc_endpoints: Mapping[str, str] | None = None,
        directories: Mapping[str, Path] | None = None,
    ) -> None:
        """Tell the other verbs where the server listens, how often digests are made (s), the default account, and the sockets on which
        followers and lake answer (only processes of the folder's owner can open them).

        `ca_bundle` is the certificate that clients must be told to trust, `vpc_endpoints` the URL of each VPC endpoint, `directories` where
        the log buckets are that are plain directories."""
        told: dict[str, object] = {
            "endpoint": endpoint,
            "region": region,
            "digest_interval": digest_interval,
            "account_id": account_id,
            "link": link,
            "lake_link": lake_link,
        }
        if ca_bundle is not None:
            told["ca_bundle"] = str(ca_bundle)
        if vpc_endpoints:
            told["vpc_endpoints"] = dict(vpc_endpoints)
        if directories:
            told["directories"] = {bucket: str(path) for bucket, path in directories.items()}
        partial = self.address.with_suffix(".partial")
        partial.write_text(json.dumps(told) + "\n")
        partial.replace(self.address)

    def read_address(self) -> dict[str, str]:
        """What `write_address` left; `{}` when no server has run here yet."""
        return {key: str(value) for key, value in self._told().items() if not isinstance(value, dict)}

    def read_directories(self) -> dict[str, Path]:
        """Where the log buckets are that are plain directories."""
        found = self._told().get("directories")
        return {str(bucket): Path(str(path)) for bucket, path in found.items()} if isinstance(found, dict) else {}

    def _told(self) -> dict[str, object]:
        try:
            found = json.loads(self.address.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

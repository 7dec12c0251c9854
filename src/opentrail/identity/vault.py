"""Secrets at rest: sealed with AES-256-GCM under a master key that lies in a file of its own, for its owner only.

What is sealed for one purpose (an access key id) cannot be opened for another: the purpose is authenticated with it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from opentrail.errors import OpenTrailError

FILE_NAME = "identity.key"
_NONCE = 12
_KEY = 32


class VaultError(OpenTrailError):
    """The secrets of the data folder cannot be opened: keys/identity.key does not belong to this state.db."""


class Vault:
    """Seals and opens short secrets."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    def open(cls, folder: Path) -> Vault:
        """The vault whose master key lies in `folder`, made at first use. Raises `VaultError` for a file that is no key.

        The key is written aside and then linked to its name, so of two processes that start at once both use the same one, and nobody
        ever reads half a key.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / FILE_NAME
        if not path.exists():
            partial = folder / f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}"
            write_private(partial, secrets.token_bytes(_KEY))
            try:
                os.link(partial, path)
            except FileExistsError:
                pass  # somebody else was first
            finally:
                partial.unlink()
            _sync_folder(folder)
        key = path.read_bytes()
        if len(key) != _KEY:
            raise VaultError(f"{path} is not a master key: it has {len(key)} bytes, not {_KEY}.")
        return cls(key)

    def seal(self, secret: str, purpose: str) -> bytes:
        """`secret`, unreadable without the master key and the same `purpose`."""
        return self.seal_bytes(secret.encode(), purpose)

    def unseal(self, sealed: bytes, purpose: str) -> str:
        """What was sealed for `purpose`. Raises `VaultError` when it was not sealed so, or not with this key."""
        return self.unseal_bytes(sealed, purpose).decode()

    def seal_bytes(self, secret: bytes, purpose: str) -> bytes:
        """`seal` for what is no text."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, secret, purpose.encode())

    def unseal_bytes(self, sealed: bytes, purpose: str) -> bytes:
        """`unseal` for what is no text."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
        except (InvalidTag, ValueError):
            raise VaultError from None


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read; durable on return. Raises `FileExistsError` when it is there already."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_private(path: Path, content: bytes) -> None:
    """Put `content` in the place of `path` at one stroke, mode 0600; durable on return."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    write_private(partial, content)
    partial.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""An OpenID Connect provider: it signs tokens, shows its keys as documents, and can serve them over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


class Issuer:
    """`token(...)` signs claims, `fetch` answers as its web site would and counts in `asked`."""

    def __init__(self, url: str, *, algorithm: str = "RS256", key_id: str = "first", bits: int = 2048) -> None:
        self.url = url
        self.algorithm = algorithm
        self.asked: list[str] = []
        self.failing: OSError | None = None
        self.documents: dict[str, Any] = {}
        self.bits = bits
        self.rotate(key_id)

    def rotate(self, key_id: str) -> None:
        """Take a new key, and forget the one before."""
        self.key: Any
        if self.algorithm.startswith("RS"):
            self.key = rsa.generate_private_key(public_exponent=65537, key_size=self.bits)
            shown = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        else:
            self.key = ec.generate_private_key(ec.SECP256R1())
            shown = json.loads(ECAlgorithm.to_jwk(self.key.public_key()))
        shown.pop("key_ops", None)
        self.key_id = key_id
        self.keys = {"keys": [{**shown, "kid": key_id, "use": "sig", "alg": self.algorithm}]}
        self.documents = {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": self.url + "/keys"},
            "/keys": self.keys,
        }

    def token(self, now: float, *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token for `sub` ana and `aud` app, valid for an hour; claims of value `None` are left out."""
        found = {"iss": self.url, "sub": "ana", "aud": "app", "iat": int(now), "exp": int(now) + 3600, **claims}
        kept = {name: value for name, value in found.items() if value is not None}
        return jwt.encode(kept, self.key, algorithm=self.algorithm, headers={"kid": self.key_id, **(headers or {})})

    def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if self.failing is not None:
            raise self.failing
        return json.dumps(self.documents[url.removeprefix(self.url)]).encode()

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve the documents at an address of this machine, which becomes the URL of the issuer."""
        documents = self.documents

        class Site(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = documents.get(self.path)
                body = json.dumps(found).encode()
                self.send_response(200 if found is not None else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            self.url = f"http://127.0.0.1:{server.server_port}"
            documents["/.well-known/openid-configuration"] = {"issuer": self.url, "jwks_uri": self.url + "/keys"}
            yield self.url
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

"""A small OpenID provider on loopback: it answers over HTTP as a real one does, and can be told to err."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

CLIENT_ID, CLIENT_SECRET = "bankseg", "a secret of tests only"
KEY_ID = {"use": "sig", "alg": "ES256"}


class LocalProvider:
    """The provider. `claims` replaces claims of its tokens, `subject` is who signs in there, `fetched` names what was asked of it."""

    def __init__(self) -> None:
        self.subject, self.claims, self.fetched = "sub-alice", dict[str, Any](), list[str]()
        self.keys = KeySet([new_key("k1")])
        self.signing_key = self.keys.keys[0]
        self._codes: dict[str, dict[str, str]] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"

    def rotate(self) -> None:
        """Sign with a new key from now on, and publish it alone."""
        self.signing_key = new_key("k2")
        self.keys = KeySet([self.signing_key])

    def authorize(self, asked: dict[str, str]) -> str:
        """The address a browser is sent back to, with a code for what it asked."""
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """A token for a code, once, for the client that holds the secret and the verifier."""
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if authorization != f"Basic {expected}":
            return 401, {"error": "invalid_client"}
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "unused", "token_type": "Bearer", "expires_in": 60, "id_token": self.token(asked["nonce"])}

    def token(self, nonce: str) -> str:
        """A signed token."""
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": self.subject, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce, "name": "Somebody New"} | self.claims
        return jwt.encode({"alg": "ES256", "kid": self.signing_key.kid}, claims, self.signing_key)

    def document(self, path: str) -> dict[str, Any] | None:
        """What is published."""
        self.fetched.append(path)
        if path == "/jwks":
            return dict(self.keys.as_dict(private=False))
        if path == "/.well-known/openid-configuration":
            places = {
                name: f"{self.issuer}/{place}" for name, place in (("authorization_endpoint", "authorize"), ("token_endpoint", "token"), ("jwks_uri", "jwks"))
            }
            return {"issuer": self.issuer, **places}
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.path == "/authorize":
                    self.send_response(302)
                    self.send_header("Location", provider.authorize(dict(parse_qsl(parts.query))))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                found = provider.document(parts.path)
                self._send(404 if found is None else 200, found or {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                self._send(*provider.exchange(dict(parse_qsl(body)), self.headers.get("Authorization", "")))

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

            def _send(self, status: int, body: dict[str, Any]) -> None:
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

        return Handler


def new_key(key_id: str) -> ECKey:
    """A signing key nobody had before."""
    return ECKey.generate_key("P-256", {"kid": key_id, **KEY_ID}, private=True)


@contextmanager
def serving() -> Iterator[LocalProvider]:
    """A provider that answers until the end."""
    provider = LocalProvider()
    thread = Thread(target=provider.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.server.shutdown()
        provider.server.server_close()
        thread.join()

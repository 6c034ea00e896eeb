"""The OpenID Connect protocol: a provider's description and keys, the way to it, and what its answer vouches for.

Authorization code with PKCE and a nonce, after OpenID Connect Core 1.0 (sections 3.1.2 and 3.1.3.7), Discovery 1.0 and RFC 7636.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bankseg.domain.errors import BanksegError, ServiceUnavailableError
from bankseg.services.openid_terms import OpenidTerms
from bankseg.services.safe_address import is_safe_address

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

TIMEOUT_SECONDS = 5.0
KEPT_SECONDS = 3_600.0  # the description and the keys of a provider; an unknown key id asks for the keys at once
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
LONGEST_SUBJECT = 255  # by the standard
# Signatures by a private key only: by none, or by our own secret, nobody is vouched for.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


class RefusedSignInError(BanksegError):
    """A provider's answer opens no session; `reason` is a code the sign-in page has words for."""

    exit_code = 1
    status = 403

    def __init__(self, reason: str, found: str, expected: str, remedy: str, *, subject: str = "") -> None:
        self.reason, self.subject = reason, subject
        super().__init__(found, expected, remedy)


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider vouches for. `values` are those of the claim that names roles; `name` may be empty."""

    subject: str
    name: str
    values: tuple[str, ...]


class Provider:
    """One provider as this process knows it: its description and its keys are kept for a while.

    `clock` tells seconds that never go back.
    """

    def __init__(self, terms: OpenidTerms, clock: Callable[[], float]) -> None:
        self.terms, self._clock = terms, clock
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}  # Any: JSON

    def way(self, state: str, nonce: str, verifier: str, answer_url: str) -> str:
        """The address to send a browser to.

        Raises
        ------
        ServiceUnavailableError
            When the provider cannot be reached or describes itself wrongly.
        """
        with self._session(answer_url) as session:
            address, _ = session.create_authorization_url(self._described()["authorization_endpoint"], state=state, code_verifier=verifier, nonce=nonce)
        return str(address)

    def vouched(self, code: str, nonce: str, verifier: str, answer_url: str, *, now: int) -> Vouched:
        """Exchange a code for a token and check everything the token says; `now` in epoch seconds.

        Raises
        ------
        RefusedSignInError
            When the provider refuses the code, or its token does not hold.
        ServiceUnavailableError
            When the provider cannot be reached or describes itself wrongly.
        """
        from joserfc.errors import JoseError

        token = self._exchanged(code, verifier, answer_url)
        try:
            claims = self._checked(token, nonce, now)
        except (JoseError, ValueError) as error:
            raise _unverified(f"{type(error).__name__} {error}"[:200]) from error
        subject = claims["sub"]
        if not is_subject(subject):
            raise _unverified(f"the subject {subject[:300]!r}")
        return Vouched(subject, str(claims.get("name") or ""), _values(claims.get(self.terms.roles_claim)))

    def _exchanged(self, code: str, verifier: str, answer_url: str) -> str:
        from authlib.integrations.base_client import OAuthError
        from requests import RequestException

        try:
            with self._session(answer_url) as session:
                answer = session.fetch_token(
                    self._described()["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                    redirect_uri=answer_url,
                    allow_redirects=False,
                )
        except OAuthError as error:
            raise _unverified(f"the code was refused: {str(error.error)[:100]}") from error
        except (RequestException, ValueError) as error:
            raise _silent(error) from error
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _unverified("an answer without an ID token")
        return token

    def _checked(self, token: str, nonce: str, now: int) -> dict[str, Any]:
        """The claims of a token whose signature, issuer, audience, times and nonce hold."""
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError

        try:
            claims = jwt.decode(token, self._keys(), algorithms=ALGORITHMS).claims
        except InvalidKeyIdError:  # the provider has changed its keys since we asked
            claims = jwt.decode(token, self._keys(afresh=True), algorithms=ALGORITHMS).claims
        audience, ours = claims.get("aud"), self.terms.client_id
        is_shared = isinstance(audience, list) and len(audience) > 1
        jwt.JWTClaimsRegistry(
            now=now, leeway=self.terms.skew_seconds, iss={"essential": True, "value": self.terms.issuer}, sub={"essential": True},
            aud={"essential": True, "value": ours}, exp={"essential": True}, iat={"essential": True}, nonce={"essential": True, "value": nonce},
            azp={"essential": is_shared, "value": ours},
        ).validate(claims)  # fmt: skip
        return claims

    def _described(self) -> dict[str, Any]:
        """The provider's description of itself."""
        found = self._fetched(f"{self.terms.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.terms.issuer:
            raise _silent(f"it calls itself {str(found.get('issuer'))[:200]!r}")
        if wrong := [name for name in ENDPOINTS if not is_safe_address(str(found.get(name, "")))]:
            raise _silent(f"no safe address for {', '.join(wrong)}")
        return found

    def _keys(self, *, afresh: bool = False) -> "KeySet":
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        found = self._fetched(self._described()["jwks_uri"], afresh=afresh)
        try:
            return KeySet.import_key_set({"keys": found["keys"]})
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise _silent(error) from error

    def _fetched(self, url: str, *, afresh: bool = False) -> dict[str, Any]:
        """A JSON object of the provider, kept for a while."""
        import requests

        fetched_at, found = self._kept.get(url, (0.0, {}))
        if found and not afresh and self._clock() - fetched_at < KEPT_SECONDS:
            return found
        try:
            answer = requests.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False, headers={"Accept": "application/json"})
            answer.raise_for_status()
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise _silent(error) from error
        if not isinstance(found, dict):
            raise _silent("no JSON object")
        self._kept[url] = (self._clock(), found)
        return found

    def _session(self, answer_url: str) -> Any:  # the library ships no types
        from authlib.integrations.requests_client import OAuth2Session

        methods = self._described().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return OAuth2Session(
            self.terms.client_id, self.terms.client_secret.get_secret_value(), scope=self.terms.scopes, redirect_uri=answer_url,
            token_endpoint_auth_method="client_secret_basic" if "client_secret_basic" in methods else "client_secret_post",
            code_challenge_method="S256", default_timeout=TIMEOUT_SECONDS,
        )  # fmt: skip


def is_subject(text: str) -> bool:
    """Whether a text can be a subject: by the standard not empty, of 255 characters at most; and of none that nobody could read out."""
    return 0 < len(text) <= LONGEST_SUBJECT and text.isprintable()


def _values(claim: object) -> tuple[str, ...]:
    """The values of a claim that is one text or a list of them."""
    if isinstance(claim, str):
        return (claim,)
    return tuple(value for value in claim if isinstance(value, str)) if isinstance(claim, list) else ()


def _unverified(why: str) -> RefusedSignInError:
    return RefusedSignInError(
        "unverified", f"the provider's answer does not hold: {why}", "a token made for this sign-in", "start again; if it lasts, compare the settings"
    )


def _silent(why: object) -> ServiceUnavailableError:
    return ServiceUnavailableError(
        f"the OpenID provider does not answer as it should: {str(why)[:300]}",
        "its description, keys and tokens",
        "sign in with a password, and check BANKSEG_OPENID_ISSUER",
    )

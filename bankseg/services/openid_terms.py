"""On which terms people sign in by an OpenID provider: read from the settings once, and refused when half given."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from pydantic import SecretStr

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.people import Role
from bankseg.services.safe_address import is_safe_address
from bankseg.settings import Settings

PACKAGES = ("authlib", "joserfc", "requests")


@dataclass(frozen=True, slots=True)
class OpenidTerms:
    """A provider and what it is trusted with. `roles` maps values of the claim to roles; without a claim, roles are ours alone."""

    issuer: str
    client_id: str
    client_secret: SecretStr
    scopes: str
    skew_seconds: int
    roles_claim: str
    roles: Mapping[str, Role]
    admits_new_people: bool


def openid_terms(settings: Settings) -> OpenidTerms | None:
    """The terms that the settings give, or None where no provider is set.

    Raises
    ------
    ConfigurationError
        When some of the settings are missing or do not hold, or the packages that speak the protocol are not installed.
    """
    needed = {
        "BANKSEG_OPENID_ISSUER": settings.openid_issuer,
        "BANKSEG_OPENID_CLIENT_ID": settings.openid_client_id,
        "BANKSEG_OPENID_CLIENT_SECRET": settings.openid_client_secret.get_secret_value(),
    }
    if not any((*needed.values(), settings.openid_roles_claim, settings.openid_roles, settings.openid_new_people)):
        return None
    if missing := [name for name, value in needed.items() if not value]:
        raise ConfigurationError(
            f"sign-in by OpenID Connect is half set: {', '.join(missing)} missing",
            "issuer, client id and client secret",
            "set all three, or none of BANKSEG_OPENID_*",
        )
    if absent := [name for name in PACKAGES if find_spec(name) is None]:
        raise ConfigurationError(f"BANKSEG_OPENID_ISSUER is set, but {', '.join(absent)} is not installed", "the extra `oidc`", "pip install 'bankseg[oidc]'")
    if not is_safe_address(settings.openid_issuer):
        raise ConfigurationError(
            f"BANKSEG_OPENID_ISSUER {settings.openid_issuer[:200]!r}", "an https:// address", "copy the issuer that the provider's description names"
        )
    if "openid" not in settings.openid_scopes.split():
        raise ConfigurationError(f"BANKSEG_OPENID_SCOPES {settings.openid_scopes!r}", "scopes with `openid` among them", "add it")
    return OpenidTerms(
        settings.openid_issuer, settings.openid_client_id, settings.openid_client_secret, settings.openid_scopes, settings.openid_skew_seconds,
        settings.openid_roles_claim, _roles(settings), settings.openid_new_people,
    )  # fmt: skip


def _roles(settings: Settings) -> dict[str, Role]:
    """The mapping of claim values to roles; given whole or not at all."""
    if bool(settings.openid_roles_claim) != bool(settings.openid_roles):
        raise ConfigurationError(
            "one of BANKSEG_OPENID_ROLES_CLAIM and BANKSEG_OPENID_ROLES is set without the other", "both or neither", "name the claim and map its values"
        )
    if not settings.openid_roles:
        if settings.openid_new_people:
            raise ConfigurationError(
                "BANKSEG_OPENID_NEW_PEOPLE lets people in who have no role",
                "a claim that gives them one",
                "set BANKSEG_OPENID_ROLES_CLAIM and BANKSEG_OPENID_ROLES",
            )
        return {}
    try:
        return {str(value): Role(role) for value, role in json.loads(settings.openid_roles).items()}
    except (ValueError, AttributeError) as error:
        raise ConfigurationError(
            f"BANKSEG_OPENID_ROLES {settings.openid_roles[:200]!r}",
            f"a JSON object from values of the claim to {', '.join(Role)}",
            """write it like {"bank-risk": "risk_officer"}""",
        ) from error

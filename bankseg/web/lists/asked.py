"""The terms of a list as an address or a form states them."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Protocol

from bankseg.domain.errors import InputError
from bankseg.domain.list_terms import ACTIONS, WHOLE, ListAsked
from bankseg.domain.money import minor_digits
from bankseg.web.arguments import whole_number


class Given(Protocol):
    """The fields of a form or an address."""

    def get(self, key: str, default: str, /) -> str: ...
    def getlist(self, key: str, /) -> list[str]: ...


def asked_terms(given: Given, products: Sequence[str], control_share: int, currency: str) -> ListAsked:
    """The terms, with the policy's control group where the form says nothing and the first product where none is chosen.

    Raises
    ------
    InputError
        When a number is none.
    """
    product, action = given.get("product", ""), given.get("action", "")
    about = given.get("about", "")
    if about:
        kind, _, name = about.partition(":")
        product, action = (name, "") if kind == "product" else ("", name)
    if not product and not action:
        product, action = (products[0], "") if products else ("", ACTIONS[0])
    scheme, _, segment = given.get("segment", "").partition("/")
    share = given.get("control", "").strip()
    return ListAsked(
        product=product, action=action, scheme=scheme, segment=segment, tiers=tuple(filter(None, given.getlist("tier"))),
        least_propensity=float(number_of("least probability", given.get("least", "")) / 100),
        least_margin_minor=0 if action else int(number_of("least margin", given.get("margin", "")).scaleb(minor_digits(currency))),
        size=whole_number("size", given.get("size", "").strip(), 0) or None,
        budget_minor=int(number_of("budget", given.get("budget", "")).scaleb(minor_digits(currency))) or None, channel=given.get("channel", "") or "email",
        control_share=round(float(number_of("control group", share)) * WHOLE / 100) if share else control_share,
    )  # fmt: skip


def number_of(name: str, text: str) -> Decimal:
    """A number somebody typed, 0 when it is empty.

    Raises
    ------
    InputError
        When it is none, or beyond 10^12.
    """
    if not text.strip():
        return Decimal(0)
    try:
        found = Decimal(text.strip().replace(",", "."))
    except InvalidOperation as error:
        raise InputError(f"{name} {text[:20]!r}", "a number such as 20", "leave it empty or correct it") from error
    if not found.is_finite() or abs(found) > Decimal(10) ** 12:
        raise InputError(f"{name} {text[:20]!r}", "a number such as 20", "correct it")
    return found

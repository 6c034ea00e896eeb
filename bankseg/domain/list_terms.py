"""What a marketing list asks for, the stages that take clients off it, and how many are held out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bankseg.domain.errors import InputError

RETAIN = "retain"
ACTIONS = (RETAIN,)
CHANNELS = ("email", "phone", "sms", "post")
TREATED, CONTROL = "treated", "control_group"
# What takes a client off, in the order in which it is asked; a client counts under the first that holds.
OBJECTION = "objection"
STAGES = (
    OBJECTION, "eligibility", "suitability", "below_probability", "below_margin", "consent", "legal_basis", "contact_policy", "risk", "vulnerable", "global_control", "size",
    CONTROL,
)  # fmt: skip
# Stages that would tell what the bank knows of a client's credit or distress; those who may not read it see one word for all three.
TELLING = frozenset({"suitability", "risk", "vulnerable"})
PROTECTED = "not_to_be_offered"
WHOLE = 10_000  # basis points
MOST_CONTROL = 5_000
MOST_CLIENTS = 10_000_000
LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class ListAsked:
    """One list before it is counted: about a product, or about an action on the propensity to leave.

    `control_share` is in basis points of those who could be contacted; money is in minor units; no size and no budget means everybody.
    """

    product: str = ""
    action: str = ""
    scheme: str = ""
    segment: str = ""
    tiers: tuple[str, ...] = ()
    least_propensity: float = 0.0
    least_margin_minor: int = 0
    size: int | None = None
    budget_minor: int | None = None
    channel: str = "email"
    control_share: int = 1_000

    @property
    def subject(self) -> str:
        """The product or the action."""
        return self.product or self.action

    @property
    def document(self) -> dict[str, Any]:
        """The terms as JSON."""
        return {**asdict(self), "tiers": list(self.tiers)}


def read_terms(document: Mapping[str, Any]) -> ListAsked:
    """Terms from their JSON.

    Examples
    --------
    >>> asked = ListAsked(product="savings", tiers=("gold",))
    >>> read_terms(asked.document) == asked
    True
    """
    return ListAsked(**{**document, "tiers": tuple(document.get("tiers", ()))})


def check_terms(asked: ListAsked) -> None:
    """Refuse terms that mean nothing.

    Raises
    ------
    InputError
        Naming the term and what it may be.
    """
    if bool(asked.product) == bool(asked.action) or (asked.action and asked.action not in ACTIONS):
        raise InputError(f"a list about {asked.subject[:40]!r}", "one product, or the action retain", "choose one")
    if asked.channel not in CHANNELS:
        raise InputError(f"channel {asked.channel[:20]!r}", ", ".join(CHANNELS), "choose one of these")
    if not 0 <= asked.least_propensity <= 1:
        raise InputError(f"a least probability of {asked.least_propensity}", "a number between 0 and 1", "give 0.2 for 20 %")
    if asked.least_margin_minor < 0 or (asked.action and asked.least_margin_minor):
        raise InputError(f"a least margin of {asked.least_margin_minor}", "0 or more, for a product only", "leave it empty")
    if not 0 <= asked.control_share <= MOST_CONTROL:
        raise InputError(f"a control group of {asked.control_share / 100:g} %", "0 to 50 %", "10 is usual")
    for what, value in (("size", asked.size), ("budget", asked.budget_minor)):
        if value is not None and value < 1:
            raise InputError(f"a {what} of {value}", "1 or more", f"leave the {what} empty for everybody")
    if asked.size is not None and asked.size > MOST_CLIENTS:
        raise InputError(f"a size of {asked.size}", f"at most {MOST_CLIENTS}", "leave the size empty for everybody")


def held_out(clients: int, share: int) -> int:
    """Clients of the control group among so many who could be contacted, rounded to the nearest.

    Examples
    --------
    >>> held_out(1000, 1000), held_out(4, 1000), held_out(5, 1000)
    (100, 0, 1)
    """
    return (clients * share + WHOLE // 2) // WHOLE


def places(asked: ListAsked, cost_minor: int) -> int:
    """Clients who may be drawn from so that those who are contacted fit the size and the budget; the control group comes on top.

    Examples
    --------
    >>> places(ListAsked(product="savings", size=90), 2), places(ListAsked(product="savings", budget_minor=700, channel="phone", control_share=0), 350)
    (100, 2)
    """
    limits = [asked.size, asked.budget_minor // cost_minor if asked.budget_minor is not None and cost_minor > 0 else None]
    contacts = min((limit for limit in limits if limit is not None), default=None)
    if contacts is None:
        return WHOLE * MOST_CLIENTS
    clients = contacts * WHOLE // (WHOLE - asked.control_share) + 2
    while clients - held_out(clients, asked.control_share) > contacts:
        clients -= 1
    return clients

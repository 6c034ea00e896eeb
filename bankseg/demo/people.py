"""The people of the demo bank: branches, relationship managers and the log-ins of the demonstration."""

from typing import NamedTuple

BRANCHES: tuple[tuple[str, str], ...] = (
    ("AG01", "Valmorine Centre"), ("AG02", "Valmorine Gare"), ("AG03", "Brécourlay"), ("AG04", "Saint-Orvane"),
    ("AG05", "Montfaligne"), ("AG06", "Ker-Ildoué"), ("AG07", "Pontarcelle"), ("AG08", "Roquesèbre"),
)  # fmt: skip
CLIENTS_PER_RM = 500


class DemoPerson(NamedTuple):
    """One log-in of the demonstration; its password is set where accounts are created."""

    login: str
    name: str
    role: str
    rm_id: str | None
    branch: str


# RM001 and RM002 sit in different branches (see branch_of), so that the colleague is a stranger to the portfolio.
DEMO_PEOPLE: tuple[DemoPerson, ...] = (
    DemoPerson("rm.martin", "Camille Martin", "relationship_manager", "RM001", "AG01"),
    DemoPerson("rm.colleague", "Sacha Colleague", "relationship_manager", "RM002", "AG02"),
    DemoPerson("marketing.dupont", "Alix Dupont", "marketer", None, "AG01"),
    DemoPerson("risk.bernard", "Dominique Bernard", "risk_officer", None, "AG01"),
    DemoPerson("branch.renard", "Morgan Renard", "branch_head", None, "AG01"),
    DemoPerson("marketing.robin", "Robin Lemaire", "marketer", None, "AG01"),
    DemoPerson("risk.lopez", "Andrea Lopez", "risk_officer", None, "AG01"),
    DemoPerson("models.leroy", "Claude Leroy", "model_owner", None, "AG01"),
    DemoPerson("audit.roche", "Noa Roche", "auditor", None, "AG01"),
    DemoPerson("admin.petit", "Charlie Petit", "administrator", None, "AG01"),
)


def rm_count(clients: int) -> int:
    """Relationship managers of a bank of this size: 40 at 20,000 clients, never fewer than one a branch."""
    return max(len(BRANCHES), round(clients / CLIENTS_PER_RM))


def rm_id(number: int) -> str:
    """Code of the relationship manager with this number, from 1."""
    return f"RM{number:03d}"


def branch_of(number: int) -> str:
    """Branch code of the relationship manager with this number: they are dealt round the branches."""
    return BRANCHES[(number - 1) % len(BRANCHES)][0]

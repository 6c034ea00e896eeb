"""What each role may open, and which fields of a client it never sees."""

from enum import StrEnum

from bankseg.domain.errors import NotFoundError
from bankseg.domain.people import Role, Scope


class Right(StrEnum):
    """Something a person may open."""

    CLIENTS = "clients"
    CALL_LIST = "call_list"
    LOG_CONTACT = "log_contact"
    MOVEMENTS = "movements"
    CROSS_SELL = "cross_sell"
    LISTS = "lists"
    RISK_QUEUE = "risk_queue"
    SEGMENTS = "segments"
    DESIGN = "design"
    RUNS = "runs"
    RUN_ERRORS = "run_errors"
    START_RUN = "start_run"
    IMPORTS = "imports"
    QUARANTINE = "quarantine"
    LOAD = "load"
    MODELS = "models"
    PROPOSE_MODEL = "propose_model"
    DECIDE_MODEL = "decide_model"
    DECIDE_RISK = "decide_risk"
    PEOPLE = "people"
    AUDIT = "audit"
    POLICY = "policy"
    CHANGE_POLICY = "change_policy"
    ERASE = "erase"
    SUBJECT_ACCESS = "subject_access"
    OBJECTION = "objection"
    PROFILE_FIRM = "profile_firm"
    ADVISERS = "advisers"
    MOVE_CLIENTS = "move_clients"


_DESKS = frozenset({Role.RELATIONSHIP_MANAGER, Role.BRANCH_HEAD, Role.MARKETER, Role.RISK_OFFICER})
_ENGINE_ROOM = frozenset({Role.MODEL_OWNER, Role.ADMINISTRATOR})
_MODEL_RISK = frozenset({Role.MODEL_OWNER, Role.RISK_OFFICER})

ROLES_WITH: dict[Right, frozenset[Role]] = {
    Right.CLIENTS: _DESKS,
    Right.CALL_LIST: frozenset({Role.RELATIONSHIP_MANAGER, Role.BRANCH_HEAD}),
    Right.LOG_CONTACT: frozenset({Role.RELATIONSHIP_MANAGER, Role.BRANCH_HEAD}),
    Right.MOVEMENTS: frozenset({Role.RELATIONSHIP_MANAGER, Role.BRANCH_HEAD, Role.RISK_OFFICER}),  # who sees a balance sees the rows behind it
    Right.CROSS_SELL: _DESKS,
    Right.LISTS: frozenset({Role.MARKETER, Role.BRANCH_HEAD}),  # another one of them releases
    Right.RISK_QUEUE: frozenset({Role.RELATIONSHIP_MANAGER, Role.BRANCH_HEAD, Role.RISK_OFFICER}),
    Right.SEGMENTS: _DESKS,
    Right.DESIGN: frozenset({Role.MARKETER, Role.RISK_OFFICER}),
    Right.RUNS: frozenset(Role),
    Right.RUN_ERRORS: _ENGINE_ROOM,  # an error text may quote a row of the bank's data
    Right.MODELS: frozenset({Role.MODEL_OWNER, Role.RISK_OFFICER, Role.AUDITOR, Role.ADMINISTRATOR}),
    Right.START_RUN: _ENGINE_ROOM,  # started, tried again, stopped
    Right.PROPOSE_MODEL: _MODEL_RISK,
    Right.DECIDE_MODEL: _MODEL_RISK,  # a second person: never the one who proposed, nor the one who started the training
    Right.DECIDE_RISK: frozenset({Role.RISK_OFFICER}),  # a second one signs what restricts a client
    Right.PEOPLE: frozenset({Role.ADMINISTRATOR}),
    Right.AUDIT: frozenset({Role.AUDITOR, Role.ADMINISTRATOR}),
    Right.POLICY: frozenset({Role.MODEL_OWNER, Role.RISK_OFFICER, Role.AUDITOR, Role.ADMINISTRATOR}),
    Right.QUARANTINE: _ENGINE_ROOM,  # refused rows are the bank's data as it came
    Right.CHANGE_POLICY: _MODEL_RISK,  # proposed by one, decided by another
    Right.LOAD: _ENGINE_ROOM,
    Right.ERASE: frozenset({Role.ADMINISTRATOR, Role.RISK_OFFICER}),  # asked by one, approved by another
    Right.SUBJECT_ACCESS: frozenset({Role.BRANCH_HEAD, Role.RISK_OFFICER}),  # the file holds credit, risk and everybody's notes
    Right.OBJECTION: _DESKS,
    Right.PROFILE_FIRM: frozenset({Role.RELATIONSHIP_MANAGER, Role.BRANCH_HEAD}),  # who serves the firm says how it does business
    Right.ADVISERS: frozenset({Role.BRANCH_HEAD, Role.ADMINISTRATOR}),  # who should serve whom: the figures, and the decision of a second person
    Right.MOVE_CLIENTS: frozenset({Role.BRANCH_HEAD}),  # asked for, and taken to the bank's system, by who sees the clients
    Right.IMPORTS: _ENGINE_ROOM | {Role.AUDITOR, Role.MARKETER, Role.RISK_OFFICER},
}

# Marketing works with tiers, segments and propensities; credit, balances and the reasons behind a number stay with those who know the client.
HIDDEN_FIELDS: dict[Role, frozenset[str]] = {
    Role.MARKETER: frozenset({
        "balance_minor", "debt_minor", "expected_loss_minor", "credit_score", "credit_source", "risk_band", "risk_triggers", "is_high_risk", "is_vulnerable",
        "churn_reasons", "best_reasons", "reasons", "tier_reason", "segment_reason",
    }),
}  # fmt: skip


def may(role: Role, right: Right) -> bool:
    """Whether a role has a right.

    Examples
    --------
    >>> may(Role.MARKETER, Right.RISK_QUEUE)
    False
    """
    return role in ROLES_WITH[right]


def require(scope: Scope, right: Right) -> None:
    """Refuse a person without the right, in the words used for a thing that does not exist.

    Raises
    ------
    NotFoundError
        When the role lacks the right: that a page exists is not told either.
    """
    if not may(scope.role, right):
        raise NotFoundError(f"nothing here for the role {scope.role}", f"one of {', '.join(sorted(ROLES_WITH[right]))}")


def sees(role: Role, field: str) -> bool:
    """Whether a role sees a field of the clients in its scope.

    Examples
    --------
    >>> sees(Role.MARKETER, "credit_score"), sees(Role.MARKETER, "tier")
    (False, True)
    """
    return field not in HIDDEN_FIELDS.get(role, frozenset())

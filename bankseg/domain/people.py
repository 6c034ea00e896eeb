"""Staff, their roles, and the scope of clients each may see."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a member of staff does; rights follow from it."""

    RELATIONSHIP_MANAGER = "relationship_manager"
    BRANCH_HEAD = "branch_head"
    MARKETER = "marketer"
    RISK_OFFICER = "risk_officer"
    MODEL_OWNER = "model_owner"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


# Roles that work on the whole book; the others see a portfolio, a branch, or no client at all.
WHOLE_BOOK = frozenset({Role.MARKETER, Role.RISK_OFFICER})
NO_CLIENTS = frozenset({Role.MODEL_OWNER, Role.AUDITOR, Role.ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Scope:
    """Who asks, and which clients they may see: part of every query that reads clients.

    Examples
    --------
    >>> Scope.of_role(Role.RELATIONSHIP_MANAGER, person_id=1, rm_id="RM001", branch_id="B1").may_see("RM002", "B1")
    False
    """

    person_id: int
    role: Role
    rm_id: str | None = None
    branch_id: str | None = None

    @classmethod
    def of_role(cls, role: Role, *, person_id: int, rm_id: str | None, branch_id: str | None) -> "Scope":
        """Scope of a person by role, keeping only the fields that role is limited by."""
        if role is Role.RELATIONSHIP_MANAGER:
            return cls(person_id, role, rm_id=rm_id)
        if role is Role.BRANCH_HEAD:
            return cls(person_id, role, branch_id=branch_id)
        return cls(person_id, role)

    @property
    def sees_whole_book(self) -> bool:
        """True when every client may be seen."""
        return self.role in WHOLE_BOOK

    def may_see(self, rm_id: str | None, branch_id: str | None) -> bool:
        """Whether a client held by this relationship manager and branch is in scope."""
        if self.sees_whole_book:
            return True
        if self.role is Role.RELATIONSHIP_MANAGER:
            return self.rm_id is not None and rm_id == self.rm_id
        if self.role is Role.BRANCH_HEAD:
            return self.branch_id is not None and branch_id == self.branch_id
        return False

"""The predicate that limits every read of clients: for each role, and for strangers of each kind."""

import pytest
from sqlmodel import select

from bankseg.domain.people import Role, Scope
from bankseg.storage.database import reading, transaction
from bankseg.storage.person import Person
from bankseg.storage.published_client import ProductPropensity, PublishedClient, RiskCase, in_scope

# Who holds each client, and in which branch.
HELD = {"C1": ("RM1", "B1"), "C2": ("RM1", "B2"), "C3": ("RM2", "B1"), "C4": (None, "B1"), "C5": ("RM2", None), "C6": (None, None), "C7": ("", "")}
EVERYONE = set(HELD)
TABLES = [PublishedClient, ProductPropensity, RiskCase]
REST = {
    PublishedClient: {"kind": "individual", "tier": "gold", "segment": "protect"},
    ProductPropensity: {"product": "savings", "propensity": 0.1},
    RiskCase: {"severity": 2, "stage": 1, "due_on": "2026-01-05"},
}
CASES = [
    (Role.RELATIONSHIP_MANAGER, "RM1", None, {"C1", "C2"}),
    (Role.RELATIONSHIP_MANAGER, "RM2", None, {"C3", "C5"}),
    (Role.RELATIONSHIP_MANAGER, "RM1", "B1", {"C1", "C2"}),
    (Role.RELATIONSHIP_MANAGER, "RM9", "B1", set()),
    (Role.RELATIONSHIP_MANAGER, "rm1", None, set()),
    (Role.RELATIONSHIP_MANAGER, "RM%", None, set()),
    (Role.RELATIONSHIP_MANAGER, None, None, set()),
    (Role.RELATIONSHIP_MANAGER, None, "B1", set()),
    (Role.BRANCH_HEAD, None, "B1", {"C1", "C3", "C4"}),
    (Role.BRANCH_HEAD, "RM1", "B2", {"C2"}),
    (Role.BRANCH_HEAD, "RM1", None, set()),
    (Role.MARKETER, None, None, EVERYONE),
    (Role.RISK_OFFICER, None, None, EVERYONE),
    (Role.MODEL_OWNER, "RM1", "B1", set()),
    (Role.AUDITOR, "RM1", "B1", set()),
    (Role.ADMINISTRATOR, "RM1", "B1", set()),
]


@pytest.fixture
def book(engine):
    """Seven clients in each of the client tables."""
    with transaction(engine) as session:
        for table in TABLES:
            for client_id, (rm_id, branch_id) in HELD.items():
                session.add(table(run_id=1, client_id=client_id, rm_id=rm_id, branch_id=branch_id, **REST[table]))
    return engine


def test_every_role_has_a_case():
    assert {case[0] for case in CASES} == set(Role)


def test_each_role_sees_its_clients_and_no_others_in_every_table(book):
    with reading(book) as session:
        for role, rm_id, branch_id, expected in CASES:
            for table in TABLES:
                for scope in (Scope(7, role, rm_id, branch_id), Scope.of_role(role, person_id=7, rm_id=rm_id, branch_id=branch_id)):
                    seen = set(session.exec(select(table.client_id).where(in_scope(scope, table))).all())

                    assert seen == expected, (role, rm_id, branch_id, table.__tablename__)


def test_the_predicate_and_the_scopes_own_answer_agree(book):
    with reading(book) as session:
        for role, rm_id, branch_id, _ in CASES:
            scope = Scope.of_role(role, person_id=7, rm_id=rm_id, branch_id=branch_id)
            seen = set(session.exec(select(PublishedClient.client_id).where(in_scope(scope))).all())

            assert seen == {client_id for client_id, held in HELD.items() if scope.may_see(*held)}


def test_a_person_without_a_row_has_no_scope():
    with pytest.raises(ValueError, match="no scope"):
        _ = Person(login="x", display_name="x", role=Role.MARKETER, password_hash="").scope

"""Who may see whom."""

import pytest

from bankseg.domain.people import NO_CLIENTS, WHOLE_BOOK, Role, Scope
from bankseg.domain.rights import HIDDEN_FIELDS, Right, may, sees


def scope(role, rm_id="RM1", branch_id="B1"):
    return Scope.of_role(role, person_id=1, rm_id=rm_id, branch_id=branch_id)


@pytest.mark.parametrize(
    ("role", "rm_id", "branch_id", "expected"),
    [
        (Role.RELATIONSHIP_MANAGER, "RM1", "B2", True),
        (Role.RELATIONSHIP_MANAGER, "RM2", "B1", False),
        (Role.RELATIONSHIP_MANAGER, None, "B1", False),
        (Role.BRANCH_HEAD, "RM2", "B1", True),
        (Role.BRANCH_HEAD, "RM1", "B2", False),
        (Role.BRANCH_HEAD, "RM1", None, False),
        (Role.MARKETER, None, None, True),
        (Role.RISK_OFFICER, "RM2", "B2", True),
        (Role.MODEL_OWNER, "RM1", "B1", False),
        (Role.AUDITOR, "RM1", "B1", False),
        (Role.ADMINISTRATOR, "RM1", "B1", False),
    ],
)
def test_who_may_see_a_client(role, rm_id, branch_id, expected):
    assert scope(role).may_see(rm_id, branch_id) is expected


@pytest.mark.parametrize("role", [Role.RELATIONSHIP_MANAGER, Role.BRANCH_HEAD])
def test_a_person_without_a_portfolio_sees_no_client_not_those_without_a_manager(role):
    assert not scope(role, rm_id=None, branch_id=None).may_see(None, None)


def test_a_scope_keeps_only_what_its_role_is_limited_by():
    assert scope(Role.RELATIONSHIP_MANAGER) == Scope(1, Role.RELATIONSHIP_MANAGER, rm_id="RM1")
    assert scope(Role.BRANCH_HEAD) == Scope(1, Role.BRANCH_HEAD, branch_id="B1")
    assert scope(Role.MARKETER) == Scope(1, Role.MARKETER)


def test_every_role_sees_the_book_a_part_of_it_or_nothing():
    limited = {Role.RELATIONSHIP_MANAGER, Role.BRANCH_HEAD}

    assert WHOLE_BOOK | NO_CLIENTS | limited == set(Role)
    assert not WHOLE_BOOK & NO_CLIENTS
    assert not limited & (WHOLE_BOOK | NO_CLIENTS)


@pytest.mark.parametrize("role", sorted(NO_CLIENTS))
def test_roles_without_clients_open_no_page_that_lists_them(role):
    assert not any(may(role, right) for right in (Right.CLIENTS, Right.CALL_LIST, Right.CROSS_SELL, Right.RISK_QUEUE))


def test_marketing_never_sees_credit_or_risk():
    assert not any(sees(Role.MARKETER, field) for field in ("credit_score", "risk_band", "risk_triggers", "is_high_risk", "is_vulnerable", "balance_minor"))
    assert set(HIDDEN_FIELDS) == {Role.MARKETER}

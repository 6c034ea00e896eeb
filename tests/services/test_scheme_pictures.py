"""Pictures of two published runs: what they count agrees with the roll, and what a run froze stays frozen in the next."""

import shutil
from datetime import timedelta

import pytest

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.services.scheme_pictures.apart import apart_page
from bankseg.services.scheme_pictures.axes import axes
from bankseg.services.scheme_pictures.client_list import list_page
from bankseg.services.scheme_pictures.concentration import concentration_page
from bankseg.services.scheme_pictures.contribution import contribution_page
from bankseg.services.scheme_pictures.groups import groups_page
from bankseg.services.scheme_pictures.matrix import OTHERS, grid_of, matrix_page, merge
from bankseg.services.scheme_pictures.rfm_grid import client_rfm, rfm_page
from bankseg.services.scheme_pictures.sight import look
from bankseg.services.scheme_pictures.standing import standing_page
from bankseg.services.scheme_pictures.two_segments import two_segments_page
from bankseg.services.scheme_pictures.whole_base import whole_base_page
from bankseg.services.segment_schemes import plain
from bankseg.storage.database import reading
from tests.services.conftest import AS_OF, CLIENTS, published_bank
from tests.small_lake import SmallLake

RISK = Scope.of_role(Role.RISK_OFFICER, person_id=1, rm_id=None, branch_id=None)
RM1 = Scope.of_role(Role.RELATIONSHIP_MANAGER, person_id=2, rm_id="RM1", branch_id=None)
AUDITOR = Scope.of_role(Role.AUDITOR, person_id=3, rm_id=None, branch_id=None)


@pytest.fixture(scope="module")
def bank(lake, tmp_path_factory):
    """The small bank, whose clients move money the more often the higher their number; the first never do."""
    root = tmp_path_factory.mktemp("moving") / "lake"
    shutil.copytree(lake, root)
    days = [(number, AS_OF - timedelta(days=(23 - number) * 9 + 5 * step)) for number in range(4, CLIENTS) for step in range(number % 7 + 1)]
    SmallLake(root).add(
        "transactions",
        *(
            {
                "transaction_id": f"T{place}",
                "account_id": f"AC{number:02d}",
                "client_id": f"C{number:02d}",
                "booked_on": day,
                "amount_minor": 1_000 * number,
                "type": "transfer_in",
            }
            for place, (number, day) in enumerate(days)
        ),
    )
    with published_bank(tmp_path_factory.mktemp("pictures"), root, AS_OF.replace(month=11, day=30), AS_OF) as made:
        yield made


@pytest.fixture
def session(bank):
    with reading(bank.engine) as session:
        yield session


def clients_of(bank, session, scope, *inside):
    return list_page(bank.settings, session, scope, list(inside)).clients


def test_a_role_without_segments_sees_no_picture(bank, session):
    with pytest.raises(NotFoundError):
        look(bank.settings, session, AUDITOR)


def test_cut_points_come_from_the_first_run_and_drift_is_told_against_it(bank, session):
    page = rfm_page(bank.settings, session, RISK)

    assert page.reference.as_of == AS_OF.replace(month=11, day=30)
    assert {cuts.measure for cuts in page.cuts} == {"frequency", "monetary"}
    assert all(cuts.moved is not None and cuts.moved.psi >= 0 for cuts in page.cuts)
    assert page.grid.total["clients"] == CLIENTS


def test_the_amount_may_be_told_by_balances_whose_cuts_are_frozen_too(bank, session):
    page = rfm_page(bank.settings, session, RISK, "balance")

    assert [cuts.measure for cuts in page.cuts] == ["frequency", "balance"]
    assert page.cuts[1].least["individual"]
    scored = [cell for (row, _), cell in page.grid.cells.items() if row]
    assert sum(cell["clients"] for cell in scored) + page.unscored == CLIENTS


def test_every_cell_of_the_rfm_grid_lists_its_clients(bank, session):
    page = rfm_page(bank.settings, session, RM1)

    for (row, column), cell in page.grid.cells.items():
        assert clients_of(bank, session, RM1, f"recency_score/{row or ''}", f"fm/{column or ''}") == cell["clients"]


def test_one_client_s_scores_are_those_of_the_grid_it_is_in(bank, session):
    still, found = client_rfm(bank.settings, session, RISK, "C01"), client_rfm(bank.settings, session, RISK, "C23")

    assert still.no_activity
    assert not found.no_activity
    assert still.measures["monetary_score"] == still.measures["balance_score"]  # who never moved money is told by the balance
    row, column = str(found.measures["recency_score"]), str(int(found.mean_turnover))
    listed = list_page(bank.settings, session, RISK, [f"recency_score/{row}", f"fm/{column}", f"scheme:rfm/{found.segment}"])
    assert "C23" in {client["client_id"] for client in listed.rows}
    with pytest.raises(NotFoundError):
        client_rfm(bank.settings, session, RM1, "nobody")


def test_classes_at_half_and_four_fifths_are_those_every_rule_reads(bank, session):
    crossed = matrix_page(bank.settings, session, RISK, "pmg", "class:50:80").grid

    assert all(row == column for row, column in crossed.cells)
    told = concentration_page(bank.settings, session, RISK)
    for kind in told.kinds:
        for band in kind.bands:
            assert clients_of(bank, session, RISK, f"kind/{kind.kind}", f"class:50:80/{band.code}") == band.clients


def test_cut_offs_the_wrong_way_round_are_refused(bank, session):
    with pytest.raises(InputError, match="80 and 50"):
        concentration_page(bank.settings, session, RISK, 80, 50)


def test_the_tiers_lines_add_up_to_the_value_of_the_book(bank, session):
    page = contribution_page(bank.settings, session, RISK)

    assert sum(page.total.lines.values()) == page.total.value_12m_minor
    assert page.total.clients == CLIENTS
    assert sum(cell["clients"] for cell in page.tenths) == page.total.valued
    assert all(clients_of(bank, session, RISK, f"tier/{one.tier}") == one.clients for one in page.tiers)


def test_every_scheme_adds_up_for_every_reader(bank, session):
    for scope in (RISK, RM1):
        page = whole_base_page(bank.settings, session, scope)
        assert {strip.clients for strip in page.strips} == {page.clients}
        assert all(web.in_none + web.in_one + web.in_several == page.clients for web in page.webs)
    assert page.clients == CLIENTS // 3


def test_every_axis_one_may_choose_parts_the_whole_book(bank, session):
    sight = look(bank.settings, session, RISK)
    kind = next(one for one in axes(sight) if one.code == "kind")

    for one in axes(sight):
        grid = grid_of(sight, one, kind)
        assert grid.total["clients"] == CLIENTS == sum(total["clients"] for total in grid.row_totals.values()), one.code


def test_the_strategic_segments_have_the_names_the_policy_gave_them(bank, session):
    rows = matrix_page(bank.settings, session, RISK, "segment", "kind").rows

    assert rows.labels["maintain"] == ("Maintain", "Entretenir")
    assert rows.place.order[0] == "prospect"


def test_codes_beyond_the_largest_are_told_together_and_still_add_up(bank, session, monkeypatch):
    monkeypatch.setattr("bankseg.services.scheme_pictures.matrix.MOST_ROWS", 2)

    grid = matrix_page(bank.settings, session, RISK, "scheme:rfm", "kind").grid

    assert grid.rows[-1] == OTHERS
    assert sum(total["clients"] for total in grid.row_totals.values()) == CLIENTS


def test_merged_cells_weigh_the_mean_by_who_is_scored_and_keep_no_data():
    scored = {"clients": 3, "value_12m_minor": 10, "valued": 1, "mean_churn": 0.1, "scored": 3}
    other = {"clients": 2, "value_12m_minor": None, "valued": 0, "mean_churn": 0.6, "scored": 1}
    unknown = {"clients": 1, "value_12m_minor": None, "valued": 0, "mean_churn": None, "scored": 0}

    together = merge([scored, other, unknown])

    assert (together["clients"], together["value_12m_minor"]) == (6, 10)
    assert together["mean_churn"] == pytest.approx(0.225)
    assert merge([unknown])["value_12m_minor"] is None


def test_two_segments_add_up_to_the_book_and_name_who_is_in_each(bank, session):
    page = two_segments_page(bank.settings, session, RISK, "kinds/individual", "value_tiers/bronze", value_name=plain)
    parts = page.overlap

    assert parts.both + parts.only_one + parts.only_other + parts.neither == CLIENTS
    assert clients_of(bank, session, RISK, f"{page.one.code}/inside", f"{page.other.code}/inside") == parts.both
    assert clients_of(bank, session, RISK, f"{page.one.code}/inside", f"{page.other.code}/outside") == parts.only_one


def test_a_figure_is_told_of_every_group_with_its_interval(bank, session):
    page = groups_page(bank.settings, session, RISK, "value", "kind")

    assert [group.name for group in page.groups] == ["individual"]
    group = page.groups[0]
    assert group.figure.low <= group.figure.value <= group.figure.high
    assert group.n == CLIENTS == clients_of(bank, session, RISK, "status/active", "kind/individual")
    assert group.p_value is None  # nobody else to compare with
    with pytest.raises(NotFoundError):
        groups_page(bank.settings, session, RISK, "holds:yacht", "kind")


def test_portraits_count_the_active_clients_of_each_segment(bank, session):
    page = apart_page(bank.settings, session, RISK, "value_tiers", value_name=plain)

    for portrait in page.portraits:
        assert portrait.clients == clients_of(bank, session, RISK, "status/active", f"scheme:value_tiers/{portrait.code}")
    assert not page.is_sample
    assert "tier" not in {trait.attribute for portrait in page.portraits for trait in portrait.traits}


def test_a_large_book_is_told_from_a_sample(bank, session, monkeypatch):
    monkeypatch.setattr("bankseg.services.scheme_pictures.apart.SAMPLE_CLIENTS", 6)

    page = apart_page(bank.settings, session, RISK, "value_tiers", value_name=plain)

    assert page.is_sample
    assert 0 < page.clients < CLIENTS


def test_where_a_client_stands_agrees_with_the_lists_of_its_segments(bank, session):
    page = standing_page(bank.settings, session, RISK, "C01", language="en", value_name=plain)

    for entry, codes in page.segments:
        for code in codes:
            listed = list_page(bank.settings, session, RISK, [f"member:{entry.scheme.code}:{code}/inside"])
            assert "C01" in {client["client_id"] for client in listed.rows}, (entry.scheme.code, code)
    assert page.grade is not None
    assert page.loyalty_index is None or 0 <= page.loyalty_index <= 100

"""Schemes of a published run: listed, counted, previewed, saved in versions, and explained for one client."""

import json

import pytest
from sqlmodel import select

from bankseg.domain.errors import ConfigurationError, InputError, MissingDataError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.services import scheme_validity, segment_history, segments_desk
from bankseg.services.rolls import open_for
from bankseg.services.segment_designer import preview_rule, segment_clients, unreachable, why_in_segment
from bankseg.services.segment_schemes import attributes_for, counted, find_scheme, list_schemes, ready_made, save_scheme, scheme_for
from bankseg.storage import audit
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import reading, transaction
from tests.services.conftest import AS_OF, CLIENTS, published_bank

RM1 = Scope.of_role(Role.RELATIONSHIP_MANAGER, person_id=1, rm_id="RM1", branch_id=None)
MARKETER = Scope.of_role(Role.MARKETER, person_id=2, rm_id=None, branch_id=None)
RICH = {"attribute": "balance_minor", "in_top_share": 0.25}
DOCUMENT = {
    "code": "rich", "label_en": "Rich", "label_fr": "Aisés", "purpose": "describe",
    "segment": [{"code": "rich", "label_en": "Rich", "label_fr": "Aisés", "when": RICH}, {"code": "rest", "label_en": "Others", "label_fr": "Autres"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def bank(lake, tmp_path_factory):
    with published_bank(tmp_path_factory.mktemp("schemes"), lake, AS_OF) as made:
        yield made


@pytest.fixture(scope="module")
def two_dates(lake, tmp_path_factory):
    with published_bank(tmp_path_factory.mktemp("moves"), lake, AS_OF.replace(month=11, day=30), AS_OF) as made:
        yield made


@pytest.fixture
def session(bank):
    with reading(bank.engine) as session:
        yield session


def test_every_ready_made_scheme_is_listed_and_places_the_whole_book(bank, session):
    listed = {entry.scheme.code: entry for entry in list_schemes(session)}

    assert set(ready_made()) <= set(listed)
    for code in ready_made():
        found = counted(bank.settings, session, None, listed[code])
        if found.entry.scheme.is_exclusive:
            assert sum(row["clients"] for row in found.segments) == found.clients == CLIENTS
        assert all(row["rule"] for row in found.segments)


def test_a_list_holds_as_many_clients_as_its_count_and_only_those_in_scope(bank, session):
    found = counted(bank.settings, session, RM1, find_scheme(session, "kinds"))

    for row in found.segments:
        _, clients = segment_clients(bank.settings, session, RM1, "kinds", row["code"])
        assert clients.num_rows == row["clients"]
        assert set(clients.column("rm_id").to_pylist()) <= {"RM1"}
    assert found.clients == CLIENTS // 3


def test_a_role_without_clients_reads_no_roll(bank, session):
    owner = Scope.of_role(Role.MODEL_OWNER, person_id=3, rm_id=None, branch_id=None)

    with pytest.raises(NotFoundError):
        open_for(bank.settings, session, owner)
    with pytest.raises(MissingDataError, match="2020-01-01"):
        open_for(bank.settings, session, None, as_of=AS_OF.replace(year=2020, month=1, day=1))


def test_a_scheme_is_saved_once_per_meaning_with_its_cuts_frozen_and_recorded(bank):
    with transaction(bank.engine) as session:
        first = save_scheme(bank.settings, session, None, DOCUMENT, note="first", person_id=None)
        again = save_scheme(bank.settings, session, None, json.dumps(DOCUMENT))
        other = save_scheme(bank.settings, session, None, {**DOCUMENT, "owner": "marketing"})
        assert (first.version, again.version, other.version) == (1, 1, 2)
        assert first.cuts == [{"attribute": "balance_minor", "share": 0.25, "is_top": True, "within": None, "cuts": [[None, 18000.0]]}]

    with reading(bank.engine) as session:
        entry = find_scheme(session, "rich")
        assert (entry.version, find_scheme(session, "rich", 1).scheme.owner) == (2, "")
        assert [row["clients"] for row in counted(bank.settings, session, None, entry).segments] == [6, CLIENTS - 6]
        assert [entry.action for entry in session.exec(select(AuditEntry)) if entry.action == "scheme_saved"] == ["scheme_saved"] * 2
        assert audit.first_broken(session) is None
        with pytest.raises(NotFoundError):
            find_scheme(session, "rich", 9)


def test_a_rule_that_reads_what_it_may_not_is_refused_by_segment(bank):
    with reading(bank.engine) as session:
        roll = open_for(bank.settings, session, MARKETER)

    assert "risk_band" not in attributes_for(bank.settings, roll, MARKETER)
    with pytest.raises(InputError, match="segment rich"), transaction(bank.engine) as writing:
        save_scheme(
            bank.settings,
            writing,
            MARKETER,
            {**DOCUMENT, "segment": [{**DOCUMENT["segment"][0], "when": {"attribute": "risk_band", "equals": "high"}}, DOCUMENT["segment"][1]]},
        )
    with pytest.raises(ConfigurationError):
        preview_rule(bank.settings, session, None, {"attribute": "tier"})


def test_a_preview_counts_describes_and_compares(bank, session):
    found = preview_rule(bank.settings, session, None, {"attribute": "rm_id", "equals": "RM1"}, against=("kinds", "individual"))

    assert (found.profile["clients"], found.profile["of"]) == (CLIENTS // 3, CLIENTS)
    assert found.movement["leaving"]["clients"] == CLIENTS - CLIENTS // 3
    assert found.movement["entering"]["clients"] == 0
    assert len(found.sample) == CLIENTS // 3


def test_a_marketer_sees_no_sum_of_what_they_may_not_see(bank, session):
    found = preview_rule(bank.settings, session, MARKETER, {"attribute": "status", "equals": "active"})

    assert (found.profile["risk"], found.profile["balance_minor"], found.profile["expected_loss_minor"]) == ({}, None, None)


def test_why_a_client_is_in_a_segment_names_each_comparison_with_its_value(bank, session):
    told = why_in_segment(bank.settings, session, RM1, find_scheme(session, "lifecycle"), "C01")

    holding = [row["code"] for row in told if row["holds"]]
    found = counted(bank.settings, session, None, find_scheme(session, "lifecycle"))
    _, clients = segment_clients(bank.settings, session, RM1, "lifecycle", holding[0])
    assert "C01" in clients.column("client_id").to_pylist()
    assert told[0]["tests"][0]["value"] == "active"
    assert {row["state"] for row in unreachable(found.entry.scheme, found.segments)} <= {"empty", "shadowed"}
    with pytest.raises(NotFoundError):
        why_in_segment(bank.settings, session, RM1, find_scheme(session, "lifecycle"), "C00")


def test_a_scheme_that_reads_what_a_role_may_not_is_hidden_from_it_whole(bank, session):
    assert scheme_for(bank.settings, session, RM1, "strategic_grid").scheme.code == "strategic_grid"
    for read in (
        lambda: scheme_for(bank.settings, session, MARKETER, "strategic_grid"),
        lambda: segment_clients(bank.settings, session, MARKETER, "strategic_grid", "risk"),
        lambda: segments_desk.scheme_page(bank.settings, session, MARKETER, "payer", as_of=None, language="en"),
        lambda: segments_desk.members_page(bank.settings, session, MARKETER, "payer", "e"),
    ):
        with pytest.raises(NotFoundError):
            read()
    shown = {entry.scheme.code for entry in segments_desk.schemes_page(bank.settings, session, MARKETER).entries}
    assert "lifecycle" in shown
    assert not shown & {"strategic_grid", "payer"}


def test_a_draft_is_previewed_against_the_saved_version(bank):
    with transaction(bank.engine) as session:
        save_scheme(bank.settings, session, None, {**DOCUMENT, "code": "drafted"})
    wider = json.dumps(
        {**DOCUMENT, "code": "drafted", "segment": [{**DOCUMENT["segment"][0], "when": {"attribute": "rm_id", "in": ["RM1", "RM2"]}}, DOCUMENT["segment"][1]]}
    )
    with reading(bank.engine) as session:
        found = segments_desk.preview_scheme(bank.settings, session, MARKETER, wider, language="fr")

    assert [row["clients"] for row in found.sizes.segments] == [16, 8]
    entering, leaving = found.changes["rich"]["entering"]["clients"], found.changes["rich"]["leaving"]["clients"]
    assert 6 + entering - leaving == 16
    assert found.changes["rest"]["entering"]["clients"] == leaving


def test_an_export_holds_the_counted_clients_and_is_recorded(bank, tmp_path):
    done = segments_desk.export_members(bank.settings, bank.engine, RM1, "kinds", "individual", tmp_path / "list.csv")

    assert done.rows == len((tmp_path / "list.csv").read_text(encoding="utf-8").splitlines()) - 1 == CLIENTS // 3
    with reading(bank.engine) as session:
        assert [entry.subject for entry in session.exec(select(AuditEntry)) if entry.action == "export"] == ["segment:kinds/individual"]


def test_moves_between_two_dates_open_and_close_exactly(two_dates):
    with reading(two_dates.engine) as session:
        for what in ("tier", "segment", "kinds", "lifecycle"):
            found = segment_history.migration(two_dates.settings, session, None, what)

            assert (found.opening.run.as_of, found.closing.run.as_of) == ("2025-11-30", "2025-12-31")
            assert sum(row["clients"] for row in found.matrix) == CLIENTS
            assert all(sum(row.values()) == pytest.approx(1) for row in found.shares.values())
            for one in found.books:
                assert one.opening + one.entered + one.arrived - one.departed - one.left + one.revalued == one.closing
        mine = segment_history.migration(two_dates.settings, session, RM1, "tier")
        assert sum(row["clients"] for row in mine.matrix) == CLIENTS // 3
        with pytest.raises(InputError, match="overlaps"):
            segment_history.migration(two_dates.settings, session, None, "moments")
        with pytest.raises(NotFoundError):
            segment_history.migration(two_dates.settings, session, MARKETER, "payer")


def test_a_bank_with_one_date_is_told_that_nobody_can_have_moved(bank, session):
    with pytest.raises(MissingDataError, match="1 date"):
        segment_history.migration(bank.settings, session, None, "tier")


def test_every_segment_is_tried_by_six_criteria_and_the_date_before_tells_its_stability(two_dates, bank, session):
    with reading(two_dates.engine) as later:
        tried = scheme_validity.validity(two_dates.settings, later, None, "kinds")
    alone = scheme_validity.validity(bank.settings, session, None, "kinds")

    individual = next(card for card in tried.cards if card.segment == "individual")
    assert [one.code for one in individual.criteria] == ["response", "size", "measurable", "accessible", "stable", "actionable"]
    assert individual.criterion("stable").value == 1.0
    assert individual.criterion("size").verdict == "red"  # two dozen clients
    assert all(card.criterion("stable").verdict == "no data" for card in alone.cards)

"""The life of schemes: red blocks publishing, two persons may override, memberships are kept by their hash, and moves go to the outbox once."""

import shutil

import pyarrow.parquet as pq
import pytest
from sqlmodel import select

from bankseg.domain.errors import ArtefactError, InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.services import scheme_life, segment_memberships
from bankseg.services.runs import start_run
from bankseg.services.scheme_validity import validity
from bankseg.services.segment_history import migration
from bankseg.services.segment_memberships import keep, membership_path, refresh, roster_as_of, write_events
from bankseg.services.segment_schemes import find_scheme, list_schemes, save_scheme
from bankseg.storage import audit, segment_event, segment_membership, segment_override
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import reading, transaction
from bankseg.storage.segment_event import SegmentEvent
from tests.services.conftest import AS_OF, CLIENTS, drive, made_bank

BEFORE = AS_OF.replace(month=11, day=30)
RM1 = Scope.of_role(Role.RELATIONSHIP_MANAGER, person_id=1, rm_id="RM1", branch_id=None)
MARKETER = Scope.of_role(Role.MARKETER, person_id=2, rm_id=None, branch_id=None)
OFFICER = Scope.of_role(Role.RISK_OFFICER, person_id=4, rm_id=None, branch_id=None)
OWNER = Scope.of_role(Role.MODEL_OWNER, person_id=3, rm_id=None, branch_id=None)
WHY = "the spring campaign needs it"
POLICY = "[validity]\ncampaign_fixed_cost_minor = 0\n"
# Halves of the book by manager; half of each changes sides between the dates, because one of the sides reads a date of the roll.
DOCUMENT = {
    "code": "sides", "label_en": "Sides", "label_fr": "Côtés", "purpose": "describe", "owner": "marketing",
    "segment": [
        {"code": "left", "label_en": "Left", "label_fr": "Gauche", "action": "grow", "when": {"all": [{"attribute": "rm_id", "equals": "RM1"}, {"attribute": "tenure_days", "at_least": 2190}]}},
        {"code": "right", "label_en": "Right", "label_fr": "Droite"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def seeds(lake, tmp_path_factory):
    """Homes in which one date is published already, by the date."""
    homes = {}
    with pytest.MonkeyPatch.context() as patch:
        for room in ("jobs", "runs"):
            patch.setattr(f"bankseg.services.{room}.ring", lambda _settings, _ids: True)
        for day in (BEFORE, AS_OF):
            homes[day] = tmp_path_factory.mktemp("seed") / "home"
            made = made_bank(homes[day], lake)
            published(made, day)
            made.engine.dispose()
    return homes


@pytest.fixture(params=[AS_OF], ids=str)
def bank(request, seeds, lake, tmp_path, bell):
    """A bank with one date published, on a copy."""
    shutil.copytree(seeds[request.param], tmp_path / "home")
    made = made_bank(tmp_path / "home", lake)
    yield made
    made.engine.dispose()


from_november = pytest.mark.parametrize("bank", [BEFORE], indirect=True, ids=str)


def published(bank, *days):
    for day in days:
        start_run(bank, day)
        drive(bank)


def saved(bank):
    with transaction(bank.engine) as session:
        return save_scheme(bank.settings, session, None, DOCUMENT).version


def overridden(bank):
    """The scheme published against its red lines, by two persons."""
    saved(bank)
    scheme_life.ask_override(bank.settings, bank.engine, MARKETER, "sides", WHY)
    return scheme_life.decide_override(bank.settings, bank.engine, OFFICER, "sides", "small bank, accepted", is_granted=True)


def actions(bank):
    with reading(bank.engine) as session:
        assert audit.first_broken(session) is None
        return [(entry.action, entry.person_id) for entry in session.exec(select(AuditEntry)) if entry.action.startswith(("scheme_", "override_"))]


def test_a_red_line_blocks_publishing_and_names_what_is_red(bank):
    saved(bank)

    with pytest.raises(InputError, match="left: size"):
        scheme_life.publish(bank.settings, bank.engine, MARKETER, "sides")

    with reading(bank.engine) as session:
        assert find_scheme(session, "sides").state == "saved"
        assert {segment for segment, _ in validity(bank.settings, session, None, "sides").blocking} == {"left"}  # the default is nobody's choice


def test_an_override_takes_two_persons_with_reasons_and_is_audited(bank):
    saved(bank)
    with pytest.raises(InputError, match="10 or more"):
        scheme_life.ask_override(bank.settings, bank.engine, MARKETER, "sides", "because")
    scheme_life.ask_override(bank.settings, bank.engine, MARKETER, "sides", WHY)
    with pytest.raises(InputError, match="waits"):
        scheme_life.ask_override(bank.settings, bank.engine, OFFICER, "sides", WHY)
    with pytest.raises(InputError, match="yourself"):
        scheme_life.decide_override(bank.settings, bank.engine, MARKETER, "sides", "fine by me, really", is_granted=True)

    scheme_life.decide_override(bank.settings, bank.engine, OFFICER, "sides", "small bank, accepted", is_granted=True)

    with reading(bank.engine) as session:
        entry = find_scheme(session, "sides")
        asked = segment_override.requests(session, "sides")[0]
        assert (entry.state, entry.version, asked.state, asked.asked_by, asked.decided_by) == ("live", 1, "granted", 2, 4)
        assert any(one["verdict"] == "red" for card in asked.scorecard for one in card["criteria"])
    with pytest.raises(NotFoundError):
        scheme_life.decide_override(bank.settings, bank.engine, OFFICER, "sides", "nothing is waiting", is_granted=True)
    assert actions(bank) == [("scheme_saved", None), ("override_asked", 2), ("override_granted", 4), ("scheme_published", 4)]


def test_a_refused_override_publishes_nothing(bank):
    saved(bank)
    scheme_life.ask_override(bank.settings, bank.engine, MARKETER, "sides", WHY)

    scheme_life.decide_override(bank.settings, bank.engine, OFFICER, "sides", "too few clients to matter", is_granted=False)

    with reading(bank.engine) as session:
        assert find_scheme(session, "sides").state == "saved"
        assert segment_override.waiting_for(session, "sides") is None


def test_what_has_no_red_line_is_published_at_once_and_the_version_before_is_retired(bank, monkeypatch):
    saved(bank)
    monkeypatch.setattr(scheme_life.Trial, "blocking", property(lambda _self: []))
    with pytest.raises(InputError, match="no red line"):
        scheme_life.ask_override(bank.settings, bank.engine, MARKETER, "sides", WHY)

    assert scheme_life.publish(bank.settings, bank.engine, MARKETER, "sides").version == 1
    with pytest.raises(InputError, match="published already"):
        scheme_life.publish(bank.settings, bank.engine, MARKETER, "sides")
    with transaction(bank.engine) as session:
        save_scheme(bank.settings, session, None, {**DOCUMENT, "objective": "clearer"})
    with reading(bank.engine) as session:
        assert find_scheme(session, "sides").version == 1  # the published version is the one in use
    assert scheme_life.publish(bank.settings, bank.engine, OFFICER, "sides").version == 2

    with reading(bank.engine) as session:
        assert (find_scheme(session, "sides").version, find_scheme(session, "sides", 1).state) == (2, "retired")
    scheme_life.retire(bank.settings, bank.engine, OFFICER, "sides", "replaced by the lifecycle")
    with reading(bank.engine) as session:
        assert find_scheme(session, "sides").state == "retired"
    with pytest.raises(InputError, match="not published"):
        scheme_life.retire(bank.settings, bank.engine, OFFICER, "sides", "replaced by the lifecycle")


def test_a_ready_made_scheme_becomes_the_banks_own_when_published_and_comes_back_when_retired(bank, monkeypatch):
    monkeypatch.setattr(scheme_life.Trial, "blocking", property(lambda _self: []))

    scheme_life.publish(bank.settings, bank.engine, MARKETER, "kinds")
    with reading(bank.engine) as session:
        assert (find_scheme(session, "kinds").version, find_scheme(session, "kinds").state) == (1, "live")
    scheme_life.retire(bank.settings, bank.engine, MARKETER, "kinds", "back to the ready-made one")
    with reading(bank.engine) as session:
        assert (find_scheme(session, "kinds").version, find_scheme(session, "kinds").state) == (0, "ready-made")


def test_roles_without_the_right_find_nothing(bank):
    saved(bank)
    for act in (
        lambda: scheme_life.publish(bank.settings, bank.engine, RM1, "sides"),
        lambda: scheme_life.ask_override(bank.settings, bank.engine, OWNER, "sides", WHY),
        lambda: scheme_life.retire(bank.settings, bank.engine, RM1, "sides", WHY),
        lambda: scheme_life.set_cadence(bank.settings, bank.engine, RM1, "sides", "weekly"),
        lambda: scheme_life.publish(bank.settings, bank.engine, MARKETER, "payer"),  # reads what a marketer may not
    ):
        with pytest.raises(NotFoundError):
            act()


def test_a_published_run_keeps_every_membership_once_by_its_hash(bank):
    with reading(bank.engine) as session:
        entries = list_schemes(session)
        for entry in entries:
            row = segment_membership.of_run(session, entry.scheme.code, entry.version, 1)
            assert row.clients == (CLIENTS if entry.scheme.is_exclusive else row.clients)
            kept = roster_as_of(bank.settings, session, None, entry)
            assert kept.is_kept
            assert kept.rows.num_rows == row.rows
            assert roster_as_of(bank.settings, session, RM1, entry).rows.num_rows <= row.rows
        with pytest.raises(NotFoundError):
            roster_as_of(bank.settings, session, OWNER, entries[0])
    assert refresh(bank.settings, bank.engine) == {"kept": 0, "events": 0}
    assert keep(bank.settings, bank.engine, entries[0], 1).id == 1


def test_a_membership_file_that_changed_is_refused(bank):
    with reading(bank.engine) as session:
        entry = find_scheme(session, "kinds")
        path = membership_path(bank.settings, 1, "kinds", 0)
        rows = pq.read_table(path)
        pq.write_table(rows.slice(1), path, write_page_checksum=True)

        with pytest.raises(ArtefactError, match="not the file that was kept"):
            roster_as_of(bank.settings, session, None, entry)


def test_a_kept_membership_and_its_rules_on_the_roll_are_the_same_clients(bank):
    for code in ("lifecycle", "moments"):
        with reading(bank.engine) as session:
            entry = find_scheme(session, code)
            kept = roster_as_of(bank.settings, session, RM1, entry)
        with transaction(bank.engine) as session:
            session.delete(segment_membership.of_run(session, code, 0, 1))
        with reading(bank.engine) as session:
            read = roster_as_of(bank.settings, session, RM1, entry)

        assert (kept.is_kept, read.is_kept) == (True, False)
        assert read.rows.equals(kept.rows)


@from_november
def test_the_cadence_decides_which_dates_are_kept(bank):
    assert scheme_life.set_cadence(bank.settings, bank.engine, MARKETER, "kinds", "monthly") == "monthly"
    with pytest.raises(InputError, match="hourly"):
        scheme_life.set_cadence(bank.settings, bank.engine, MARKETER, "kinds", "hourly")

    published(bank, AS_OF.replace(day=10), AS_OF)

    with reading(bank.engine) as session:
        assert [row.as_of for row in segment_membership.kept_for(session, "kinds")] == ["2025-12-10", "2025-11-30"]
        assert [row.as_of for row in segment_membership.kept_for(session, "lifecycle")] == ["2025-12-31", "2025-12-10", "2025-11-30"]


@from_november
def test_moves_of_a_published_scheme_are_written_once_in_order_and_within_scope(bank):
    overridden(bank)
    published(bank, AS_OF)

    with reading(bank.engine) as session:
        before, after = (roster_as_of(bank.settings, session, None, find_scheme(session, "sides"), day).rows for day in (BEFORE, AS_OF))
        sides = [dict(zip(rows.column("client_id").to_pylist(), rows.column("segment").to_pylist(), strict=True)) for rows in (before, after)]
        moved = {client: (sides[0][client], side) for client, side in sides[1].items() if sides[0][client] != side}
        events = segment_event.page(session, MARKETER, frozenset({"sides"}))
        assert moved  # tenure passed six years for the clients of one manager
        assert {event["client_id"]: (event["from_segment"], event["to_segment"]) for event in events} == moved
        assert [event["id"] for event in events] == sorted(event["id"] for event in events)
        assert segment_event.page(session, MARKETER, frozenset({"sides"}), after=events[-1]["id"]) == []
        assert {event["client_id"] for event in segment_event.page(session, RM1, frozenset({"sides"}))} == set(moved)
        rm0 = Scope.of_role(Role.RELATIONSHIP_MANAGER, person_id=9, rm_id="RM0", branch_id=None)
        assert segment_event.page(session, rm0, frozenset({"sides"})) == []
        assert segment_event.counts(session, MARKETER, "sides") == {2: len(moved)}
    assert write_events(bank.settings, bank.engine, 2) == 0
    published(bank, BEFORE.replace(day=15))  # history filled in moves nobody
    with reading(bank.engine) as session:
        assert len(session.exec(select(SegmentEvent)).all()) == len(moved)


@from_november
def test_moves_close_to_the_cent_and_say_what_drifted(bank):
    overridden(bank)
    published(bank, AS_OF)
    with reading(bank.engine) as session:
        found = migration(bank.settings, session, MARKETER, "sides")
        whole = migration(bank.settings, session, None, "sides")

    assert {one.measure for one in found.books} == {"clients", "value_minor"}  # deposits are not for marketing
    assert not any("deposits" in name for row in (*found.matrix, *found.moved) for name in row)
    for one in whole.books:
        assert one.opening + one.entered + one.arrived - one.departed - one.left + one.revalued == one.closing
    assert {one.attribute for one in whole.attribute_drift} == {"rm_id", "tenure_days"}
    assert set(whole.share_drift) == set(whole.places)
    assert whole.drifted in {"steady", "watch", "act"}


@from_november
def test_a_scheme_that_cannot_be_read_does_not_keep_the_others_from_being_kept(bank, monkeypatch, caplog):
    whole = segment_memberships.roster

    def damaged(scheme, reading):
        if scheme.code == "kinds":
            raise InputError("an attribute is gone")
        return whole(scheme, reading)

    monkeypatch.setattr(segment_memberships, "roster", damaged)
    published(bank, AS_OF)

    with reading(bank.engine) as session:
        assert segment_membership.of_run(session, "kinds", 0, 2) is None
        assert segment_membership.of_run(session, "lifecycle", 0, 2) is not None
    assert "kinds v0 in run 2 was not kept" in caplog.text

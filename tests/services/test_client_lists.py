"""Marketing's lists: who is on them and why not, the control group, four eyes, files, results."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import select

from bankseg.domain.errors import ArtefactError, InputError, NotFoundError
from bankseg.domain.list_errors import ListStateError
from bankseg.domain.list_terms import ListAsked, held_out, places
from bankseg.domain.people import Role, Scope
from bankseg.domain.policy import Policy, load_policy
from bankseg.lake.parquet import write_whole
from bankseg.services import list_builder, list_exports, list_results, list_states
from bankseg.services.list_proofs import SCHEMA, lists_folder
from bankseg.services.rolls import roll_path
from bankseg.settings import Settings
from bankseg.storage import tables
from bankseg.storage.audit import AuditEntry
from bankseg.storage.client_list import ClientList
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.person import Person
from bankseg.storage.run import PORTFOLIO, CurrentRun, Run

AS_OF = date(2025, 12, 31)
POLICY = load_policy(None, "[lists]\nglobal_control_share = 0.0\n")
REASON = "Agreed by the committee"
# A client who may be contacted by every channel and for every product.
FREE: dict[str, Any] = {
    "name": "Client", "kind": "individual", "branch_id": "B1", "rm_id": "RM1", "segment": "grow", "tier": "gold", "region": "11", "status": "active", "churn": 0.1,
    "value_12m_minor": 40_000, "p:cross_sell:savings": 0.2, "p:cross_sell:credit_card": 0.2, "days_since_campaign": 200, "consents_email": 1, "consents_phone": 1,
    "holds_card": 0, "days_past_due": 0, "rejected_debits_90d": 0, "is_vulnerable": False, "is_high_risk": False, "age_years": 40, "client_kind": "individual",
    "days_since_opening_savings": None,
}  # fmt: skip
TYPES = {
    "days_since_opening_savings": pa.int64(),
    "p:cross_sell:savings": pa.float64(),
    "p:cross_sell:credit_card": pa.float64(),
    "churn": pa.float64(),
    "days_since_campaign": pa.int64(),
}
SAVINGS = ListAsked(product="savings", control_share=0)


class Desk:
    """A store and a home with published runs, and three people: two marketers and the head of a branch."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        self.engine: Engine = make_engine(self.settings.store)
        tables.METADATA.create_all(self.engine)
        people = (("mark", Role.MARKETER, None), ("mia", Role.MARKETER, None), ("bea", Role.BRANCH_HEAD, "B1"))
        with transaction(self.engine) as session:
            rows = [Person(login=login, display_name=login.title(), role=role, branch_id=branch, password_hash="x") for login, role, branch in people]
            session.add_all(rows)
            session.flush()
            self.mark, self.mia, self.bea = (row.scope for row in rows)

    def run(self, clients: dict[str, dict[str, Any]], as_of: date = AS_OF, proofs: dict[str, str | None] | None = None) -> int:
        """Publish a run with these clients, each as FREE but for the changes given; everybody's calls are proved unless told otherwise."""
        with transaction(self.engine) as session:
            run = Run(key=f"run:{as_of}:{len(clients)}", as_of=as_of.isoformat(), state="published")
            session.add(run)
            session.flush()
            session.merge(CurrentRun(kind=PORTFOLIO, run_id=run.id or 0, flipped_at=1.0))
            number = run.id or 0
        columns = {name: pa.array([{**FREE, **changes}[name] for changes in clients.values()], TYPES.get(name)) for name in FREE}
        path = roll_path(self.settings, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"client_id": pa.array(list(clients), pa.string()), **columns}), path)
        margins = [(client, product, 1_000 + place) for place, client in enumerate(clients) for product in ("savings", "credit_card")]
        offers = {"client_id": [row[0] for row in margins], "product": [row[1] for row in margins], "expected_margin_minor": [row[2] for row in margins]}
        pq.write_table(
            pa.table(offers, schema=pa.schema({"client_id": pa.string(), "product": pa.string(), "expected_margin_minor": pa.int64()})),
            path.with_name("offers.parquet"),
        )
        known = dict.fromkeys(clients, "P-1") if proofs is None else proofs
        consents = [{"client_id": client, "purpose": "marketing_phone", "proof": proof, "decided_on": date(2024, 1, 2)} for client, proof in known.items()]
        write_whole(pa.Table.from_pylist(consents, schema=SCHEMA), lists_folder(self.settings) / f"consents-of-run-{number}.parquet")
        return number

    def count(self, asked: ListAsked = SAVINGS, policy: Policy = POLICY, scope: Scope | None = None) -> list_builder.ListFunnel:
        with reading(self.engine) as session:
            return list_builder.preview(self.settings, session, scope or self.mark, policy, asked).funnel

    def frozen(self, asked: ListAsked = SAVINGS, scope: Scope | None = None) -> int:
        number = list_states.keep_draft(self.settings, self.engine, scope or self.mark, POLICY, "Autumn", asked)
        list_states.freeze(self.settings, self.engine, scope or self.mark, POLICY, number)
        return number

    def released(self, asked: ListAsked = SAVINGS, contact_on: date | None = AS_OF) -> int:
        number = self.frozen(asked)
        list_states.release(self.engine, self.mia, number, REASON, contact_on)
        return number

    def row(self, number: int) -> ClientList:
        with reading(self.engine) as session:
            return session.get_one(ClientList, number)

    def written(self, number: int, what: Callable[..., list_exports.ListExported], scope: Scope | None = None) -> list[dict[str, str]]:
        path = self.settings.home / "out.csv"
        what(self.settings, self.engine, scope or self.mark, number, path, file_format="csv")
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def many(count: int, **changes: Any) -> dict[str, dict[str, Any]]:
    return {f"C{number:04d}": dict(changes) for number in range(count)}


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({"p:cross_sell:credit_card": None}, "eligibility"), ({"age_years": 17}, "suitability"), ({"p:cross_sell:credit_card": 0.01}, "below_probability"),
        ({"consents_email": 0}, "consent"), ({"consents_email": None}, "consent"), ({"days_since_campaign": 29}, "contact_policy"), ({"is_high_risk": True}, "risk"),
        ({"is_high_risk": True, "consents_email": 0}, "consent"),
    ],
)  # fmt: skip
def test_a_client_is_left_out_by_the_first_stage_that_holds(desk: Desk, changes: dict[str, Any], stage: str) -> None:
    desk.run({"C1": {}, "C2": changes})

    funnel = desk.count(ListAsked(product="credit_card", least_propensity=0.05, control_share=0))

    assert (funnel.candidates, funnel.treated, funnel.removed) == (2, 1, {stage: 1})


def test_risk_bars_credit_only_and_vulnerability_bars_everything(desk: Desk) -> None:
    desk.run({"C1": {"is_high_risk": True}, "C2": {"is_vulnerable": True}})

    assert desk.count().removed == {"vulnerable": 1}
    assert desk.count(ListAsked(product="credit_card", control_share=0)).removed == {"suitability": 1, "risk": 1}


def test_a_call_needs_a_consent_that_is_proved_or_a_named_contract(desk: Desk) -> None:
    clients = {"C1": {}, "C2": {}, "C3": {"consents_phone": 0, "holds_card": 1}, "C4": {"consents_phone": 0}, "C5": {"holds_card": 1}}
    desk.run(clients, proofs={"C1": "P-77", "C2": None})

    number = desk.released(ListAsked(product="credit_card", channel="phone", control_share=0))

    rows = {row["client_id"]: (row["legal_basis"], row["legal_basis_detail"]) for row in desk.written(number, list_exports.export_members)}
    assert rows == {"C1": ("consent", "P-77"), "C3": ("contract", "card"), "C5": ("contract", "card")}
    assert {row["client_id"]: row["stage"] for row in desk.written(number, list_exports.export_exclusions)} == {"C2": "legal_basis", "C4": "consent"}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Four hundred clients of every kind."""
    desk = Desk(tmp_path_factory.mktemp("crowd"))
    clients = {
        f"C{n:04d}": {
            "tier": ("gold", "silver", "bronze")[n % 3], "churn": None if n % 17 == 0 else (n * 37 % 100) / 100, "p:cross_sell:savings": None if n % 11 == 0 else (n % 50) / 50,
            "consents_email": n % 5 > 0, "is_vulnerable": n % 29 == 0, "region": ("11", "84")[n % 2], "days_since_campaign": n % 300,
        }
        for n in range(400)
    }  # fmt: skip
    desk.run(clients)
    return desk


@settings(max_examples=25, deadline=None)
@given(
    share=st.integers(0, 5_000), size=st.none() | st.integers(1, 500), budget=st.none() | st.integers(1, 2_000), least=st.sampled_from([0.0, 0.3, 0.99]),
    tiers=st.sampled_from([(), ("gold",), ("gold", "silver")]),
)  # fmt: skip
def test_candidates_are_contacted_or_left_out_exactly_once(
    crowd: Desk, share: int, size: int | None, budget: int | None, least: float, tiers: tuple[str, ...]
) -> None:
    asked = ListAsked(product="savings", control_share=share, size=size, budget_minor=budget, least_propensity=least, tiers=tiers)

    funnel = crowd.count(asked, policy=load_policy(None, "[lists]\nglobal_control_share = 0.05\n"))

    assert funnel.candidates == funnel.treated + sum(funnel.removed.values())
    assert funnel.control == held_out(funnel.treated + funnel.control, share)
    assert size is None or funnel.treated <= size
    assert budget is None or funnel.treated * 3 <= budget


@given(size=st.integers(1, 100_000), share=st.integers(0, 5_000))
def test_the_places_are_as_many_as_the_size_allows(size: int, share: int) -> None:
    drawn = places(ListAsked(product="savings", size=size, control_share=share), 3)

    assert drawn - held_out(drawn, share) <= size < drawn + 1 - held_out(drawn + 1, share)


def test_every_stratum_gives_its_share_and_the_draw_is_the_same_again(desk: Desk) -> None:
    desk.run({f"C{n:04d}": {"tier": ("gold", "silver")[n % 2], "churn": None} for n in range(400)})
    asked = replace(SAVINGS, control_share=1_000)

    with reading(desk.engine) as session:
        first, again, other = (list_builder.preview(desk.settings, session, desk.mark, POLICY, asked, key=key) for key in ("a", "a", "b"))
        opened = [list_builder.open_list(desk.settings, session, desk.mark, POLICY, asked, key=key) for key in ("a", "a", "b")]
        drawn = [
            {row["client_id"] for row in list_builder.list_pool.drawn(one.roll.reading, one.subject, one.parameters).to_pylist() if row["arm"] == "control"}
            for one in opened
        ]

    assert [(row["tier"], row["treated"], row["control"]) for row in first.layers] == [("gold", 180, 20), ("silver", 180, 20)]
    assert first.layers == again.layers == other.layers
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_global_control_is_about_its_share_and_the_same_for_every_list(desk: Desk) -> None:
    desk.run(many(2_000))
    policy = load_policy(None, "[lists]\nglobal_control_share = 0.05\n")

    by_mail, by_phone = (desk.count(replace(SAVINGS, channel=channel), policy).removed["global_control"] for channel in ("email", "phone"))

    assert by_mail == by_phone
    assert 60 <= by_mail <= 140  # 100 expected, four standard errors either way


def test_the_larger_margin_comes_first_when_the_size_is_short(desk: Desk) -> None:
    desk.run(many(5))

    number = desk.released(replace(SAVINGS, size=2))

    assert [row["client_id"] for row in desk.written(number, list_exports.export_members)] == ["C0004", "C0003"]


def test_a_list_in_the_field_keeps_its_clients_off_the_next_one(desk: Desk) -> None:
    desk.run(many(5))
    desk.released(replace(SAVINGS, size=2))

    assert desk.count().removed == {"contact_policy": 2}


def test_the_maker_cannot_release_and_nothing_leaves_before(desk: Desk) -> None:
    desk.run(many(3))
    number = desk.frozen()

    with pytest.raises(ListStateError, match="cannot release"):
        list_states.release(desk.engine, desk.mark, number, REASON)
    with pytest.raises(ListStateError, match="frozen"):
        desk.written(number, list_exports.export_members)
    with pytest.raises(InputError, match="reason"):
        list_states.release(desk.engine, desk.mia, number, "ok")
    list_states.release(desk.engine, desk.mia, number, REASON, AS_OF)

    assert len(desk.written(number, list_exports.export_members)) == 3
    with reading(desk.engine) as session:
        actions = [entry.action for entry in session.exec(select(AuditEntry).order_by(AuditEntry.id))]
    assert actions == ["list_drafted", "list_frozen", "list_released", "export"]


def test_a_frozen_list_stays_as_it_was_and_its_manifest_is_sealed(desk: Desk) -> None:
    desk.run(many(4))
    number = desk.released()
    row = desk.row(number)

    desk.run(many(9), as_of=date(2026, 1, 31))

    assert len(desk.written(number, list_exports.export_members)) == 4
    assert row.manifest_sha256 == list_states.digest(json.loads(json.dumps(row.manifest)))
    with pytest.raises(ListStateError):
        list_states.freeze(desk.settings, desk.engine, desk.mark, POLICY, number)


def test_a_changed_file_does_not_leave(desk: Desk) -> None:
    desk.run(many(4))
    number = desk.released()
    path = list_builder.members_path(desk.settings, number)
    write_whole(pq.read_table(path).slice(0, 2), path)

    with pytest.raises(ArtefactError, match="not the file that was frozen"):
        desk.written(number, list_exports.export_members)


def test_the_files_hold_every_candidate_once_and_marketing_reads_no_reason_that_tells(desk: Desk) -> None:
    desk.run({**many(20), "V1": {"is_vulnerable": True}, "N1": {"consents_email": 0}})
    number = desk.released(replace(SAVINGS, control_share=2_000))

    members, left_out = desk.written(number, list_exports.export_members), desk.written(number, list_exports.export_exclusions)

    assert sorted([row["client_id"] for row in members] + [row["client_id"] for row in left_out]) == sorted([*many(20), "N1", "V1"])
    assert {row["client_id"]: row["stage"] for row in left_out if row["client_id"] in {"V1", "N1"}} == {"V1": "not_to_be_offered", "N1": "consent"}
    assert sum(row["stage"] == "control_group" for row in left_out) == 4


def test_a_name_that_is_a_formula_is_made_harmless(desk: Desk) -> None:
    desk.run({"C1": {"name": "=HYPERLINK(1)"}})

    assert desk.written(desk.released(), list_exports.export_members)[0]["name"] == "'=HYPERLINK(1)"


def test_a_branch_head_builds_and_sees_lists_of_the_own_branch(desk: Desk) -> None:
    desk.run({"C1": {}, "C2": {"branch_id": "B2"}})
    of_all, of_branch = desk.frozen(), desk.frozen(scope=desk.bea)

    assert desk.count(scope=desk.bea).candidates == 1
    with reading(desk.engine) as session:
        assert list_states.list_of(session, desk.bea, of_branch).funnel["candidates"] == 1
        with pytest.raises(NotFoundError):
            list_states.list_of(session, desk.bea, of_all)
        with pytest.raises(NotFoundError):
            list_states.list_of(session, Scope(9, Role.RISK_OFFICER), of_all)


def test_results_wait_for_the_window_and_then_compare_the_arms(desk: Desk) -> None:
    desk.run(many(100))
    number = desk.released(replace(SAVINGS, control_share=5_000))
    arms = {row["client_id"]: row["arm"] for row in pq.read_table(list_builder.members_path(desk.settings, number)).to_pylist()}
    treated, control = ([client for client in sorted(arms) if arms[client] == arm] for arm in ("treated", "control"))
    with reading(desk.engine) as session:
        assert list_results.results_of(desk.settings, session, desk.row(number)).state == "not_matured"

    # 90 days after 31 December end on 31 March; ten of the treated and five of the control group bought in time, one of each too early or too late.
    opened = dict.fromkeys(treated[:10], 30) | dict.fromkeys(control[:5], 30) | {treated[10]: 90 + 30, control[5]: 0 + 29}
    desk.run({client: {"days_since_opening_savings": opened.get(client), "days_since_campaign": 100} for client in arms}, as_of=date(2026, 4, 30))
    with reading(desk.engine) as session:
        found = list_results.results_of(desk.settings, session, desk.row(number))

    assert [(arm.arm, arm.clients, arm.outcomes, arm.contacted) for arm in found.arms] == [("treated", 50, 10, 50), ("control", 50, 5, 50)]
    assert found.uplift.value == pytest.approx(0.10)
    # sqrt(0.2 x 0.8 / 50 + 0.1 x 0.9 / 50) = 0.070711; 1.959964 of them either side
    assert (found.uplift.low, found.uplift.high) == (pytest.approx(-0.03859, abs=1e-5), pytest.approx(0.23859, abs=1e-5))
    assert found.incremental.value == pytest.approx(5.0)
    assert found.gain_minor.value == pytest.approx(5 * 6_000 - 50 * 3)


def test_a_client_kept_is_one_who_is_there_at_the_end(desk: Desk) -> None:
    desk.run(many(40))
    number = desk.released(ListAsked(action="retain", control_share=5_000))
    desk.run({client: {"status": "former" if place < 10 else "active"} for place, client in enumerate(many(39))}, as_of=date(2026, 3, 31))

    with reading(desk.engine) as session:
        found = list_results.results_of(desk.settings, session, desk.row(number))

    assert sum(arm.outcomes for arm in found.arms) == 29
    assert sum(arm.clients for arm in found.arms) == 40
    assert sum(arm.found for arm in found.arms) == 39


@pytest.mark.parametrize(
    "asked",
    [
        ListAsked(), ListAsked(product="savings", action="retain"), ListAsked(action="retain", least_margin_minor=1), ListAsked(product="savings", channel="pigeon"),
        ListAsked(product="savings", least_propensity=1.5), ListAsked(product="savings", control_share=5_001), ListAsked(product="savings", size=0),
        ListAsked(product="mortgage"),
    ],
)  # fmt: skip
def test_terms_that_mean_nothing_are_refused(desk: Desk, asked: ListAsked) -> None:
    desk.run(many(1))

    with pytest.raises(InputError):
        desk.count(asked)

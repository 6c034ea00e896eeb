"""Studies: asked for once, done by a worker, redone when it dies, and saved as schemes that hold exactly the clients of the study."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.jobs import JobState
from bankseg.domain.people import Role, Scope
from bankseg.services import segment_studies, study_pages
from bankseg.services.bank import open_bank
from bankseg.services.jobs import execute_job
from bankseg.services.rolls import roll_path
from bankseg.services.segment_schemes import counted, find_scheme, save_scheme
from bankseg.services.segment_studies import ask_for_study, study_for
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import reading, transaction
from bankseg.storage.job import Job
from tests.segments.people import planted
from tests.web.builders import a_run

MARKETER = Scope.of_role(Role.MARKETER, person_id=2, rm_id=None, branch_id=None)
RISK = Scope.of_role(Role.RISK_OFFICER, person_id=3, rm_id=None, branch_id=None)
RM1 = Scope.of_role(Role.RELATIONSHIP_MANAGER, person_id=1, rm_id="RM1", branch_id=None)
CHOSEN = ["active_days_365d", "deposits_mean_12m_minor", "housing_type"]
CLIENTS, PROSPECTS, GONE = 1_500, 60, 40


def a_roll_of_groups():
    """Three planted groups, prospects who look like savers or like nobody, and clients who left."""
    clients, group = planted(CLIENTS)
    rng = np.random.default_rng(5)
    others = PROSPECTS + GONE
    prospect = np.arange(others) < PROSPECTS
    columns = {
        "client_id": [*clients.column("client_id").to_pylist(), *(f"P{number:05d}" for number in range(others))],
        "status": ["active"] * CLIENTS + ["prospect" if one else "former" for one in prospect],
        "kind": ["individual"] * (CLIENTS + others),
        "name": [f"Client {number}" for number in range(CLIENTS + others)],
        "rm_id": ["RM1"] * (CLIENTS + others),
        "sex": ["female", "male"] * ((CLIENTS + others) // 2),
        "deposits_mean_12m_minor": [*clients.column("deposits_minor").to_pylist(), *[None] * others],
        "active_days_365d": [*clients.column("active_days_365d").to_pylist(), *[None] * others],
        "housing_type": [*clients.column("housing_type").to_pylist(), *rng.choice(["owner", "tenant"], others).tolist()],
        "age_years": [*(np.array([60.0, 30.0, 45.0])[group] + rng.normal(0, 3, CLIENTS)), *np.where(rng.random(others) < 0.5, 60.0, 20.0)],
        "tier": [("platinum", "bronze", "silver")[place] for place in group] + ["unknown"] * others,
        "value_12m_minor": [*(np.array([90_000, 5_000, 20_000])[group] + rng.integers(-900, 900, CLIENTS)).tolist(), *[None] * others],
        "churn": [*np.array([0.01, 0.2, 0.05])[group].tolist(), *[None] * others],
        "credit_score": [600.0] * (CLIENTS + others),
        "p:hard_exit": [0.1] * CLIENTS + [None] * others,
    }
    return pa.table(columns), group


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segment_studies, "ring", lambda _settings, _ids: True)
        patch.setattr("bankseg.services.jobs.ring", lambda _settings, _ids: True)
        bank = open_bank(Settings(home=tmp_path_factory.mktemp("studies"), lease_seconds=5))
        schema.upgrade(bank.engine)
        with transaction(bank.engine) as session:
            a_run(session, plan={"products": [], "targets": {}})
        path = roll_path(bank.settings, 1)
        path.parent.mkdir(parents=True)
        pq.write_table(a_roll_of_groups()[0], path)
        yield bank
        bank.engine.dispose()


def done(bank, kind, scope=None, **asked):
    """Ask, let a worker do it, and read it."""
    number = ask_for_study(bank.settings, bank.engine, scope, kind, asked)
    with reading(bank.engine) as session:
        job = study_for(bank.settings, session, scope, number).study.job_id
    execute_job(bank.settings, job, "w")
    with reading(bank.engine) as session:
        return study_for(bank.settings, session, scope, number)


@pytest.mark.parametrize("goal", ["value", "churn"])
def test_a_tree_saved_as_a_scheme_holds_the_clients_of_its_leaves(bank, goal):
    found = done(bank, "tree", MARKETER, goal=goal, attributes=CHOSEN, least_clients=100)

    leaves = found.study.result["leaves"]
    assert (found.state, found.share) == ("done", 1.0)
    assert found.study.result["explained"] > 0.6
    with transaction(bank.engine) as session:
        text = study_pages.scheme_text(bank.settings, session, MARKETER, found.study.id)
        save_scheme(bank.settings, session, MARKETER, text)
    with reading(bank.engine) as session:
        saved = counted(bank.settings, session, MARKETER, find_scheme(session, f"tree_{found.study.id}"))
    assert [row["clients"] for row in saved.segments[:-1]] == [leaf["clients"] for leaf in leaves]
    assert sum(leaf["clients"] for leaf in leaves) == CLIENTS
    assert saved.segments[-1]["clients"] == PROSPECTS + GONE


def test_the_same_request_is_the_same_study_and_is_done_once(bank):
    first = done(bank, "tree", goal="value", attributes=CHOSEN, depth=2)
    again = done(bank, "tree", MARKETER, goal="value", attributes=list(reversed(CHOSEN)), depth=2)
    other = done(bank, "tree", goal="value", attributes=CHOSEN, depth=1)

    assert (first.study.id, first.study.sha256, first.job.attempt) == (again.study.id, again.study.sha256, again.job.attempt)
    assert other.study.id != first.study.id


def test_a_study_whose_worker_died_is_done_by_the_next_with_the_same_result(bank):
    number = ask_for_study(bank.settings, bank.engine, None, "tree", {"goal": "value", "attributes": CHOSEN, "depth": 4})
    with transaction(bank.engine) as session:
        job = session.get_one(Job, study_for(bank.settings, session, None, number).study.job_id)
        job.state, job.attempt, job.fence, job.lease_until = JobState.RUNNING, 1, 1, 1.0  # killed at its work, its lease ran out
        job_id = job.id

    execute_job(bank.settings, job_id, "another")
    execute_job(bank.settings, job_id, "late message")

    with reading(bank.engine) as session:
        found = study_for(bank.settings, session, None, number)
    assert (found.state, found.job.attempt) == ("done", 2)


def test_clusters_find_the_planted_groups_and_their_rules_find_the_clusters(bank):
    found = done(bank, "clusters", MARKETER, attributes=CHOSEN, k=3)

    result = found.study.result
    _, group = a_roll_of_groups()
    assert sorted(card["clients"] for card in result["cards"]) == pytest.approx(sorted(np.bincount(group).tolist()), rel=0.05)
    assert result["judged"]["is_stable"]
    assert all(rule["precision"] > 0.9 and rule["recall"] > 0.9 for rule in result["rules"])
    assert all(card["traits"] and card["value_12m_minor"] for card in result["cards"])
    assert {len(row) for row in result["heat"]["cells"]} == {3}
    with reading(bank.engine) as session:
        listed = study_pages.study_clients(bank.settings, session, MARKETER, found.study.id, "0")
        page = study_pages.study_page(bank.settings, session, MARKETER, found.study.id, language="fr", value_name=lambda _a, value, _l: str(value))
    assert listed.clients == result["cards"][0]["clients"]
    assert {row["cluster"] for row in listed.rows} == {0}
    assert page.sizes.segments[0]["clients"] > 300


def test_the_number_of_clusters_is_chosen_by_stability(bank):
    found = done(bank, "clusters", attributes=CHOSEN)

    assert found.study.result["judged"]["k"] == len(found.study.result["cards"])
    assert [candidate["k"] for candidate in found.study.result["candidates"]] == [2, 3, 4, 5, 6, 7, 8]
    chosen = next(one for one in found.study.result["candidates"] if one["k"] == found.study.result["judged"]["k"])
    assert chosen["is_stable"]


def test_lookalikes_among_prospects_are_judged_by_what_is_known_of_prospects(bank):
    found = done(bank, "lookalike", MARKETER, scheme="value_tiers", segment="platinum", among="prospects")

    assert set(found.study.parameters["attributes"]) <= {"age_years", "housing_type", "client_kind"}
    with reading(bank.engine) as session:
        listed = study_pages.study_clients(bank.settings, session, MARKETER, found.study.id)
    roll = a_roll_of_groups()[0]
    old = {row["client_id"]: row["age_years"] for row in roll.to_pylist()}
    likeness = [row["similarity"] for row in listed.rows]
    assert listed.clients == PROSPECTS == sum(found.study.result["bands"].values())
    assert likeness == sorted(likeness, reverse=True)
    assert old[listed.rows[0]["client_id"]] == 60.0
    assert old[listed.rows[-1]["client_id"]] == 20.0


def test_lookalikes_among_clients_leave_the_seed_out_and_may_become_a_rule(bank, tmp_path):
    found = done(bank, "lookalike", MARKETER, attributes=CHOSEN)

    result = found.study.result
    assert result["candidates"] + result["seeds"] == CLIENTS
    assert study_pages.scheme_of(found.study)["segment"][0]["code"] == "alike"
    exported = study_pages.export_study(bank.settings, bank.engine, MARKETER, found.study.id, "", tmp_path / "list.csv")
    assert exported.rows == result["candidates"] == len((tmp_path / "list.csv").read_text(encoding="utf-8").splitlines()) - 1


@pytest.mark.parametrize("name", ["sex", "credit_score", "rm_id", "p:hard_exit", "nonsense"])
def test_what_is_protected_or_concluded_never_enters(bank, name):
    for kind in ("tree", "clusters", "lookalike"):
        with pytest.raises(InputError):
            ask_for_study(bank.settings, bank.engine, RISK, kind, {"attributes": [*CHOSEN, name]})


def test_what_tells_the_goal_or_the_seed_itself_is_refused(bank):
    with pytest.raises(InputError, match="tier"):
        ask_for_study(bank.settings, bank.engine, None, "tree", {"goal": "value", "attributes": ["tier"]})
    with pytest.raises(InputError, match="tier"):
        ask_for_study(bank.settings, bank.engine, None, "lookalike", {"attributes": ["tier"]})


def test_a_study_belongs_to_those_who_design_segments(bank):
    found = done(bank, "tree", MARKETER, goal="value", attributes=CHOSEN)

    with reading(bank.engine) as session, pytest.raises(NotFoundError):
        study_for(bank.settings, session, RM1, found.study.id)
    with pytest.raises(NotFoundError):
        ask_for_study(bank.settings, bank.engine, RM1, "tree", {})
    with reading(bank.engine) as session, pytest.raises(NotFoundError):
        study_for(bank.settings, session, MARKETER, 9_999)


def test_what_the_data_does_not_allow_is_told_as_a_refusal(bank):
    found = done(bank, "tree", goal="value", attributes=["housing_type"], least_clients=5_000)

    assert found.state == "refused"
    assert "at least" in found.study.refusal["expected"]
    with pytest.raises(InputError, match="clients with"):
        segment_studies.follow_study(bank, found.study.id, lambda _found: None)


def test_a_goal_or_kind_that_is_not_known_is_refused(bank):
    with pytest.raises(InputError, match="response"):
        ask_for_study(bank.settings, bank.engine, None, "tree", {"goal": "response"})
    with pytest.raises(NotFoundError):
        ask_for_study(bank.settings, bank.engine, None, "horoscope", {})
    with pytest.raises(InputError, match="two or more"):
        ask_for_study(bank.settings, bank.engine, None, "clusters", {"attributes": ["housing_type"]})

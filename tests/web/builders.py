"""Builders of a small published bank: valid defaults, tests state only what matters."""

import json
from datetime import date
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine
from sqlmodel import Session, select

from bankseg.domain.list_terms import ListAsked
from bankseg.domain.people import Role
from bankseg.lake.parquet import digest_of, write_whole
from bankseg.services import passwords
from bankseg.services.bank import open_bank
from bankseg.services.list_builder import members_path
from bankseg.services.list_members import exclusions_path
from bankseg.services.rolls import roll_path
from bankseg.services.study_outcome import rows_path
from bankseg.settings import Settings
from bankseg.storage.adviser import AdviserRow
from bankseg.storage.adviser_proposal import AdviserMove, AdviserProposal
from bankseg.storage.client_erasure import ClientErasure, LegalHold
from bankseg.storage.client_list import ClientList
from bankseg.storage.database import transaction
from bankseg.storage.import_batch import ImportBatch
from bankseg.storage.import_upload import ImportUpload
from bankseg.storage.job import Job
from bankseg.storage.model_alert import ModelAlert
from bankseg.storage.model_observation import ModelObservation
from bankseg.storage.person import Person
from bankseg.storage.published_client import ProductPropensity, PublishedClient, RiskCase
from bankseg.storage.run import PORTFOLIO, CurrentRun, Run
from bankseg.storage.segment_study import SegmentStudy
from tests.services.model_builders import a_version, paired

PASSWORD = "correct horse battery"  # of people who exist in tests only
AS_OF = "2025-12-31"
CHURN_REASONS = [
    {"family": "salary", "direction": "+", "feature": "days_since_income", "value": 74, "share": 0.41},
    {"family": "balance_trend", "direction": "+", "feature": "deposits_ratio_2m", "value": 0.62, "share": 0.22},
    {"family": "tenure", "direction": "-", "feature": "tenure_days", "value": 4100, "share": 0.09},
]
TRIGGERS = [{"code": "R1", "level": "red", "family": "arrears", "evidence": "counted_days_past_due", "value": 41.0}]
SCHEME = [
    {"code": "protect", "label_en": "Protect: likely to leave", "label_fr": "Protéger : départ probable", "action": "protect", "owner": "relationship"},
    {"code": "grow", "label_en": "Grow: ready for a product", "label_fr": "Développer : produit adapté", "action": "grow", "owner": "marketing"},
]
PEOPLE = (
    ("alice", "Alice Martin", Role.RELATIONSHIP_MANAGER, "RM1", "B1"),
    ("bob", "Bob Bernard", Role.RELATIONSHIP_MANAGER, "RM2", "B2"),
    ("bea", "Béatrice Petit", Role.BRANCH_HEAD, None, "B1"),
    ("mark", "Mark Durand", Role.MARKETER, None, None),
    ("rita", "Rita Moreau", Role.RISK_OFFICER, None, None),
    ("odile", "Odile Model", Role.MODEL_OWNER, None, None),
    ("axel", "Axel Audit", Role.AUDITOR, None, None),
    ("adam", "Adam Admin", Role.ADMINISTRATOR, None, None),
)
# What the roll tells of every client of the small bank alike.
DESCRIBED = {
    "recency_score": 5, "frequency_score": 4, "monetary_score": 4, "balance_score": 2, "recency_days": 3, "active_days_365d": 90, "credit_minor_365d": 2_400_000,
    "deposits_mean_12m_minor": 765_432, "age_years": 44, "days_to_birthday": 6, "loyalty_index": 71.5, "is_regular": True, "active_months_12m": 11, "income_months_12m": 9,
    "holds_savings": 1, "days_since_opening_savings": 120, "spend_share_groceries": 0.4, "spend_share_travel": 0.1, "interest_margin_12m_minor": 50_000,
    "fees_12m_minor": 1_200, "account_cost_12m_minor": 3_600, "worst_days_late_365d": 12, "late_instalments_365d": 1, "on_time_share_365d": 0.9,
}  # fmt: skip


def a_run(session: Session, **changes: Any) -> Run:
    """A published run, with the pointer on it."""
    fields: dict[str, Any] = {
        "key": f"run:{AS_OF}",
        "as_of": AS_OF,
        "state": "published",
        "created_at": 1.7636e9,
        "published_at": 1.7636e9 + 300,
        "n_rows": 4,
        "n_expected": 4,
    }
    run = Run(**(fields | changes))
    session.add(run)
    session.flush()
    if run.state == "published":
        session.merge(CurrentRun(kind=PORTFOLIO, run_id=run.id or 0, flipped_at=run.published_at or 0.0))
    return run


def a_client(session: Session, run: Run, client_id: str, rm_id: str | None = "RM1", branch_id: str | None = "B1", **changes: Any) -> PublishedClient:
    """A client with everything known."""
    fields: dict[str, Any] = {
        "name": f"Client {client_id}", "kind": "individual", "status": "active", "city": "Lyon", "joined_on": "2014-10-09", "currency": "EUR", "balance_minor": 1_234_567,
        "debt_minor": 4_000_000, "value_12m_minor": 45_600, "tier": "gold", "tier_reason": "at least 4567", "activity": "active", "rfm": "545", "churn": 0.31,
        "churn_target": "balance_attrition", "churn_band": "high", "churn_reasons": json.dumps(CHURN_REASONS), "expected_loss_minor": 14_136, "best_product": "life_insurance",
        "best_propensity": 0.12, "best_margin_minor": 21_000, "best_reasons": json.dumps(CHURN_REASONS[2:]), "credit_score": 655.0, "credit_source": "internal",
        "risk_band": "normal", "segment": "protect", "segment_reason": "tier is platinum or gold and churn band is high", "action": "protect", "consent_purposes": "marketing_email marketing_phone",
        "preferred_channel": "phone", "last_interaction_on": "2025-11-02", "propensities": json.dumps({"balance_attrition": 0.31, "dormancy": 0.04, "cross_sell:life_insurance": 0.12}),
    }  # fmt: skip
    client = PublishedClient(run_id=run.id or 0, client_id=client_id, rm_id=rm_id, branch_id=branch_id, **(fields | changes))
    session.add(client)
    return client


def a_propensity(session: Session, client: PublishedClient, product: str = "life_insurance", propensity: float = 0.12, **changes: Any) -> ProductPropensity:
    """A client's propensity for a product."""
    fields: dict[str, Any] = {"expected_margin_minor": 21_000, "reasons": json.dumps(CHURN_REASONS[:1])}
    row = ProductPropensity(
        run_id=client.run_id,
        client_id=client.client_id,
        product=product,
        rm_id=client.rm_id,
        branch_id=client.branch_id,
        propensity=propensity,
        **(fields | changes),
    )
    session.add(row)
    return row


def a_case(session: Session, client: PublishedClient, severity: int = 2, **changes: Any) -> RiskCase:
    """A risk case of a client."""
    fields: dict[str, Any] = {
        "stage": 2,
        "days_past_due": 41,
        "exposure_minor": 4_000_000,
        "triggers": json.dumps(TRIGGERS),
        "since": "2025-11-20",
        "due_on": "2026-01-08",
    }
    case = RiskCase(run_id=client.run_id, client_id=client.client_id, rm_id=client.rm_id, branch_id=client.branch_id, severity=severity, **(fields | changes))
    session.add(case)
    return case


def a_job(session: Session, run: Run, stage: str, number: int = 1, **changes: Any) -> Job:
    """A job of a run."""
    job = Job(key=f"{run.key}:{stage}:{number}", run_id=run.id, stage=stage, **({"state": "done", "done": 10, "total": 10} | changes))
    session.add(job)
    return job


def an_import(session: Session, number: int = 1, **changes: Any) -> ImportBatch:
    """An import that reconciles."""
    fields: dict[str, Any] = {
        "source": "demo", "table_name": "transactions", "file_name": f"mvts_{number}.parquet", "sha256": f"{number:064x}", "state": "loaded", "read": 1000, "accepted": 985,
        "quarantined": 10, "duplicates": 5, "reasons": {"unknown account": 7, "date after the extract date": 3}, "extract_on": AS_OF, "created_at": 1.7636e9,
    }  # fmt: skip
    batch = ImportBatch(**(fields | changes))
    session.add(batch)
    return batch


def an_erasure(session: Session) -> ClientErasure:
    """One that was refused, so that it has a page."""
    erasure = ClientErasure(
        pseudonym="0" * 32, state="refused", ground="objection", reason="the client wrote to us", asked_by=5, asked_at=1.0, decided_by=8,
        decision_reason="still under contract", decided_at=2.0,
    )  # fmt: skip
    session.add_all([erasure, LegalHold(pseudonym="1" * 32, reason="a suit is pending", placed_by=8, placed_at=1.0)])
    session.flush()
    return erasure


def an_upload(session: Session, settings: Settings) -> ImportUpload:
    """A file of two clients that waits to be loaded, with what was seen of it."""
    folder = settings.uploads / "kept"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "data.csv").write_text("client_id,joined_on,kind\nU1,2020-01-01,individual\nU2,2021-01-01,company\n", encoding="utf-8")
    seen = {
        "columns": ["client_id", "joined_on", "kind"], "rows": [["U1", "2020-01-01", "individual"], ["U2", "2021-01-01", "company"]],
        "values": {"kind": ["company", "individual"]}, "dialect": {"delimiter": ",", "encoding": "utf-8", "decimal": ".", "date_format": "%Y-%m-%d"},
    }  # fmt: skip
    (folder / "look.json").write_text(json.dumps(seen), encoding="utf-8")
    mapping = (
        '[bank]\nextract_on = 2025-12-31\n[[extract]]\ntable = "clients"\nfiles = ["two.csv"]\n'
        '[extract.columns]\nclient_id = "client_id"\njoined_on = "joined_on"\nkind = "kind"\n'
    )
    upload = ImportUpload(
        person_id=8,
        folder="kept",
        file_name="two.csv",
        kind="csv",
        size_bytes=77,
        sha256="f" * 64,
        columns_sha256="c" * 64,
        mapping=mapping,
        created_at=4e9,
    )
    session.add(upload)
    return upload


def a_roll(session: Session, settings: Settings, run: Run) -> None:
    """The roll of a run: its published clients with a few attributes that only rules read."""
    rows = session.exec(select(PublishedClient).where(PublishedClient.run_id == run.id).order_by(PublishedClient.client_id)).all()
    hidden = {"churn_reasons", "best_reasons", "propensities", "run_id"}
    columns = {name: [getattr(row, name) for row in rows] for name in PublishedClient.model_fields if name not in hidden}
    columns["joined_on"] = [date.fromisoformat(day) for day in columns["joined_on"]]
    path = roll_path(settings, run.id or 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    extra = {"tenure_days": [400 + 10 * place for place, _ in enumerate(rows)], "products_held": [2] * len(rows), "sex": ["female"] * len(rows)}
    extra |= {name: [value] * len(rows) for name, value in DESCRIBED.items()} | {"department": ["69"] * len(rows)}
    pq.write_table(pa.table({**columns, **extra, "p:dormancy": pa.array([0.04] * len(rows), pa.float64())}), path)


def advisers(session: Session, run: Run) -> None:
    """Two advisers of branch B1, and an approved proposal to move C2 from one to the other."""
    session.add(AdviserRow(rm_id="RM1", branch_id="B1", skills=["business"], languages=["fr"], capacity=1))
    session.add(AdviserRow(rm_id="RM7", branch_id="B1", skills=["wealth"], languages=["fr", "en"], capacity=40))
    person = {one.login: one.id for one in session.exec(select(Person))}
    terms = {"unmet": 10, "moved": 5, "overload": 20, "speaks_language": True, "needs": []}
    skills = (
        {"rm_id": "RM1", "skills": ["business"], "languages": ["fr"], "capacity": 1},
        {"rm_id": "RM7", "skills": ["wealth"], "languages": ["fr", "en"], "capacity": 40},
    )
    loads = [{**one, "before": before, "after": after} for one, before, after in zip(skills, (2, 0), (1, 1), strict=True)]
    weighed = {
        "clients": 2, "moves": 1, "unserved": 0, "shortage": 0, "points_before": 40, "points_after": 15, "advisers": loads, "terms": terms,
        "needs": [{"code": "wealth", "clients": 2, "unmet_before": 2, "unmet_after": 1}],
    }  # fmt: skip
    row = AdviserProposal(
        branch_id="B1", run_id=run.id or 0, as_of=run.as_of, policy_sha256="ab" * 32, state="approved", weighed=weighed, reason="More room for wealth in the branch",
        asked_by=person["bea"], asked_at=1.0, decided_by=person["adam"], decision_reason="Agreed with the head", decided_at=2.0,
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.add(AdviserMove(proposal_id=row.id or 0, client_id="C2", from_rm_id="RM1", to_rm_id="RM7"))


def a_list(session: Session, settings: Settings, run: Run, **changes: Any) -> ClientList:
    """A released list of branch B1 about life insurance: C1 to contact, C2 held out, the others left out; and the offers of its run."""
    number = 1
    propensities = session.exec(select(ProductPropensity).where(ProductPropensity.run_id == run.id)).all()
    offers = {name: [getattr(row, name) for row in propensities] for name in ("client_id", "product", "propensity", "expected_margin_minor")}
    write_whole(pa.table(offers), roll_path(settings, run.id or 0).with_name("offers.parquet"))
    member = {
        "name": "Client", "kind": "individual", "branch_id": "B1", "rm_id": "RM1", "tier": "gold", "segment": "protect", "propensity": 0.3, "expected_margin_minor": 21_000,
        "legal_basis": "consent", "basis_detail": "P-1", "consented_on": date(2024, 5, 6), "stratum": "gold/1/unknown", "place": 1,
    }  # fmt: skip
    rows = [{"client_id": client, **member, "arm": arm} for client, arm in (("C1", "treated"), ("C2", "control"))]
    left_out = [{"client_id": client, "stage": stage} for client, stage in (("C2", "control_group"), ("C3", "risk"), ("C4", "consent"))]
    paths = members_path(settings, number), exclusions_path(settings, number)
    for path, content in zip(paths, (rows, left_out), strict=True):
        write_whole(pa.Table.from_pylist(content), path)
    funnel = {
        "candidates": 4,
        "removed": {"consent": 1, "risk": 1, "control_group": 1},
        "treated": 1,
        "expected": 0.3,
        "margin_minor": 21_000,
        "mean_value_minor": 45_600.0,
    }
    manifest = {
        "list": number, "currency": "EUR", "contact_cost_minor": 350, "worth_minor": 14_000, "window_days": 90, "candidates": 4, "treated": 1, "control": 1, "exclusions": 3,
        "funnel": funnel, "layers": [{"tier": "gold", "treated": 1, "control": 1, "strata": 1}], "rate": 0.3, "smallest_effect": None, "policy_sha256": "ab" * 32,
        "message": {"en": "A word from us", "fr": "Un mot de nous"}, "members_sha256": digest_of([paths[0]]), "exclusions_sha256": digest_of([paths[1]]),
    }  # fmt: skip
    fields: dict[str, Any] = {
        "key": "k1", "name": "Winter calls", "state": "released", "terms": ListAsked(product="life_insurance", channel="phone").document, "branch_id": "B1",
        "run_id": run.id or 0, "as_of": run.as_of, "funnel": funnel, "manifest": manifest, "manifest_sha256": "cd" * 32, "made_by": 4, "made_at": 1.7e9, "frozen_by": 4,
        "frozen_at": 1.7e9, "released_by": 3, "released_at": 1.7e9, "release_reason": "Approved by the committee", "contact_on": run.as_of,
    }  # fmt: skip
    row = ClientList(**(fields | changes))
    session.add(row)
    session.flush()
    return row


def a_study(session: Session, settings: Settings, run: Run) -> SegmentStudy:
    """A finished study of lookalikes: C2 resembles the gold clients, C3 does not."""
    rule = {"all": [{"attribute": "status", "equals": "active"}, {"attribute": "tenure_days", "at_most": 410}]}
    result = {
        "seeds": 1, "auc": 0.8, "candidates": 2, "bands": {"very_like": 1, "like": 0, "somewhat": 0, "unlike": 1},
        "traits": [{"attribute": "tenure_days", "effect": 1.0, "size": "large", "en": "Tenure: long", "fr": "Ancienneté : longue"}],
        "rule": {"rule": rule, "precision": 0.9, "recall": 0.8, "agreement": 0.9, "n": 2},
    }  # fmt: skip
    parameters = {"scheme": "value_tiers", "version": 0, "segment": "gold", "among": "clients", "attributes": ["tenure_days"]}
    study = SegmentStudy(
        key="lookalike:1:test", kind="lookalike", parameters=parameters, run_id=run.id or 0, seed=7, state="done", result=result, sha256="ab" * 32
    )
    session.add(study)
    session.flush()
    path = rows_path(settings, study.run_id, study.id or 0)
    write_whole(pa.table({"client_id": ["C2", "C3"], "similarity": [0.9, 0.05], "band": ["very_like", "unlike"]}), path)
    study.rows_sha256 = digest_of([path])
    return study


@cache
def _password_hash() -> str:
    """One hash for everybody: argon2 is slow on purpose."""
    return passwords.hashed(PASSWORD)


def staff(engine: Engine) -> None:
    """One person of each role, with a colleague of the relationship manager."""
    with transaction(engine) as session:
        for login, name, role, rm_id, branch_id in PEOPLE:
            session.add(Person(login=login, display_name=name, role=role, rm_id=rm_id, branch_id=branch_id, password_hash=_password_hash()))


def two_versions(settings: Settings) -> None:
    """A champion and its challenger for one target, with an observation and an alert."""
    bank = open_bank(settings)
    first = a_version(bank)
    second = a_version(bank, 2, comparison=paired(0.2, 0.1, 0.3, first.digest))
    with transaction(bank.engine) as session:
        seen = {"run_id": 1, "as_of": AS_OF, "clients": 4, "score_psi": 0.13, "score_p_value": 1e-6, "score_level": "watch", "at": 1.0}
        moved = {"recency_days": {"psi": 0.31, "p_value": 1e-9, "level": "act"}}
        session.add(ModelObservation(model_id=first.id or 0, attributes=moved, matures_on="2026-04-07", **seen))
        session.add(ModelObservation(model_id=second.id or 0, agreement={"spearman": 0.93, "top_overlap": 0.8}, **seen))
        session.add(
            ModelAlert(
                target=first.target, model_id=first.id or 0, run_id=1, kind="score_drift", level="watch", value=0.13, bound=0.1, owner="marketing analytics", as_of=AS_OF,
                words=f"The score has drifted: PSI 0.130, more than 0.1, on {AS_OF}.", opened_at=1.0, changed_at=1.0,
            )
        )  # fmt: skip
    bank.engine.dispose()


def a_small_bank(session: Session) -> Run:
    """Alice holds C1 and C2 in branch B1, Bob holds C3 in B2, nobody holds C4; C2 and C3 are risk cases."""
    run = a_run(session)
    first = a_client(session, run, "C1")
    second = a_client(
        session,
        run,
        "C2",
        churn=0.05,
        churn_band="low",
        tier="silver",
        segment="grow",
        is_high_risk=True,
        risk_band="high",
        expected_loss_minor=900,
        risk_triggers=json.dumps(TRIGGERS),
    )
    third = a_client(session, run, "C3", rm_id="RM2", branch_id="B2", name="Zoé Secret", churn=0.77)
    fourth = a_client(
        session, run, "C4", rm_id=None, branch_id=None, churn=None, churn_band="not_scored", value_12m_minor=None, balance_minor=None, credit_score=None
    )
    session.flush()
    for client, propensity, excluded_by in ((first, 0.30, None), (second, 0.20, "risk"), (third, 0.10, None), (fourth, 0.02, "consent")):
        a_propensity(session, client, propensity=propensity, excluded_by=excluded_by)
    a_propensity(session, first, "savings", 0.08)
    a_case(session, second, 2)
    a_case(session, third, 3, stage=3, days_past_due=120)
    for stage in ("snapshot", "train", "score", "segment", "publish"):
        a_job(session, run, stage)
    an_import(session)
    return run

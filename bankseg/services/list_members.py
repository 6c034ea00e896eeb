"""The files of a frozen list: its members with the legal basis of each, everybody who is not on it with the stage, and the manifest over both."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlmodel import Session

from bankseg.domain.list_terms import CONTROL, TREATED, read_terms
from bankseg.domain.policy import Policy
from bankseg.lake.parquet import digest_of, write_whole
from bankseg.segments import list_pool
from bankseg.services.list_builder import OpenList, counted, members_path
from bankseg.services.list_texts import chosen_texts
from bankseg.settings import Settings
from bankseg.storage.client_list import ClientList
from bankseg.storage.segment_strategy import sheet_of

COLUMNS = (
    "client_id", "name", "kind", "branch_id", "rm_id", "tier", "segment", "propensity", "expected_margin_minor", "legal_basis", "basis_detail", "consented_on",
    "stratum", "place", "arm",
)  # fmt: skip


def exclusions_path(settings: Settings, list_id: int) -> Path:
    """File of those a list leaves out."""
    return members_path(settings, list_id).with_name("exclusions.parquet")


def write_members(settings: Settings, session: Session, policy: Policy, row: ClientList, opened: OpenList) -> dict[str, Any]:
    """Write both files and return the manifest; `Any`: JSON values."""
    found = list_pool.drawn(opened.roll.reading, opened.subject, opened.parameters)
    members = found.filter(pc.is_in(found.column("outcome"), value_set=pa.array([TREATED, CONTROL]))).select(list(COLUMNS))
    left_out = (
        found.filter(pc.invert(pc.is_in(found.column("outcome"), value_set=pa.array([TREATED]))))
        .select(["client_id", "outcome"])
        .rename_columns(["client_id", "stage"])
    )
    paths = members_path(settings, row.id or 0), exclusions_path(settings, row.id or 0)
    for table, path in zip((members, left_out.sort_by("client_id")), paths, strict=True):
        write_whole(table, path)
    asked = read_terms(row.terms)
    seen = counted(session, policy, asked, opened)
    return {
        "list": row.id, "key": row.key, "name": row.name, "terms": row.terms, "run_id": opened.roll.run.id, "as_of": opened.roll.as_of.isoformat(),
        "policy_sha256": policy.sha256, "candidates": found.num_rows, "treated": seen.funnel.treated, "control": seen.funnel.control, "exclusions": left_out.num_rows,
        "funnel": seen.funnel.document, "layers": seen.layers, "rate": seen.rate, "smallest_effect": seen.smallest_effect, "currency": seen.currency,
        "contact_cost_minor": int(policy.section("lists")["contact_cost_minor"][asked.channel]),
        "worth_minor": _worth(policy, asked.product, seen.funnel.mean_value_minor), "window_days": int(policy.section("horizon")["outcome_days"]),
        "message": _said(session, asked.scheme, asked.segment, "message"), "proof": _said(session, asked.scheme, asked.segment, "proof"),
        "texts": chosen_texts(session, asked),
        "members_sha256": digest_of([paths[0]]), "exclusions_sha256": digest_of([paths[1]]),
    }  # fmt: skip


def _worth(policy: Policy, product: str, mean_value_minor: float | None) -> int | None:
    """What one outcome is worth: the margin of a new contract, or for a list to retain the mean yearly value of those on it."""
    if product:
        margin = policy.section("value")["new_contract_margin_minor"].get(product)
        return None if margin is None else int(margin)
    return None if mean_value_minor is None else round(mean_value_minor)


def _said(session: Session, scheme: str, segment: str, name: str) -> dict[str, str]:
    """What the segment's strategy sheet says to its clients, by language; empty where nobody wrote it."""
    sheet = sheet_of(session, scheme, segment) if scheme else None
    document = sheet.document if sheet else {}
    return {language: str(document.get(f"{name}_{language}") or "") for language in ("en", "fr")}

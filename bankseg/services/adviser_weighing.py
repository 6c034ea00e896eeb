"""What a proposal weighs: the clients of a branch with what they need, its advisers, the moves that cost least, and the figures before and after."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlglot import exp

from bankseg.domain.assignment import LANGUAGE, AssignmentTerms
from bankseg.domain.rule_documents import document_of
from bankseg.domain.segment_rules import Test
from bankseg.economics.adviser_assignment import Adviser, BranchProposal, Served, Weights, cost, propose
from bankseg.segments.compiler import DIALECT
from bankseg.services.rolls import OpenRoll
from bankseg.storage.adviser import AdviserRow
from bankseg.storage.adviser_proposal import ACTIVE

DESCRIBED = ("rm_id", "skills", "languages", "capacity")


def weighed_on(roll: OpenRoll, staff: Sequence[AdviserRow], branch_id: str, terms: AssignmentTerms) -> tuple[BranchProposal, dict[str, Any]]:
    """The moves, and everything about them that names no client."""
    weights = Weights(terms.skill_unmet, terms.client_moved, terms.over_capacity)
    advisers = [Adviser(row.rm_id, branch_id, frozenset((*row.skills, *(LANGUAGE + code for code in row.languages))), row.capacity) for row in staff]
    speaks = terms.speaks_language and any(row.languages for row in staff)  # where no language of anybody was told, none is missed
    clients = list(_clients(roll, branch_id, terms, speaks=speaks))
    (found,) = propose(advisers, clients, weights).branches
    skills = {one.rm_id: one.skills for one in advisers}
    to = {move.client_id: move.to_rm_id for move in found.moves}
    before, after = (_unmet(clients, skills, now) for now in ({}, to))
    asked = Counter(code for client in clients for code in client.needs)
    return found, {
        "clients": len(clients), "moves": len(found.moves), "unserved": len(clients) - sum(found.before.values()), "shortage": found.shortage,
        "points_before": cost(advisers, clients, weights), "points_after": cost(advisers, clients, weights, found.moves),
        "advisers": [{**described(row), "before": found.before[row.rm_id], "after": found.after[row.rm_id]} for row in staff],
        "needs": [{"code": code, "clients": asked[code], "unmet_before": before[code], "unmet_after": after[code]} for code in sorted(asked)],
        "terms": {**asdict(weights), "speaks_language": speaks, "needs": [{"code": need.code, "when": document_of(need.when)} for need in terms.needs]},
    }  # fmt: skip


def described(row: AdviserRow) -> dict[str, Any]:
    """What of an adviser decides about an assignment."""
    return {name: getattr(row, name) for name in DESCRIBED}


def _unmet(clients: Iterable[Served], skills: Mapping[str, frozenset[str]], to: Mapping[str, str]) -> Counter[str]:
    """How many clients miss each skill they need."""
    return Counter(code for client in clients for code in client.needs - skills.get(to.get(client.client_id, client.rm_id or ""), frozenset()))


def _clients(roll: OpenRoll, branch_id: str, terms: AssignmentTerms, *, speaks: bool) -> Iterable[Served]:
    """The active clients of a branch, by number; no language is a need where `speaks` is false."""
    read = roll.reading
    inside = exp.and_(read.visible(), read.predicate(Test("branch_id", "equals", branch_id)), read.predicate(Test("status", "equals", ACTIVE)))
    needs = [exp.alias_(read.predicate(need.when), f"need{place}") for place, need in enumerate(terms.needs)]
    select = exp.select(*read.known("client_id", "rm_id", "expected_loss_minor", "language"), *needs).from_("roll").where(inside).order_by("client_id")
    for row in read.roll.arrow(select.sql(dialect=DIALECT)).to_pylist():
        codes = {need.code for place, need in enumerate(terms.needs) if row[f"need{place}"]}
        spoken = (row.get("language") or "").strip().lower() if speaks else ""
        loss = max(row.get("expected_loss_minor") or 0, 0)
        yield Served(row["client_id"], branch_id, row["rm_id"], frozenset(codes | ({LANGUAGE + spoken} if spoken else set())), loss)

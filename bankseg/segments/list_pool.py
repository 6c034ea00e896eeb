"""A list read on a roll: its candidates as the funnel reads them, its counts, and its rows."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
from sqlglot import exp, parse_one

from bankseg.domain.list_terms import CONTROL, TREATED, ListAsked
from bankseg.domain.segment_rules import Rule, attributes_of
from bankseg.segments.compiler import DIALECT
from bankseg.segments.reading import Reading

MEMBER_COLUMNS = ("name", "kind", "branch_id", "rm_id", "segment")
ARMS = (TREATED, CONTROL)
PROVED_PURPOSE = "marketing_phone"  # a consent to calls counts with its proof alone
GLOBAL_DRAW = "SELECT ('0x' || left(sha256(client_id || ':global:' || $global_salt), 12))::BIGINT % 10000 AS global_draw FROM roll"
MARGINS = """
    SELECT o.expected_margin_minor
    FROM (SELECT client_id, row_number() OVER () AS place FROM roll) AS r
    LEFT JOIN (SELECT client_id, expected_margin_minor FROM read_parquet($offers) WHERE product = $product) AS o ON o.client_id = r.client_id
    ORDER BY r.place"""
BESIDE = {"expected_margin_minor": "bigint", "global_draw": "bigint", "has_proof": "boolean"}
PROOFS = """
    SELECT p.client_id IS NOT NULL AS has_proof
    FROM (SELECT client_id, row_number() OVER () AS place FROM roll) AS r
    LEFT JOIN (SELECT DISTINCT client_id FROM read_parquet($proofs) WHERE purpose = $purpose AND proof IS NOT NULL) AS p ON p.client_id = r.client_id
    ORDER BY r.place"""
PROVED = "SELECT client_id, proof, decided_on AS consented_on FROM read_parquet($proofs) WHERE purpose = $purpose"

ELSEWHERE = "SELECT DISTINCT client_id FROM read_parquet($contacted) WHERE arm = 'treated'"
NOBODY = "SELECT NULL::VARCHAR AS client_id WHERE FALSE"  # the engine sees that it is empty, and joins nothing


def laid_beside(reading: Reading, offers: Path, product: str, salt: str, proofs: Path, purpose: str) -> dict[str, str]:
    """Tables with a row for each client of the roll, in its order: the margin expected of a product, the draw of the standing control group, and for calls whether there is a proof of consent."""
    found = {"global_draw": reading.roll.beside("global_draw", GLOBAL_DRAW, {"global_salt": salt})}
    if product:
        of_product = {"offers": str(offers), "product": product}
        found["expected_margin_minor"] = reading.roll.beside("expected_margin_minor", MARGINS, of_product, version=offers.stat().st_mtime_ns)
    if purpose == PROVED_PURPOSE:
        of_purpose = {"proofs": str(proofs), "purpose": purpose}
        found["has_proof"] = reading.roll.beside("has_proof", PROOFS, of_purpose, version=proofs.stat().st_mtime_ns)
    return found


def candidates(
    reading: Reading, asked: ListAsked, inside: exp.Expr, unsuitable: Sequence[Rule], contracts: Collection[str], beside: Mapping[str, str]
) -> exp.Select:
    """One row per candidate: the clients in scope for whom `inside` holds, of the tiers asked for.

    Parameters
    ----------
    beside
        Tables of `laid_beside`, by their column.
    unsuitable
        Rules that bar the product; one over an attribute the roll does not have bars nothing.
    contracts
        Products whose contract in progress is a legal basis of a call, the first one that is held.
    """
    known = reading.roll.columns
    barring = [reading.predicate(rule) for rule in unsuitable if attributes_of(rule) <= set(known)]
    held = [
        (exp.EQ(this=exp.column(f"holds_{product}", quoted=True), expression=exp.Literal.number(1)), product)
        for product in contracts
        if f"holds_{product}" in known
    ]
    contract = exp.Case()
    for holds, product in held:
        contract = contract.when(holds, exp.Literal.string(product))
    columns: dict[str, exp.Expr] = {
        "client_id": exp.column("client_id"),
        **{name: _text(known, name) for name in MEMBER_COLUMNS},
        "tier": exp.Coalesce(this=_text(known, "tier"), expressions=[exp.Literal.string("unknown")]),
        "region": exp.Coalesce(this=_text(known, "region"), expressions=[exp.Literal.string("unknown")]),
        "propensity": _number(known, f"p:cross_sell:{asked.product}" if asked.product else "churn"),
        "churn": _number(known, "churn"),
        "value_12m_minor": _number(known, "value_12m_minor"),
        "days_since_campaign": _number(known, "days_since_campaign"),
        "consents": _is(known, f"consents_{asked.channel}"),
        "contract": contract if held else exp.cast(exp.null(), "varchar"),
        "is_unsuitable": exp.or_(*barring) if barring else exp.false(),
        "is_high_risk": _is(known, "is_high_risk"),
        "is_vulnerable": _is(known, "is_vulnerable"),
        **{name: exp.column(name) if name in beside else exp.cast(exp.null(), kind) for name, kind in BESIDE.items()},
    }
    select = exp.select(*(exp.alias_(column, name, quoted=True) for name, column in columns.items())).from_("roll").where(reading.visible(), inside)
    for table in beside.values():
        select = select.join(f"POSITIONAL JOIN {table}", dialect=DIALECT)
    return select.where(exp.column("tier").isin(*asked.tiers)) if asked.tiers else select


def everybody(reading: Reading) -> exp.Expr:
    """SQL predicate of the clients whom a list without a segment is drawn from: those who bank with the bank today."""
    return exp.EQ(this=_text(reading.roll.columns, "status"), expression=exp.Literal.string("active"))


def counted(reading: Reading, subject: exp.Select, parameters: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Candidates by what becomes of them, the arms with their expected outcomes and margin; and the two arms by value tier, largest first."""
    sql = _of_subject(subject, _counts(has_contacted=bool(parameters["contacted"]), is_limited=parameters["places"] is not None))
    rows = reading.roll.arrow(sql, parameters).to_pylist()
    told = [{name: row[name] for name in ("tier", "treated", "control", "strata")} for row in rows if row["is_layer"]]
    return [row for row in rows if not row["is_layer"]], sorted(told, key=lambda row: (-row["treated"] - row["control"], row["tier"]))


def drawn(reading: Reading, subject: exp.Select, parameters: Mapping[str, Any]) -> pa.Table:
    """Every candidate with what becomes of them, in the order of the list and then by number."""
    basis = "CASE placed.legal_basis WHEN 'contract' THEN placed.contract WHEN 'consent' THEN proved.proof END AS basis_detail"
    arm = "CASE outcome WHEN 'treated' THEN 'treated' WHEN 'control_group' THEN 'control' END AS arm"
    placed = _over("list_funnel.sql", {"stages": _staged(has_contacted=bool(parameters["contacted"])), "arms": _statement("list_arms.sql")})
    select = exp.select("placed.*", "proved.consented_on", basis, arm, dialect=DIALECT).from_(placed.subquery("placed"))
    proved = cast("exp.Select", parse_one(PROVED, dialect=DIALECT)).subquery("proved")
    select = select.join(proved, on="proved.client_id = placed.client_id", join_type="left")
    select = select.order_by("placed.place", "placed.client_id")
    return reading.roll.arrow(_of_subject(subject, select.sql(dialect=DIALECT)), parameters)


def outcomes(reading: Reading, product: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The arms of a list on a later roll; a client without a contract left is a client no more."""
    known = reading.roll.columns
    columns = {
        "client_id": exp.column("client_id"),
        "opened_days": exp.cast(_number(known, f"days_since_opening_{product}"), "bigint"),
        "contacted_days": exp.cast(_number(known, "days_since_campaign"), "bigint"),
        "is_client": exp.EQ(this=_text(known, "status"), expression=exp.Literal.string("active")),
    }
    subject = exp.select(*(exp.alias_(column, name) for name, column in columns.items())).from_("roll")
    return reading.roll.arrow(_over("list_results.sql", {"subject": subject}).sql(dialect=DIALECT), parameters).to_pylist()


def _of_subject(subject: exp.Select, sql: str) -> str:
    """A statement over `subject`, with the candidates in its place."""
    return f"WITH subject AS ({subject.sql(dialect=DIALECT)}) SELECT * FROM ({sql})"  # noqa: S608  # our own statements


@cache
def _counts(*, has_contacted: bool, is_limited: bool) -> str:
    """The statement that counts a list, over `subject`: written once a process, for a preview is asked for at every change of a form."""
    relations = {"stages": _staged(has_contacted=has_contacted), "first": _first(is_limited=is_limited), "arms": _statement("list_arms.sql")}
    return _over("list_counts.sql", relations).sql(dialect=DIALECT)


def _staged(*, has_contacted: bool) -> exp.Select:
    contacted = parse_one(ELSEWHERE if has_contacted else NOBODY, dialect=DIALECT)
    return _over("list_stages.sql", {"contacted": cast("exp.Select", contacted)})


def _first(*, is_limited: bool) -> exp.Select:
    """The best of those whom no stage takes off, in the order of the list: everybody where there is room for all, and then in no order."""
    left = exp.select("*").from_("staged").where("removed_by IS NULL")
    if not is_limited:
        return left
    return left.order_by("expected_margin_minor DESC NULLS LAST", "propensity DESC", "client_id", dialect=DIALECT).limit(exp.Placeholder(this="places"))


def _over(name: str, relations: Mapping[str, exp.Select]) -> exp.Select:
    """A statement of this room over the rows that stand for some of its relations."""
    tree = _statement(name)
    for table in list(tree.find_all(exp.Table)):
        if table.name in relations:
            table.replace(relations[table.name].subquery(table.alias_or_name))
    return tree


def _statement(name: str) -> exp.Select:
    return _parsed(name).copy()


@cache
def _parsed(name: str) -> exp.Select:
    """A statement of this room as it is written; whoever changes it takes a copy."""
    return cast("exp.Select", parse_one(files("bankseg.segments").joinpath(name).read_text(encoding="utf-8"), dialect=DIALECT))


def _number(known: Collection[str], name: str) -> exp.Expr:
    return exp.cast(exp.column(name, quoted=True) if name in known else exp.null(), "double")


def _text(known: Collection[str], name: str) -> exp.Expr:
    return exp.cast(exp.column(name, quoted=True) if name in known else exp.null(), "varchar")


def _is(known: Collection[str], name: str) -> exp.Expr:
    """Whether a flag is up; a flag nobody knows is not."""
    flag = exp.cast(exp.column(name, quoted=True) if name in known else exp.null(), "boolean")
    return exp.Coalesce(this=flag, expressions=[exp.false()])

"""Assignment: value tier, churn band, risk band and one segment with its reason for every client of a run."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp

from bankseg.domain.policy import Policy
from bankseg.domain.purposes import refuse_propensities
from bankseg.domain.rule_words import words
from bankseg.lake.analysis import Analysis
from bankseg.segments.compiler import DIALECT, first_match, predicate
from bankseg.segments.loyalty import READ, Measures, attached

# Columns the SQL names and whose type where no extract brings them.
EXPECTED: dict[str, str] = {
    "status": "varchar", "name": "varchar", "city": "varchar", "branch_id": "varchar", "rm_id": "varchar", "kind": "varchar", "joined_on": "date",
    "is_vulnerable": "boolean", "deceased_on": "date", "credit_source": "varchar", "credit_score": "double", "credit_score_change_90d": "double", "is_forborne": "bigint",
    "interest_margin_12m_minor": "bigint", "contract_margin_12m_minor": "bigint", "fees_12m_minor": "bigint", "account_cost_12m_minor": "bigint",
    "service_cost_12m_minor": "bigint", "exposure_minor": "bigint", "arrears_minor": "bigint", "days_past_due": "bigint", "instalments_minor_90d": "bigint",
    "income_90d_minor": "bigint", "recency_days": "bigint", "open_accounts": "bigint", "counted_pace_90d": "double", "active_days_365d": "bigint",
    "credit_minor_365d": "bigint", "deposits_mean_12m_minor": "bigint", "balance_minor": "bigint", "debt_minor": "bigint", "consents_email": "bigint", "consents_phone": "bigint",
    "consents_sms": "bigint", "consents_post": "bigint", "preferred_contact": "varchar", "last_interaction_on": "date", "days_since_campaign": "bigint",
    "arrears_since": "date", "rejects_since": "date", "best_blocked_by": "varchar",
}  # fmt: skip
OFFERED = "p:cross_sell:"
_WORD = re.compile(r"\w+")
RISK_SOURCES = ("days_past_due", "credit_score", "rejected_debits_30d", "overdraft_beyond_limit_months_6m")
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a run publishes: Arrow tables for clients, offers and cases, the cut points used, and the counts shown on pages."""

    clients: pa.Table
    offers: pa.Table
    cases: pa.Table
    cuts: list[dict[str, Any]]
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cuts:
    """What placing one client asks of all of them.

    `points` are the cut points of tiers and RFM; `high` and `medium` the losses from which churn bands begin (null: nobody is scored); `values_known` whether any value is;
    `columns` those of the scores of all buckets, in order, with their types.
    """

    points: list[dict[str, Any]]
    high: float | None
    medium: float | None
    values_known: bool
    columns: dict[str, str]


@dataclass(frozen=True, slots=True)
class Placed:
    """Clients who were placed elsewhere, bucket by bucket: by which cuts, and the files of `place`."""

    cuts: Cuts
    parts: Sequence[Path]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an assignment reads beside the scores.

    `cuts` are the frozen cut points of the reference run (None: this run becomes the reference); `tiers_before` the tiers published last.
    `judged` tells for each product the base rate and the number of clients its model was judged on, by which its propensity is smoothed.
    `described` are files of what describes a client and no model reads; `roll` is where every client with every attribute is written, for rules to read.
    `placed` are the clients with tier, bands, warning signs and segment where that was done before; None: it is done here, for all at once.
    """

    scores: Sequence[Path]
    run_id: int
    as_of: date
    currency: str
    natures: Mapping[str, str]
    has_transactions: bool
    cuts: Sequence[Mapping[str, Any]] | None
    tiers_before: pa.Table
    memory: str = "2GB"
    judged: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    described: Sequence[Path] = ()
    roll: Path | None = None
    placed: Placed | None = None


def assign(policy: Policy, inputs: Inputs) -> Assignment:
    """Tiers, bands, triggers, segments, offers and cases of a run.

    Returns
    -------
    Assignment
        One client row per scored row, ordered by `client_id`; money in minor units; null where not known.
    """
    with Analysis(memory=inputs.memory) as analysis:
        if inputs.placed is None:
            cuts = _place(analysis, policy, inputs, None)
        else:
            cuts = inputs.placed.cuts
            _scored(analysis, inputs)
            _relations(analysis, policy, inputs)
            analysis.parquet("segmented", inputs.placed.parts)
            _beside(analysis)
        if inputs.roll is not None:
            analysis.parquet("described", inputs.described)
            analysis.register("attached", _attached(analysis, policy))
            analysis.save(_sql("roll"), inputs.roll)
        return _published(analysis, policy, inputs, cuts)


def cuts_of(policy: Policy, inputs: Inputs) -> Cuts:
    """The cuts of the whole book, from the columns that they are made of alone."""
    with Analysis(memory=inputs.memory) as analysis:
        _scored(analysis, inputs, ("client_id", "churn"))
        _relations(analysis, policy, inputs)
        analysis.view("valued", _sql("value"), _value_parameters(policy, inputs))
        return _cuts(analysis, policy, inputs)


def place(policy: Policy, inputs: Inputs, cuts: Cuts, path: Path) -> int:
    """Write the clients of some buckets with tier, bands, warning signs and segment, and say how many there are; no row asks of another."""
    with Analysis(memory=inputs.memory, threads=1) as analysis:
        _place(analysis, policy, inputs, cuts)
        analysis.save("SELECT * FROM segmented ORDER BY client_id", path)
        return int(analysis.value("SELECT count(*) FROM segmented"))


def _place(analysis: Analysis, policy: Policy, inputs: Inputs, known: Cuts | None) -> Cuts:
    """Name the placed clients `segmented`, and the scores that were not needed for it `beside`; without known cuts these are those of the rows at hand."""
    columns = _scored(analysis, inputs, types=known.columns if known else None)
    _relations(analysis, policy, inputs)
    analysis.view("valued", _sql("value"), _value_parameters(policy, inputs))
    cuts = known or _cuts(analysis, policy, inputs)
    analysis.register("cuts", pa.Table.from_pylist(cuts.points, schema=CUTS))
    analysis.view("tiered", _sql("tiers"), {"hysteresis_share": policy.section("tiers")["hysteresis_share"]})
    analysis.view("banded", _sql("bands"), {"values_known": cuts.values_known, "high": cuts.high, "medium": cuts.medium})
    _triggers(analysis, policy, columns)
    _segments(analysis, policy)
    _beside(analysis)
    return cuts


def _cuts(analysis: Analysis, policy: Policy, inputs: Inputs) -> Cuts:
    points = [dict(cut) for cut in inputs.cuts] if inputs.cuts else analysis.arrow(_sql("cuts"), dict(policy.section("tiers"))).cast(CUTS).to_pylist()
    known = bool(analysis.value("SELECT count(value_12m_minor) > 0 FROM valued"))
    shares = {name: policy.section("churn")[name] for name in ("high_share", "medium_share")}
    bands = analysis.arrow(_sql("churn_cuts"), {**shares, "values_known": known}).to_pylist()[0]
    return Cuts(points, bands["high"], bands["medium"], known, analysis.types("raw_scores"))


def _attached(analysis: Analysis, policy: Policy) -> pa.Table:
    read = [name for name in READ if name in analysis.columns("segmented")]
    table = analysis.arrow(exp.select("client_id", *read).from_("segmented").order_by("client_id").sql(dialect=DIALECT))
    return attached(table, Measures(**policy.section("loyalty")))


def valued(policy: Policy, inputs: Inputs, more: Sequence[str] = ()) -> pa.Table:
    """Where clients stand at a date, as a run finds it, and nothing else: what lifetime value asks of every month.

    Returns
    -------
    pyarrow.Table
        `client_id`, `kind`, `status`, `activity`, `value_12m_minor` (minor units, null where not known) and `stage`, by number;
        `tenure_days`, `age_years` and the columns of `more` where the scores have them.
    """
    with Analysis(memory=inputs.memory) as analysis:
        asked = ("client_id", "tenure_days", "age_years", *more)
        present = _scored(analysis, inputs, asked)
        _relations(analysis, policy, inputs)
        analysis.view("valued", _sql("value"), _value_parameters(policy, inputs))
        wanted = [*STANDING, *(name for name in asked[1:] if name in present)]
        columns = [exp.column(name, quoted=True) for name in wanted]
        return analysis.arrow(exp.select(*columns).from_("valued").order_by("client_id").sql(dialect=DIALECT))


STANDING = ("client_id", "kind", "status", "activity", "value_12m_minor", "stage")
CUT_COLUMNS: dict[str, pa.DataType] = {"kind": pa.string(), "measure": pa.string(), "class": pa.string(), "least": pa.int64()}
CUTS = pa.schema(CUT_COLUMNS)


def warning_levels(policy: Policy, snapshot: pa.Table, inputs: Inputs) -> pa.Table:
    """Early-warning levels of every client of a past snapshot, as a run of that day would have found them.

    Parameters
    ----------
    snapshot
        Features of one date, one row a client; `inputs` says all but the scores, which are not read.

    Returns
    -------
    pyarrow.Table
        `client_id`, `days_past_due` (null: no instalment) and for each rule `level_<code>`: amber, red or null.
    """
    with Analysis(memory=inputs.memory) as analysis:
        renamed = {"client_kind": "kind", "client_status": "status"}
        present = [renamed.get(name, name) for name in snapshot.column_names]
        analysis.register("raw_scores", snapshot.rename_columns(present))
        missing = [exp.alias_(exp.cast(exp.null(), kind), name) for name, kind in EXPECTED.items() if name not in present]
        analysis.view("scored", exp.select(exp.Star(), *missing).from_("raw_scores").sql(dialect=DIALECT))
        _relations(analysis, policy, inputs)
        analysis.view("banded", _sql("value"), _value_parameters(policy, inputs))
        _triggers(analysis, policy, frozenset(present))
        columns = ["client_id", "days_past_due", *(f"level_{trigger.code}" for trigger in policy.triggers())]
        return analysis.arrow(exp.select(*columns).from_("levelled").order_by("client_id").sql(dialect=DIALECT))


def working_days_after(day: date, count: int) -> date:
    """The day `count` working days (Monday to Friday) after `day`.

    Examples
    --------
    >>> working_days_after(date(2025, 12, 31), 5)
    datetime.date(2026, 1, 7)
    """
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < SATURDAY
    return day


def _sql(name: str) -> str:
    return files("bankseg.segments").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def _scored(analysis: Analysis, inputs: Inputs, only: Collection[str] = (), types: Mapping[str, str] | None = None) -> frozenset[str]:
    """The scores as one view that has every column the SQL names (and, with `only`, no others but these); returns the columns that hold data.

    `types` are the columns of all buckets: those that the files at hand lack are null, and stand where they stand.
    """
    if types is None:
        analysis.parquet("raw_scores", inputs.scores)
    else:
        analysis.parquet("scores_here", inputs.scores)
        here = analysis.types("scores_here")
        columns = [exp.column(name, quoted=True) if name in here else exp.null() for name in types]
        cast = [exp.alias_(exp.cast(column, kind, dialect=DIALECT), name, quoted=True) for column, (name, kind) in zip(columns, types.items(), strict=True)]
        analysis.view("raw_scores", exp.select(*cast).from_("scores_here").sql(dialect=DIALECT))
    present = analysis.columns("raw_scores")
    missing = [exp.alias_(exp.cast(exp.null(), kind), name) for name, kind in EXPECTED.items() if name not in present]
    kept: list[exp.Expr] = [exp.column(name, quoted=True) for name in present if name in EXPECTED or name in only] if only else [exp.Star()]
    analysis.view("scored", exp.select(*kept, *missing).from_("raw_scores").sql(dialect=DIALECT))
    return frozenset(present)


def _relations(analysis: Analysis, policy: Policy, inputs: Inputs) -> None:
    bands = []
    for source, entries in policy.section("credit_bands").items():
        ordered = sorted(entries, key=lambda entry: entry["low"])
        for rank, entry in enumerate(ordered):
            below = float(ordered[rank + 1]["low"]) if rank + 1 < len(ordered) else float("inf")
            bands.append({"source": source, "band": entry["band"], "rank": rank, "low": float(entry["low"]), "below": below, "pd": float(entry["pd"])})
    analysis.register("credit_bands", pa.Table.from_pylist(bands))
    analysis.register("products", pa.table({"product": list(inputs.natures), "nature": list(inputs.natures.values())}))
    analysis.register("tiers_before", inputs.tiers_before)
    scheme = [{"code": entry.code, "reason": words(entry.when), "action": entry.action} for entry in policy.segments()]
    analysis.register("scheme", pa.Table.from_pylist(scheme))


def _value_parameters(policy: Policy, inputs: Inputs) -> dict[str, Any]:
    risk, loss = policy.section("risk"), policy.section("value")["loss"]
    breaks = policy.section("rfm")["recency_breaks_days"]
    return {
        "default_pd": loss["default_pd"],
        "given_default": loss["given_default"],
        "arrears_floor_individual_minor": risk["arrears_floor_minor"]["individual"],
        "arrears_floor_other_minor": risk["arrears_floor_minor"]["other"],
        "arrears_floor_share": risk["arrears_floor_share"],
        "stage_2_days": risk["stage_2_days"],
        "stage_3_days": risk["stage_3_days"],
        "has_transactions": inputs.has_transactions,
        "recency_5": breaks[0],
        "recency_4": breaks[1],
        "recency_3": breaks[2],
        "recency_2": breaks[3],
        **policy.section("activity"),
    }


def _triggers(analysis: Analysis, policy: Policy, columns: Collection[str]) -> None:
    """Early-warning levels per rule, their JSON evidence, and the high-risk decision."""
    known = analysis.columns("banded")
    levels: list[exp.Expr] = []
    entries: list[exp.Expr] = []
    families: list[exp.Expr] = []
    for trigger in policy.triggers():
        case = exp.Case()
        for level, rule in (("red", trigger.red), ("amber", trigger.amber)):
            if rule is not None:
                refuse_propensities(rule, f"early-warning rule {trigger.code}")
                case = case.when(predicate(rule, known), exp.Literal.string(level))
        name = f"level_{trigger.code}"
        levels.append(exp.alias_(case, name))
        evidence = exp.cast(exp.column(trigger.evidence, quoted=True), "double") if trigger.evidence in known else exp.cast(exp.null(), "double")
        fields = {"code": exp.Literal.string(trigger.code), "level": exp.column(name), "family": exp.Literal.string(trigger.family),
                  "evidence": exp.Literal.string(trigger.evidence), "value": evidence}  # fmt: skip
        struct = exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier(key), expression=value) for key, value in fields.items()])
        entries.append(exp.Case().when(exp.column(name).is_(exp.null()).not_(), struct))
        families.append(exp.Case().when(exp.column(name).eq("amber"), exp.Literal.string(trigger.family)))
    analysis.view("levelled", exp.select(exp.Star(), *levels).from_("banded").sql(dialect=DIALECT))
    reds = exp.or_(*(exp.Coalesce(this=exp.paren(exp.column(f"level_{trigger.code}").eq("red")), expressions=[exp.false()]) for trigger in policy.triggers()))
    fired = _without_nulls(entries)
    analysis.view(
        "flagged",
        exp.select(
            exp.Star(),
            exp.alias_(exp.paren(reds), "has_red"),
            exp.alias_(exp.cast(exp.func("to_json", fired, dialect=DIALECT), "varchar"), "risk_triggers"),
            exp.alias_(exp.func("len", exp.func("list_distinct", _without_nulls(families), dialect=DIALECT), dialect=DIALECT), "amber_families"),
            exp.alias_(exp.func("len", fired.copy(), dialect=DIALECT), "fired"),
        )
        .from_("levelled")
        .sql(dialect=DIALECT),
    )
    analysis.view("risky", _RISKY, {"knows_risk": any(source in columns for source in RISK_SOURCES)})


_RISKY = """
SELECT *, status = 'active' AND (stage >= 2 OR has_red OR amber_families >= 2) AS is_high_risk,
    CASE
        WHEN NOT $knows_risk OR status <> 'active' THEN 'unknown'
        WHEN stage >= 2 OR has_red OR amber_families >= 2 THEN 'high'
        WHEN fired > 0 THEN 'elevated'
        ELSE 'normal'
    END AS risk_band
FROM flagged
"""


def _without_nulls(parts: Sequence[exp.Expr]) -> exp.Expr:
    name = exp.to_identifier("part")
    keep = exp.Lambda(this=exp.Column(this=name).is_(exp.null()).not_(), expressions=[name])
    return exp.func("list_filter", exp.Array(expressions=list(parts)), keep, dialect=DIALECT)


def _segments(analysis: Analysis, policy: Policy) -> None:
    known = analysis.columns("risky")
    targets = [name for name in known if name.startswith("p:")]
    pairs = [
        exp.PropertyEQ(this=exp.to_identifier(name[2:], quoted=True), expression=exp.func("round", exp.column(name, quoted=True), exp.Literal.number(6)))
        for name in targets
    ]
    packed: exp.Expr = exp.Literal.string("{}")
    if pairs:
        packed = exp.cast(exp.func("to_json", exp.Struct(expressions=pairs), dialect=DIALECT), "varchar")
    case = first_match([(segment.code, segment.when) for segment in policy.segments()], known)
    written, told = analysis.columns("raw_scores"), _told()
    kept = [exp.column(name, quoted=True) for name in known if name not in written or name in told or name.startswith(OFFERED)]
    select = exp.select(*kept, exp.alias_(case, "segment"), exp.alias_(packed, "propensities")).from_("risky")
    analysis.table("segmented", select.sql(dialect=DIALECT))


def _beside(analysis: Analysis) -> None:
    held = analysis.columns("segmented")
    others = [exp.column(name, quoted=True) for name in analysis.columns("raw_scores") if name not in held]
    analysis.view("beside", exp.select("client_id", *others).from_("raw_scores").sql(dialect=DIALECT))


def _told() -> frozenset[str]:
    """Names that what is published may read of the scores; the other columns of a client are read from their files where the roll is written, and never held."""
    return frozenset({*EXPECTED, *READ, "client_id", "churn"}.union(*(_WORD.findall(_sql(name)) for name in ("published", "offers", "cases"))))


def _published(analysis: Analysis, policy: Policy, inputs: Inputs, cuts: Cuts) -> Assignment:
    value, risk = policy.section("value"), policy.section("risk")
    clients = analysis.arrow(_sql("published"), {"run_id": inputs.run_id, "currency": inputs.currency, "value_is_approximate": bool(value["is_approximate"])})
    _offers(analysis, policy, inputs, [name for name in cuts.columns if name.startswith(OFFERED)])
    offers = analysis.arrow(
        _sql("offers"),
        {
            "run_id": inputs.run_id,
            "least_days_between_contacts": policy.section("contact_policy")["least_days_between_contacts"],
            "smoothing_clients": float(policy.section("cross_sell")["smoothing_clients"]),
        },
    )
    due = {
        "red_due_on": working_days_after(inputs.as_of, int(risk["red_due_working_days"])).isoformat(),
        "amber_due_on": working_days_after(inputs.as_of, int(risk["amber_due_working_days"])).isoformat(),
    }
    cases = analysis.arrow(_sql("cases"), {"run_id": inputs.run_id, **due})
    return Assignment(clients, offers, cases, cuts.points, _summary(analysis, policy))


def _offers(analysis: Analysis, policy: Policy, inputs: Inputs, targets: Sequence[str]) -> None:
    """Eligible client x product pairs as one long relation, and the margin and base rate of each product."""
    margins = policy.section("value")["new_contract_margin_minor"]
    parts = [
        exp.select("client_id", exp.alias_(exp.Literal.string(name.split(":")[2]), "product"), exp.alias_(exp.column(name, quoted=True), "propensity"))
        .from_("segmented")
        .where(exp.column(name, quoted=True).is_(exp.null()).not_())
        for name in sorted(targets)
    ]
    nothing = "SELECT CAST(NULL AS VARCHAR) AS client_id, CAST(NULL AS VARCHAR) AS product, CAST(NULL AS DOUBLE) AS propensity WHERE FALSE"
    analysis.view("offers", exp.union(*parts, distinct=False).sql(dialect=DIALECT) if len(parts) > 1 else parts[0].sql(dialect=DIALECT) if parts else nothing)
    products = sorted(inputs.natures)
    analysis.register(
        "margins",
        pa.table(
            {
                "product": products,
                "margin_minor": pa.array([int(margins.get(product, DEFAULT_MARGIN_MINOR)) for product in products], pa.int64()),
                "base_rate": pa.array([inputs.judged.get(product, (None, None))[0] for product in products], pa.float64()),
                "judged_on": pa.array([inputs.judged.get(product, (None, None))[1] for product in products], pa.int64()),
            }
        ),
    )


DEFAULT_MARGIN_MINOR = 5_000  # a product the policy prices nothing for


def _summary(analysis: Analysis, policy: Policy) -> dict[str, Any]:
    """Counts by segment, tier, churn band and risk band, precomputed so that pages never count."""

    def counted(column: str) -> dict[str, dict[str, Any]]:
        rows = analysis.arrow(
            exp.select(
                exp.column(column), "count(*) AS clients", "coalesce(sum(balance_minor), 0)::BIGINT AS balance_minor",
                "coalesce(sum(value_12m_minor), 0)::BIGINT AS value_12m_minor", "avg(churn) AS mean_churn", "coalesce(sum(expected_loss_minor), 0)::BIGINT AS expected_loss_minor", dialect=DIALECT,
            ).from_("segmented").group_by(exp.column(column)).sql(dialect=DIALECT)
        ).to_pylist()  # fmt: skip
        return {str(row.pop(column)): row for row in rows}

    grid = analysis.arrow("SELECT tier, churn_band, risk_band, count(*) AS clients FROM segmented GROUP BY ALL ORDER BY ALL").to_pylist()
    scheme = [
        {"code": entry.code, "label_en": entry.label_en, "label_fr": entry.label_fr, "action": entry.action, "owner": entry.owner, "rule": words(entry.when)}
        for entry in policy.segments()
    ]
    return {
        "clients": int(analysis.value("SELECT count(*) FROM segmented")),
        "scheme": json.loads(json.dumps(scheme)),
        "segments": counted("segment"),
        "tiers": counted("tier"),
        "churn_bands": counted("churn_band"),
        "risk_bands": counted("risk_band"),
        "grid": grid,
        "coverage": _coverage(analysis),
        "left_with_nothing": _left_with_nothing(analysis),
    }


def _left_with_nothing(analysis: Analysis) -> dict[str, dict[str, int]]:
    """Clients without a product to propose, by segment and by the stage at which the last one fell away."""
    rows = analysis.arrow(
        "SELECT segment, best_blocked_by AS stage, count(*) AS clients FROM segmented WHERE best_blocked_by IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows.to_pylist():
        found.setdefault(row["segment"], {})[row["stage"]] = row["clients"]
    return found


def _coverage(analysis: Analysis) -> dict[str, float]:
    """Share of clients with a known value, by column of the scored snapshot."""
    shares = [
        exp.alias_(
            exp.func(
                "round",
                exp.Div(
                    this=exp.Count(this=exp.column(name, quoted=True)),
                    expression=exp.func("greatest", exp.Count(this=exp.Star()), exp.Literal.number(1), dialect=DIALECT),
                ),
                exp.Literal.number(4),
            ),
            name,
            quoted=True,
        )
        for name in analysis.columns("raw_scores")
    ]
    row = analysis.arrow(exp.select(*shares).from_("raw_scores").sql(dialect=DIALECT)).to_pylist()[0]
    return {name: float(share) for name, share in row.items()}

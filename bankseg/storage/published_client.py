"""Clients as published: one row per client and run, everything a desk shows."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Index, false, true
from sqlmodel import Field, SQLModel, col

from bankseg.domain.people import Role, Scope


class PublishedClient(SQLModel, table=True):
    """One client as of a run. Money is in minor units; null means not known or not scored, never zero."""

    __tablename__ = "published_client"
    __table_args__ = (
        Index("ix_published_client_portfolio", "run_id", "rm_id", "churn", "client_id"),
        Index("ix_published_client_branch", "run_id", "branch_id", "churn", "client_id"),
        Index("ix_published_client_segment", "run_id", "segment", "client_id"),
        Index("ix_published_client_book", "run_id", "churn", "client_id"),
    )

    run_id: int = Field(primary_key=True)
    client_id: str = Field(primary_key=True)
    name: str | None = None
    kind: str
    status: str | None = None
    city: str | None = None
    branch_id: str | None = Field(default=None)
    rm_id: str | None = Field(default=None)
    joined_on: str | None = None
    currency: str | None = None
    balance_minor: int | None = Field(default=None, sa_type=BigInteger)  # deposits and investments at as_of
    debt_minor: int | None = Field(default=None, sa_type=BigInteger)
    value_12m_minor: int | None = Field(default=None, sa_type=BigInteger)
    value_is_approximate: bool = True
    clv_minor: int | None = Field(default=None, sa_type=BigInteger)  # lifetime value: median; null where the history is too short
    clv_low_minor: int | None = Field(default=None, sa_type=BigInteger)
    clv_high_minor: int | None = Field(default=None, sa_type=BigInteger)
    clv_annuity_minor: int | None = Field(default=None, sa_type=BigInteger)  # the two plain estimates shown beside it
    clv_average_minor: int | None = Field(default=None, sa_type=BigInteger)
    tier: str
    tier_reason: str = ""
    activity: str | None = None
    rfm: str | None = None
    churn: float | None = None  # largest calibrated propensity among the churn targets of the policy's headline
    churn_target: str | None = None
    churn_band: str = "not_scored"
    churn_reasons: str = "[]"  # JSON list of {family, direction, feature, value, share}
    expected_loss_minor: int | None = Field(default=None, sa_type=BigInteger)
    best_product: str | None = None
    best_propensity: float | None = None
    best_margin_minor: int | None = Field(default=None, sa_type=BigInteger)
    best_reasons: str = "[]"
    credit_score: float | None = None
    credit_source: str | None = None
    risk_band: str = "unknown"
    risk_triggers: str = "[]"  # JSON list of {code, level, family, evidence, since}
    is_high_risk: bool = False
    is_vulnerable: bool = False
    segment: str
    segment_reason: str = ""
    action: str = ""
    consent_purposes: str = ""  # space-separated purposes granted as of the run
    preferred_channel: str | None = None
    last_interaction_on: str | None = None
    propensities: str = "{}"  # JSON object target -> calibrated propensity


class ProductPropensity(SQLModel, table=True):
    """One client's calibrated propensity for one product they are eligible for."""

    __tablename__ = "product_propensity"
    __table_args__ = (Index("ix_product_propensity_list", "run_id", "product", "propensity", "client_id", "excluded_by"),)

    run_id: int = Field(primary_key=True)
    client_id: str = Field(primary_key=True)
    product: str = Field(primary_key=True)
    rm_id: str | None = None
    branch_id: str | None = None
    propensity: float
    expected_margin_minor: int | None = Field(default=None, sa_type=BigInteger)
    reasons: str = "[]"
    excluded_by: str | None = None  # consent | contact_policy | risk | vulnerable | null when the client may be contacted


class RiskCase(SQLModel, table=True):
    """One entry of the risk team's review queue."""

    __tablename__ = "risk_case"
    __table_args__ = (Index("ix_risk_case_queue", "run_id", "severity", "exposure_minor", "client_id"),)

    run_id: int = Field(primary_key=True)
    client_id: str = Field(primary_key=True)
    rm_id: str | None = None
    branch_id: str | None = None
    severity: int  # 3 stage 3, 2 red, 1 amber
    stage: int
    days_past_due: int | None = None
    exposure_minor: int | None = Field(default=None, sa_type=BigInteger)
    triggers: str = "[]"
    since: str | None = None
    due_on: str


def in_scope(scope: Scope, table: Any = PublishedClient) -> ColumnElement[bool]:  # any of the client tables above
    """The predicate every read of clients carries: a forgotten check elsewhere cannot widen a list."""
    if scope.sees_whole_book:
        return true()
    if scope.role is Role.RELATIONSHIP_MANAGER and scope.rm_id is not None:
        return col(table.rm_id) == scope.rm_id
    if scope.role is Role.BRANCH_HEAD and scope.branch_id is not None:
        return col(table.branch_id) == scope.branch_id
    return false()

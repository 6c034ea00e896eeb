"""Requests and answers of the API, as OpenAPI describes them."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from bankseg.storage.portfolio import PortfolioFilter

Money = Annotated[int | None, Field(default=None, description="Minor units of `currency`; null when unknown")]
Code = Annotated[str, StringConstraints(max_length=100)]
LARGEST = 2**31 - 1  # what a number of the store can be
Number = Annotated[int, Field(ge=1, le=LARGEST)]
NOT_BLANK = r"\S"


def _written_out(value: Any) -> Any:  # whatever was sent
    """A day is written as 2025-12-31: a number is no day, though pydantic would count it from 1970."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return date.fromisoformat(value)
    raise ValueError("a day such as 2025-12-31")


Day = Annotated[date, BeforeValidator(_written_out)]


class Asked(BaseModel):
    """Parameters; an unknown one is refused rather than ignored."""

    model_config = ConfigDict(extra="forbid")


class PageAsked(Asked):
    limit: int = Field(default=50, ge=1, le=200, description="Rows in a page")
    after: str = Field(default="", max_length=600, description="`next_after` of the page before")


class ClientsChosen(Asked):
    tier: Code = ""
    status: Code = Field(default="", description="active, prospect or former")
    segment: Code = ""
    churn_band: Code = ""
    product: Code = Field(default="", description="Next best product")
    branch: Code = ""
    rm: Code = Field(default="", description="Portfolio of this relationship manager")
    in_risk: bool = Field(default=False, description="Only clients under risk review")
    balance_at_least_minor: int | None = Field(default=None, ge=-(10**15), le=10**15)
    balance_at_most_minor: int | None = Field(default=None, ge=-(10**15), le=10**15)
    q: Code = Field(default="", description="Part of a name, or start of a client id")
    sort: Literal[
        "churn", "-churn", "loss", "-loss", "value", "-value", "balance", "-balance", "product", "-product", "tier", "-tier", "segment", "-segment", "name", "-name",
        "client", "-client", "contact", "-contact",
    ] = Field(default="-churn", description="Order; - in front for descending; unknown values come last")  # fmt: skip

    def filter(self) -> PortfolioFilter:
        """What the list is narrowed by."""
        return PortfolioFilter(
            tier=self.tier, status=self.status, segment=self.segment, churn_band=self.churn_band, product=self.product, search=self.q.strip(), branch=self.branch,
            rm=self.rm, in_risk=self.in_risk, balance_at_least_minor=self.balance_at_least_minor, balance_at_most_minor=self.balance_at_most_minor,
        )  # fmt: skip


class ClientsAsked(PageAsked, ClientsChosen):
    """A page of the list."""


class CrossSellChosen(Asked):
    least_propensity: float = Field(default=0.0, ge=0, le=1)
    size: int | None = Field(default=None, ge=1, le=LARGEST, description="Keep only this many, likeliest first")
    tier: list[Code] = Field(default=[])
    segment: list[Code] = Field(default=[])


class CrossSellAsked(PageAsked, CrossSellChosen):
    """A page of a product's list."""


class RiskChosen(Asked):
    severity: Literal["1", "2", "3"] | None = Field(default=None, description="3 stage 3, 2 red, 1 amber")
    view: Literal["all", "", "mine", "overdue", "waiting", "decided"] = Field(default="all", description="Empty: cases to review")
    trigger: str = Field(default="", max_length=20, description="Code of an early-warning rule that fired, such as R1")
    branch: Code = ""


class RiskAsked(PageAsked, RiskChosen):
    """A page of the queue."""


class ClientPath(BaseModel):
    client_id: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ProductPath(BaseModel):
    product: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class ModelPath(BaseModel):
    target: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    version: int = Field(ge=1, le=2**31 - 1)


class ModelsAsked(Asked):
    target: Code = Field(default="", description="Only this target")


class DocumentAsked(Asked):
    language: Literal["en", "fr"] = "en"


class RunPath(BaseModel):
    run_id: int = Field(ge=1, le=2**31 - 1)


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str | None = Field(default=None, description="For people")
    found: str | None = Field(default=None, description="What was found")
    expected: str | None = None
    remedy: str | None = Field(default=None, description="What to do")
    errors: list[dict[str, str]] | None = Field(default=None, description="Of 422: what is wrong where")


class Stamped(BaseModel):
    run_id: int = Field(description="Published run the numbers come from")
    as_of: str = Field(description="Last day whose data may be known")


class ClientRow(BaseModel):
    """A client as published; a field the role may not see is absent."""

    client_id: str
    name: str | None = None
    kind: str | None = None
    status: str | None = None
    city: str | None = None
    branch_id: str | None = None
    rm_id: str | None = None
    currency: str | None = None
    tier: str | None = None
    tier_reason: str | None = None
    activity: str | None = None
    value_12m_minor: Money
    value_is_approximate: bool | None = None
    balance_minor: Money
    churn: float | None = Field(default=None, ge=0, le=1)
    churn_band: str | None = None
    churn_target: str | None = None
    expected_loss_minor: Money
    best_product: str | None = None
    best_propensity: float | None = None
    best_margin_minor: Money
    segment: str | None = None
    segment_reason: str | None = None
    action: str | None = None
    risk_band: str | None = None
    is_high_risk: bool | None = None
    is_vulnerable: bool | None = None
    preferred_channel: str | None = None
    last_interaction_on: str | None = None


class ClientsPage(Stamped):
    clients: list[ClientRow]
    next_after: str | None = Field(default=None, description="Give it as `after` for the next page; null on the last")


class ClientDetail(Stamped):
    client: dict[str, Any]
    products: list[dict[str, Any]]
    risk_case: dict[str, Any] | None = None
    history: list[dict[str, Any]]


class Funnel(BaseModel):
    """candidates = kept + the sum of removed."""

    candidates: int
    removed: dict[str, int]
    kept: int


class CrossSellList(Stamped):
    product: str
    funnel: Funnel
    clients: list[dict[str, Any]]
    next_after: str | None = None


class RiskQueue(Stamped):
    cases: list[dict[str, Any]]
    counts: dict[str, int]
    next_after: str | None = None


class Products(Stamped):
    products: list[dict[str, Any]]
    proposals: dict[str, Any] | None = Field(description="How the ranking of products did, and who is left with nothing; null: not measured")


class RiskOverview(Stamped):
    states: dict[str, int]
    triggers: dict[str, int]
    branches: dict[str, dict[str, int]] = Field(description="Cases by branch and severity")
    cases: int


class SegmentRow(BaseModel):
    segment: str
    action: str
    clients: int
    by_tier: dict[str, int]
    value_12m_minor: dict[str, int | None] = Field(description="By currency; null: nobody's is known")


class Segments(Stamped):
    clients: int
    segments: list[SegmentRow]


class StageRow(BaseModel):
    stage: str
    state: str
    share: float
    jobs: int
    done: int


class RunRow(BaseModel):
    run_id: int
    as_of: str
    state: str
    is_current: bool
    created_at: float
    published_at: float | None = None
    clients: int | None = None


class Runs(BaseModel):
    runs: list[RunRow]


class RunDetail(RunRow):
    stages: list[StageRow]
    models: dict[str, str]
    refusals: dict[str, str]
    error: str | None = None


class ModelRow(BaseModel):
    """One version of one target."""

    target: str
    version: int
    status: str = Field(description="champion, challenger, shadow, retired or rejected")
    as_of: str
    age_days: int | None = Field(default=None, description="On the date of the published run")
    roc_auc: float | None = None
    lift10: float | None = None
    empc: float | None = None
    ece: float | None = None
    positives: int
    materiality: str
    next_review_on: str | None = None
    score_psi: float | None = Field(default=None, description="Drift of the score on the latest observed run")
    score_level: str | None = Field(default=None, description="steady, watch or act")
    gates: int = Field(description="Gates evaluated last")
    red_gates: int
    amber_gates: int
    digest: str
    run_id: int | None = None


class Models(BaseModel):
    models: list[ModelRow]
    proposals: list[dict[str, Any]]
    alerts: list[dict[str, Any]]


class ModelFile(BaseModel):
    """The model file: what its page and its document show."""

    model: dict[str, Any]
    metrics: dict[str, Any]
    gates: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    openings: list[dict[str, Any]]
    observations: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    limits: list[dict[str, Any]]

    model_config = ConfigDict(extra="allow")

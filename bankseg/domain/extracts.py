"""The canonical extracts: every table a bank may load, column by column.

This is the single contract between a bank's mapping, the intake checks, the lake's
schema, the point-in-time views and the generated reference pages.
"""

from dataclasses import dataclass, field
from typing import Literal

ColumnType = Literal["text", "integer", "number", "money", "date", "boolean"]

# Largest absolute amount accepted, in currency units: beyond it a value is a mistake, and sums stay far inside int64.
MONEY_LIMIT = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class Column:
    """One canonical column.

    `money` columns are given by the bank in currency units and stored as int64 minor units under `<name>_minor`.
    `learned_on` names the date column that says when this value became known: until then the point-in-time views show null.
    `values` is the closed list of codes, empty when free. `low` and `high` bound numbers, inclusive.
    """

    name: str
    type: ColumnType = "text"
    required: bool = False
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    learned_on: str | None = None
    derived: bool = False  # filled by the intake (owner of an account), never mapped unless the bank has it
    about: str = ""

    @property
    def stored_name(self) -> str:
        """Name in the lake: money carries its unit."""
        return f"{self.name}_minor" if self.type == "money" else self.name


@dataclass(frozen=True, slots=True)
class Extract:
    """One canonical table: its key, its event date and its columns.

    `event_on` is the date a fact happened; null when the table has a start date that may be unknown.
    """

    name: str
    about: str
    key: tuple[str, ...]
    event_on: str
    columns: tuple[Column, ...]
    owner: Literal["client", "account"] = "client"
    column_by_name: dict[str, Column] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.column_by_name.update({column.name: column for column in self.columns})


CLIENT_KINDS = ("individual", "sole_trader", "company", "nonprofit", "public")
CLIENT_STATUSES = ("active", "prospect", "former")
CLOSE_REASONS = ("client_request", "bank_initiated", "death", "fraud", "maturity", "moved_abroad", "unknown")
TRANSACTION_TYPES = (
    "card_purchase", "transfer_in", "transfer_out", "salary", "pension", "cash_withdrawal", "cash_deposit", "cheque_in", "cheque_out",
    "direct_debit", "standing_order", "loan_payment", "internal_transfer", "fee", "interest", "reversal", "rejected_debit", "other",
)  # fmt: skip
# Postings a client did not start: they never count as activity (definitions 1).
BANK_INITIATED_TYPES = ("fee", "interest", "internal_transfer", "reversal", "rejected_debit")
CHANNELS = ("mobile", "web", "branch", "atm", "phone", "card_terminal", "automatic", "mail", "unknown")
CONSENT_PURPOSES = ("marketing_email", "marketing_phone", "marketing_sms", "marketing_post", "profiling")


def _text(name: str, **kwargs: object) -> Column:
    return Column(name, "text", **kwargs)  # type: ignore[arg-type]  # keyword forwarding of a frozen dataclass


EXTRACTS: tuple[Extract, ...] = (
    Extract(
        "clients", "Persons and firms banking with, or courted by, the bank.", ("client_id",), "joined_on",
        (
            _text("client_id", required=True), Column("joined_on", "date", required=True, about="start of the relationship"),
            _text("kind", required=True, values=CLIENT_KINDS), _text("status", values=CLIENT_STATUSES),
            _text("name", about="display name"), Column("birth_on", "date"), _text("sex", values=("female", "male", "other")),
            _text("marital_status"), Column("dependants", "integer", low=0, high=30), _text("household_id"), _text("education_level"),
            _text("occupation_code"), _text("employment_status"), Column("declared_income", "money", about="per year"),
            _text("housing_type", values=("owner", "tenant", "hosted", "other")), _text("country"), _text("region"), _text("department"),
            _text("commune_code"), _text("city"), _text("postcode"), _text("home_branch_id"), _text("rm_id", about="relationship manager"),
            _text("language"), _text("naf_code"), Column("employees", "integer", low=0), Column("turnover", "money", about="declared, per year"),
            _text("legal_form"), Column("is_vulnerable", "boolean"), Column("is_forborne", "boolean"), _text("prospect_source"),
            Column("deceased_on", "date", learned_on="deceased_on"), _text("acquisition_channel"),
        ),
    ),
    Extract(
        "accounts", "Contracts of every product: accounts, cards, loans, policies.", ("account_id",), "opened_on",
        (
            _text("account_id", required=True), _text("client_id", required=True), _text("product", required=True),
            Column("opened_on", "date", required=True), Column("closed_on", "date", learned_on="closed_on"),
            _text("close_reason", values=CLOSE_REASONS, learned_on="closed_on"), _text("currency"), Column("rate_pct", "number", low=-20, high=100),
            Column("credit_limit", "money"), Column("principal", "money"), Column("maturity_on", "date"), _text("rate_type", values=("fixed", "variable", "promotional")),
            _text("opening_channel", values=CHANNELS),
        ),
    ),
    Extract(
        "balances", "Account balances at a date (month end or any day).", ("account_id", "balance_on"), "balance_on",
        (
            _text("account_id", required=True), _text("client_id", derived=True), Column("balance_on", "date", required=True),
            Column("balance", "money", required=True), _text("currency"),
        ),
        owner="account",
    ),
    Extract(
        "transactions", "Booked movements; credits positive, debits negative.", ("transaction_id",), "booked_on",
        (
            _text("transaction_id", required=True), _text("account_id", required=True), _text("client_id", derived=True),
            Column("booked_on", "date", required=True), Column("amount", "money", required=True), _text("currency"),
            _text("type", required=True, values=TRANSACTION_TYPES), _text("channel", values=CHANNELS), _text("mcc", about="merchant category code"),
            _text("counterparty_country"), Column("balance_after", "money"),
        ),
        owner="account",
    ),
    Extract(
        "credit_scores", "The bank's or a bureau's rating of a client; bankseg never computes one.", ("client_id", "source", "scored_on"), "scored_on",
        (_text("client_id", required=True), _text("source", required=True), Column("scored_on", "date", required=True), Column("score", "number", required=True)),
    ),
    Extract(
        "instalments", "Loan instalments due and paid.", ("account_id", "due_on"), "due_on",
        (
            _text("account_id", required=True), _text("client_id", derived=True), Column("due_on", "date", required=True),
            Column("amount", "money", required=True), Column("paid_on", "date", learned_on="paid_on"), Column("paid", "money", learned_on="paid_on"),
        ),
        owner="account",
    ),
    Extract(
        "interactions", "Calls, visits, complaints, messages.", ("interaction_id",), "occurred_on",
        (
            _text("interaction_id", required=True), _text("client_id", required=True), Column("occurred_on", "date", required=True),
            _text("kind", required=True, values=("call", "visit", "message", "complaint", "service_request", "other")), _text("channel", values=CHANNELS),
            _text("reason"), Column("resolved_on", "date", learned_on="resolved_on"),
        ),
    ),
    Extract(
        "contacts", "Whether and how a client can be reached (never the address itself).", ("client_id", "contact_type"), "updated_on",
        (
            _text("client_id", required=True), _text("contact_type", required=True, values=("email", "phone", "mobile", "post", "app")),
            Column("updated_on", "date", required=True), Column("is_valid", "boolean", required=True), Column("is_preferred", "boolean"),
        ),
    ),
    Extract(
        "consents", "Consent given or withdrawn, by purpose.", ("client_id", "purpose", "decided_on"), "decided_on",
        (
            _text("client_id", required=True), _text("purpose", required=True, values=CONSENT_PURPOSES), Column("decided_on", "date", required=True),
            Column("is_granted", "boolean", required=True), _text("proof", about="reference of the proof kept by the bank"),
        ),
    ),
    Extract(
        "campaign_contacts", "Past campaign treatments and control group, with responses.", ("campaign_contact_id",), "contacted_on",
        (
            _text("campaign_contact_id", required=True), _text("client_id", required=True), _text("campaign", required=True), _text("product"),
            Column("contacted_on", "date", required=True), _text("channel", values=CHANNELS), _text("arm", required=True, values=("treated", "control")),
            Column("responded_on", "date", learned_on="responded_on"), _text("response", learned_on="responded_on"),
        ),
    ),
    Extract(
        "surveys", "Answers to satisfaction and other polls.", ("client_id", "wave", "question"), "answered_on",
        (
            _text("client_id", required=True), _text("wave", required=True), _text("question", required=True), Column("answered_on", "date", required=True),
            _text("answer"), Column("answer_value", "number"),
        ),
    ),
    Extract(
        "digital_events", "Daily counts of digital events by type.", ("client_id", "event_on", "type", "page"), "event_on",
        (
            _text("client_id", required=True), Column("event_on", "date", required=True),
            _text("type", required=True, values=("login", "page_view", "simulation", "application_started", "application_abandoned", "download")),
            _text("page"), _text("device", values=("phone", "tablet", "computer", "unknown")), Column("count", "integer", low=1, high=1_000_000),
        ),
    ),
    Extract(
        "client_attributes", "The attributes door: a bank's own columns, one row per client and name.", ("client_id", "name", "observed_on"), "observed_on",
        (
            _text("client_id", required=True), _text("name", required=True), Column("observed_on", "date", required=True),
            Column("number", "number"), _text("category"),
        ),
    ),
    Extract(
        "client_labels", "A bank's own outcome column where no history exists.", ("client_id", "label", "observed_on"), "observed_on",
        (_text("client_id", required=True), _text("label", required=True), Column("observed_on", "date", required=True), Column("outcome", "boolean", required=True)),
    ),
)  # fmt: skip

EXTRACT_BY_NAME: dict[str, Extract] = {extract.name: extract for extract in EXTRACTS}

# Every stored row carries these beside its own columns (architecture 1, two clocks).
RECORDED_AT, RECORDED_UNTIL, RECORDED_IS_ASSUMED, BUCKET = "recorded_at", "recorded_until", "recorded_is_assumed", "bucket"
BALANCE_AFTER = "balance_after_minor"  # of a movement; what balances are made of where no extract says them

# The products bankseg knows by name and their nature; a bank's mapping maps its own codes onto these or declares more.
PRODUCTS: dict[str, str] = {
    "current_account": "deposit", "savings": "deposit", "term_deposit": "deposit", "securities": "investment", "life_insurance": "insurance",
    "home_insurance": "insurance", "card": "card", "credit_card": "credit", "overdraft": "credit", "personal_loan": "credit",
    "mortgage": "credit", "business_loan": "credit", "merchant_services": "service", "other": "service",
}  # fmt: skip

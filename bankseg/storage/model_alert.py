"""Alerts about models: what monitoring found, who owns it, and how it ended."""

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, Session, SQLModel, col, select


class ModelAlert(SQLModel, table=True):
    """One alert; while it is not closed, the same finding raises no second one."""

    __tablename__ = "model_alert"
    __table_args__ = (
        CheckConstraint("state in ('open','acknowledged','closed')", name="model_alert_state"),
        CheckConstraint("level in ('watch','act')", name="model_alert_level"),
        Index(
            "ix_model_alert_open",
            "model_id",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("state != 'closed'"),
            postgresql_where=text("state != 'closed'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    target: str = Field(index=True)
    model_id: int = Field(foreign_key="propensity_model.id", index=True)
    run_id: int | None = Field(default=None, foreign_key="run.id")
    kind: str  # score_drift | attribute_drift | calibration | age | review | disagreement
    subject: str = ""  # the attribute, for attribute_drift
    level: str
    value: float | None = None
    bound: float | None = None
    as_of: str = Field(default="", sa_column_kwargs={"server_default": ""})  # ISO date the finding speaks of
    words: str
    owner: str  # the function that answers for the model
    state: str = "open"
    handled_by: int | None = None
    reason: str = ""
    opened_at: float
    changed_at: float


def pending(session: Session, model_id: int | None = None) -> list[ModelAlert]:
    """Alerts that are not closed, gravest first, then oldest."""
    query = select(ModelAlert).where(ModelAlert.state != "closed")
    if model_id is not None:
        query = query.where(ModelAlert.model_id == model_id)
    return list(session.exec(query.order_by(col(ModelAlert.level), col(ModelAlert.id))))


def find_pending(session: Session, model_id: int, kind: str, subject: str) -> ModelAlert | None:
    """The alert of this finding that is not closed."""
    query = select(ModelAlert).where(ModelAlert.model_id == model_id, ModelAlert.kind == kind, ModelAlert.subject == subject, ModelAlert.state != "closed")
    return session.exec(query).one_or_none()


def of_model(session: Session, model_id: int) -> list[ModelAlert]:
    """Every alert about a version, newest first."""
    return list(session.exec(select(ModelAlert).where(ModelAlert.model_id == model_id).order_by(col(ModelAlert.id).desc())))

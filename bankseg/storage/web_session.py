"""Server-side sessions: a cookie carries only a random token whose hash is kept here."""

from sqlmodel import Field, SQLModel


class WebSession(SQLModel, table=True):
    """One signed-in browser."""

    token_sha256: str = Field(primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    language: str = "en"
    created_at: float
    seen_at: float
    expires_at: float

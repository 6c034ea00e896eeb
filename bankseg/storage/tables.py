"""Every table in one place, so that migrations and tests see the whole schema."""

from sqlmodel import SQLModel

from bankseg.storage import audit, import_batch, job, person, propensity_model, published_client, run, web_session

METADATA = SQLModel.metadata
ALL = (audit, import_batch, job, person, propensity_model, published_client, run, web_session)

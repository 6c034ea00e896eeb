"""Every table in one place, so that migrations and tests see the whole schema."""

from sqlmodel import SQLModel

from bankseg.storage import (
    audit,
    fold_opening,
    import_batch,
    job,
    model_alert,
    model_decision,
    model_gate,
    model_observation,
    model_proposal,
    person,
    propensity_model,
    published_client,
    recorded_document,
    run,
    segment_scheme,
    segment_study,
    web_session,
)

METADATA = SQLModel.metadata
ALL = (
    audit, fold_opening, import_batch, job, model_alert, model_decision, model_gate, model_observation, model_proposal, person, propensity_model, published_client,
    recorded_document, run, segment_scheme, segment_study,
    web_session,
)  # fmt: skip

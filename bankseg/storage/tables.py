"""Every table in one place, so that migrations and tests see the whole schema."""

from sqlmodel import SQLModel

from bankseg.storage import (
    access_token,
    audit,
    client_contact,
    client_erasure,
    client_holder,
    client_list,
    client_objection,
    firm_profile,
    fold_opening,
    idempotency_key,
    import_batch,
    import_upload,
    job,
    message_text,
    model_alert,
    model_decision,
    model_gate,
    model_observation,
    model_proposal,
    openid,
    own_attribute,
    person,
    policy_version,
    propensity_model,
    published_client,
    recorded_document,
    risk_review,
    run,
    saved_view,
    segment_event,
    segment_membership,
    segment_offer,
    segment_override,
    segment_position,
    segment_refresh,
    segment_scheme,
    segment_strategy,
    segment_study,
    warning_quality,
    web_session,
    webhook_state,
)

METADATA = SQLModel.metadata
ALL = (
    access_token, audit, client_contact, client_erasure, client_holder, client_list, client_objection, firm_profile, fold_opening, idempotency_key, import_batch, import_upload, job, message_text, model_alert, model_decision, model_gate, model_observation, model_proposal, openid, person, policy_version, propensity_model, published_client,
    recorded_document, risk_review, run, saved_view, segment_scheme, segment_study, own_attribute, segment_event, segment_membership, segment_offer, segment_override, segment_position, segment_refresh, segment_strategy, warning_quality,
    web_session, webhook_state,
)  # fmt: skip

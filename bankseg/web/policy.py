"""Who may open which route: one table, and a route that is missing from it opens for nobody."""

from enum import StrEnum

from bankseg.domain.rights import Right


class Door(StrEnum):
    """Doors that need no right."""

    PUBLIC = "public"
    SIGNED_IN = "signed_in"


POLICY: dict[str, Door | Right] = {
    "static": Door.PUBLIC,
    "health.healthz": Door.PUBLIC,
    "entrance.sign_in_form": Door.PUBLIC,
    "entrance.sign_in": Door.PUBLIC,
    "entrance.sign_out": Door.SIGNED_IN,
    "entrance.language": Door.SIGNED_IN,
    "entrance.home": Door.SIGNED_IN,
    "relationship.my_day": Right.CALL_LIST,
    "relationship.clients": Right.CLIENTS,
    "relationship.export": Right.CLIENTS,
    "relationship.client": Right.CLIENTS,
    "marketing.products": Right.CROSS_SELL,
    "marketing.cross_sell": Right.CROSS_SELL,
    "marketing.export": Right.CROSS_SELL,
    "risk.queue": Right.RISK_QUEUE,
    "risk.export": Right.RISK_QUEUE,
    "overview.segments": Right.SEGMENTS,
    "segments.schemes": Right.SEGMENTS,
    "segments.scheme": Right.SEGMENTS,
    "segments.members": Right.SEGMENTS,
    "segments.export": Right.SEGMENTS,
    "segments.why": Right.SEGMENTS,
    "segments.attributes": Right.SEGMENTS,
    "segments.moves": Right.SEGMENTS,
    "segments.trial": Right.SEGMENTS,
    "segments.designer": Right.DESIGN,
    "segments.preview": Right.DESIGN,
    "segments.save": Right.DESIGN,
    "life.scheme": Right.SEGMENTS,
    "life.changes": Right.SEGMENTS,
    "life.export": Right.SEGMENTS,
    "life.publish": Right.DESIGN,
    "life.override": Right.DESIGN,
    "life.decide": Right.DESIGN,
    "life.retire": Right.DESIGN,
    "life.cadence": Right.DESIGN,
    "life.keep": Right.DESIGN,
    "models.registry": Right.MODELS,
    "models.target": Right.MODELS,
    "models.version": Right.MODELS,
    "models.file": Right.MODELS,
    "models.propose": Right.PROPOSE_MODEL,
    "models.decide": Right.DECIDE_MODEL,
    "models.rollback": Right.DECIDE_MODEL,
    "models.retraining": Right.DECIDE_MODEL,
    "models.alert": Right.DECIDE_MODEL,
    "operations.runs": Right.RUNS,
    "operations.run": Right.RUNS,
    "operations.imports": Right.IMPORTS,
    "api.clients": Right.CLIENTS,
    "api.client": Right.CLIENTS,
    "api.cross_sell": Right.CROSS_SELL,
    "api.risk_queue_page": Right.RISK_QUEUE,
    "api.segments": Right.SEGMENTS,
    "segments_api.attributes": Right.SEGMENTS,
    "segments_api.schemes": Right.SEGMENTS,
    "segments_api.scheme": Right.SEGMENTS,
    "segments_api.segment_clients": Right.SEGMENTS,
    "life_api.scorecard": Right.SEGMENTS,
    "life_api.migration": Right.SEGMENTS,
    "life_api.changes": Right.SEGMENTS,
    "life_api.memberships": Right.SEGMENTS,
    "life_api.events": Right.SEGMENTS,
    "api.models": Right.MODELS,
    "api.model": Right.MODELS,
    "api.model_document": Right.MODELS,
    "api.runs": Right.RUNS,
    "api.run": Right.RUNS,
    "api_pages.document": Door.SIGNED_IN,
    "api_pages.page": Door.SIGNED_IN,
    "api_pages.static": Door.PUBLIC,  # the Swagger program itself, the same for everybody
}

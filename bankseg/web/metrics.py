"""/metrics, for a monitoring system that knows the token; nothing is there for anybody else."""

import hmac

from flask import Blueprint, Response, request

from bankseg.domain.errors import NotFoundError
from bankseg.services.exposition import CONTENT_TYPE, exposition
from bankseg.services.metrics import metrics
from bankseg.web import request_log
from bankseg.web.desk import desk

BLUEPRINT = Blueprint("metrics", __name__)


@BLUEPRINT.get("/metrics")
def page() -> Response:
    """Tell how the service stands, in the Prometheus text format."""
    wanted = desk().settings.metrics_token.get_secret_value()
    given = request.authorization.token if request.authorization is not None and request.authorization.type == "bearer" else None
    if not wanted or not hmac.compare_digest((given or "").encode(), wanted.encode()):
        raise NotFoundError("nothing here")
    request_log.counts().tell()
    return Response(exposition(metrics(desk().settings, desk().engine)), content_type=CONTENT_TYPE)

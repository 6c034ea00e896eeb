"""Whether this process can serve: for load balancers and `bankseg doctor`."""

from flask import Blueprint, Response

from bankseg.storage.reachability import is_reachable
from bankseg.web.desk import desk

BLUEPRINT = Blueprint("health", __name__)


@BLUEPRINT.get("/healthz")
def healthz() -> Response:
    """Answer ok while the store answers; nothing about the bank is told."""
    if not is_reachable(desk().engine):
        return Response('{"status":"store unreachable"}', status=503, mimetype="application/json")
    return Response('{"status":"ok"}', mimetype="application/json")

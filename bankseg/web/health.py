"""Whether this process lives and whether the service is ready: for load balancers and container runtimes."""

import orjson
from flask import Blueprint, Response

from bankseg.services.canary import readiness
from bankseg.storage.reachability import is_reachable
from bankseg.web.desk import desk

BLUEPRINT = Blueprint("health", __name__)


@BLUEPRINT.get("/healthz")
def healthz() -> Response:
    """Answer ok while the store answers; nothing about the bank is told."""
    if not is_reachable(desk().engine):
        return _answer(503, "store unreachable")
    return _answer(200, "ok")


@BLUEPRINT.get("/readyz")
def readyz() -> Response:
    """Answer ok when store, broker and worker do their part, else every reason why not."""
    found = readiness(desk().settings, desk().engine)
    return _answer(200, "ok") if found.is_ready else _answer(503, "not ready", reasons=found.reasons)


def _answer(code: int, status: str, **more: object) -> Response:
    return Response(orjson.dumps({"status": status, **more}), status=code, mimetype="application/json")

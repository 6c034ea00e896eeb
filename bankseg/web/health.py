"""Whether this process can serve: for load balancers and `bankseg doctor`."""

from flask import Blueprint, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bankseg.storage.database import reading
from bankseg.web.desk import desk

BLUEPRINT = Blueprint("health", __name__)


@BLUEPRINT.get("/healthz")
def healthz() -> Response:
    """Answer ok while the store answers; nothing about the bank is told."""
    try:
        with reading(desk().engine) as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return Response('{"status":"store unreachable"}', status=503, mimetype="application/json")
    return Response('{"status":"ok"}', mimetype="application/json")

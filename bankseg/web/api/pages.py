"""The API's description and its Swagger page, served without calling out."""

import orjson
from flask import Blueprint, Response, current_app, render_template

from bankseg.web.api.description import description
from bankseg.web.api.library import SWAGGER_FILES

BLUEPRINT = Blueprint("api_pages", __name__, url_prefix="/api", static_folder=str(SWAGGER_FILES), static_url_path="/swagger")


@BLUEPRINT.get("/v1/openapi.json")
def document() -> Response:
    """OpenAPI 3.1, made from the code."""
    return Response(orjson.dumps(description(current_app)), mimetype="application/json")


@BLUEPRINT.get("/docs")
def page() -> str:
    """Swagger on our own description."""
    return render_template("api_docs.html")

"""The one place that names flask-openapi3 and its Swagger files: a young library stays behind a thin door."""

from pathlib import Path

import flask_openapi3_swagger  # type: ignore[import-untyped]  # ships no types
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

SWAGGER_FILES = Path(flask_openapi3_swagger.__file__).parent / "templates" / "swagger"

__all__ = ["SWAGGER_FILES", "APIBlueprint", "Info", "OpenAPI", "Tag"]

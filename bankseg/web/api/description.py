"""The API's description, made from the code: what flask-openapi3 knows of each call, and what holds for all of them."""

from collections.abc import Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import Any, cast

from flask import Flask

from bankseg.services.idempotency import KEY_PATTERN
from bankseg.web.api import schemas
from bankseg.web.api.library import OpenAPI

EXTENSION = "bankseg.api_description"
UNSAFE = frozenset({"post", "put", "patch", "delete"})
ALWAYS, UNSAFE_TOO = (400, 401, 404, 409, 422, 429, 500, 503), (403, 412, 413, 415)
PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
KEY: dict[str, Any] = {
    "name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string", "pattern": KEY_PATTERN},
    "description": "Yours, new for each thing asked for. The same call under the same key within a day is done once and answered alike; another call under it is refused with 409.",
}  # fmt: skip
KNOWN: dict[str, Any] = {
    "name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"},
    "description": "The ETag of the answer you hold: 304 without a body when it still holds.",
}  # fmt: skip
UNCHANGED: dict[str, Any] = {
    "name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"},
    "description": "The ETag of what you changed: 412 when somebody changed it since.",
}  # fmt: skip
TAG: dict[str, Any] = {"description": "Fingerprint of the answer", "schema": {"type": "string"}}
PLACE: dict[str, Any] = {"description": "Address of what was made", "schema": {"type": "string"}}
AGAIN: dict[str, Any] = {"description": "Seconds after which it is worth asking again", "schema": {"type": "integer"}}
# Calls whose body is a file.
FILES = frozenset({("/api/v1/uploads", "post")})
FILE_BODY: dict[str, Any] = {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
# Calls that take If-Match: path and method.
GUARDED = frozenset({
    ("/api/v1/views/{view_id}", "put"), ("/api/v1/views/{view_id}", "delete"), ("/api/v1/schemes/{code}/draft", "put"), ("/api/v1/schemes/{code}/strategy/{segment}", "put"),
    ("/api/v1/schemes/{code}/positions/{segment}/{product}", "put"), ("/api/v1/policy/versions", "post"), ("/api/v1/clients/{client_id}/profile", "put"),
})  # fmt: skip
# What may be asked of the thing a call made: its path and method -> operation and where its parameter is found in the answer.
LINKS: dict[tuple[str, str], dict[str, tuple[str, str, str]]] = {
    ("/api/v1/views", "post"): {
        "view": ("views_api_view", "view_id", "$response.body#/id"), "changed": ("views_api_change", "view_id", "$response.body#/id"),
        "deleted": ("views_api_delete", "view_id", "$response.body#/id"),
    },
    ("/api/v1/clients/{client_id}/contacts", "post"): {"withdrawn": ("work_api_withdraw", "contact_id", "$response.body#/contact_id")},
    ("/api/v1/lists", "post"): {
        "list": ("lists_api_one", "list_id", "$response.body#/list/id"), "frozen": ("lists_api_freeze", "list_id", "$response.body#/list/id"),
        "closed": ("lists_api_close", "list_id", "$response.body#/list/id"),
    },
    ("/api/v1/studies", "post"): {"study": ("studies_api_study", "study_id", "$response.body#/id")},
    ("/api/v1/adviser-proposals", "post"): {
        "proposal": ("advisers_api_one", "proposal_id", "$response.body#/id"), "decided": ("advisers_api_decide", "proposal_id", "$response.body#/id"),
    },
    ("/api/v1/people", "post"): {"person": ("staff_api_person", "person_id", "$response.body#/id")},
    ("/api/v1/runs", "post"): {"run": ("runs_api_run", "run_id", "$response.body#/run_id")},
}  # fmt: skip


def description(app: Flask) -> dict[str, Any]:
    """The whole description; made once for an application."""
    if EXTENSION not in app.extensions:
        app.extensions[EXTENSION] = described(cast("OpenAPI", app).api_doc)
    return cast("dict[str, Any]", app.extensions[EXTENSION])


def described(made: Mapping[str, Any]) -> dict[str, Any]:
    """What was made from the views, with what every call has in common."""
    document = deepcopy(dict(made))
    named = document["components"]["schemas"]
    named.pop("ValidationErrorModel", None)
    problem = schemas.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    named.update(problem.pop("$defs", {}))
    named["Problem"] = problem
    document["components"]["responses"] = {_name(status): {"description": HTTPStatus(status).phrase, **PROBLEM} for status in sorted({*ALWAYS, *UNSAFE_TOO})}
    document["components"]["responses"][_name(429)]["headers"] = {"Retry-After": AGAIN}
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            _complete(path, method, call)
    return document


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def _complete(path: str, method: str, call: dict[str, Any]) -> None:
    given = {status: answer for status, answer in call["responses"].items() if int(status) < HTTPStatus.BAD_REQUEST}
    refusals = sorted({*ALWAYS, *(UNSAFE_TOO if method in UNSAFE else ())})
    call["responses"] = {**given, **{str(status): {"$ref": f"#/components/responses/{_name(status)}"} for status in refusals}}
    parameters = call.setdefault("parameters", [])
    if method in UNSAFE:
        parameters.append(KEY)
    elif "application/json" in given.get("200", {}).get("content", {}):
        parameters.append(KNOWN)
        given["200"].setdefault("headers", {})["ETag"] = TAG
        call["responses"]["304"] = {"description": "What you hold still holds", "headers": {"ETag": TAG}}
    if (path, method) in FILES:
        call["requestBody"] = FILE_BODY
    if (path, method) in GUARDED:
        parameters.append(UNCHANGED)
    for status, answer in given.items():
        if status in {"201", "202"}:
            answer.setdefault("headers", {})["Location"] = PLACE
        if status == "202":
            answer["headers"]["Retry-After"] = AGAIN
        if status.startswith("2") and (path, method) in LINKS:
            answer["links"] = {
                name: {"operationId": operation, "parameters": {parameter: place}} for name, (operation, parameter, place) in LINKS[path, method].items()
            }

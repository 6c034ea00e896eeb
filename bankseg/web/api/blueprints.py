"""What every part of the API is made of: its place in the address, who may call it, and how a document is sent."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from flask import Response

from bankseg.domain.errors import ConfigurationError, InputError
from bankseg.services.stamp import Stamp
from bankseg.web.api.library import APIBlueprint, Tag
from bankseg.web.api.picture_answers import answer, plain
from bankseg.web.downloads import MEDIA_TYPES

PREFIX = "/api/v1"
FILE: dict[str, Any] = {"content": {media.partition(";")[0]: {"schema": {"type": "string"}} for media in MEDIA_TYPES.values()}}
RETRY_SECONDS = 2  # after so long it is worth asking again how far a job is


def part(name: str, module: str, tag: str) -> APIBlueprint:
    """One part of the API; the problems it may answer with are described for all parts alike, see `description`."""
    return APIBlueprint(
        name, module, url_prefix=PREFIX, abp_tags=[Tag(name=tag)], abp_security=[{"session": []}, {"token": []}], operation_id_callback=_operation_id
    )


def _operation_id(*, bp_name: str, name: str, path: str, method: str) -> str:
    """A call is called as its view is."""
    del path, method
    return f"{bp_name}_{name}"


def document(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON document; dataclasses, rows, dates and arrays within it as JSON knows them."""
    return Response(orjson.dumps(plain(body), option=orjson.OPT_SERIALIZE_NUMPY), status=status, headers=dict(headers or {}), mimetype="application/json")


def page(found: Any, *without: str, **more: Any) -> Response:
    """Everything a page of a service holds, under its stamp; `without` are parts the address names already or that another call answers."""
    told = {name: value for name, value in answer(found).items() if name not in without}
    return document({**told, **more})


def stamped(run: Stamp, body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A document under the run its numbers come from."""
    return document({"run_id": run.run_id, "as_of": run.as_of.isoformat(), **body}, status, headers)


def accepted(body: Any, place: str) -> Response:
    """202: the work goes on by itself, and `place` tells how far it is."""
    return document(body, 202, {"Location": place, "Retry-After": str(RETRY_SECONDS)})


def created(body: Any, place: str) -> Response:
    """201, and where the new thing is."""
    return document(body, 201, {"Location": place})


@contextmanager
def as_given() -> Iterator[None]:
    """A document of the caller that is no scheme is the caller's slip, not a fault of the installation."""
    try:
        yield
    except ConfigurationError as error:
        raise InputError(error.found, error.expected, error.remedy) from error

"""Requests that bring files: streamed under the folder of uploads as they arrive, never held in memory, gone when nobody took them."""

from typing import IO, cast

from flask import Flask, Request, g, request
from werkzeug.exceptions import UnsupportedMediaType

from bankseg.services.upload_intake import MIB, Incoming
from bankseg.web.desk import desk

TAKES_FILES = "uploads.take_files"
TAKES_A_BODY = "uploads_api.send"
OCTETS = "application/octet-stream"
PIECE_BYTES = 1 << 16
FORM_SPARE_BYTES = MIB  # what the form around the files may take


class UploadRequest(Request):
    """A request whose files, on the one route that takes them, go straight to the folder of uploads."""

    def _get_file_stream(
        self, total_content_length: int | None, content_type: str | None, filename: str | None = None, content_length: int | None = None
    ) -> IO[bytes]:
        if self.endpoint != TAKES_FILES:
            return super()._get_file_stream(total_content_length, content_type, filename, content_length)
        return cast("IO[bytes]", _begun())


def install(app: Flask) -> None:
    """Read requests so, and leave nothing of a file behind that was not taken."""
    app.request_class = UploadRequest
    app.before_request(_allow)
    app.teardown_request(_close)


def is_a_file() -> bool:
    """Whether the body of this request is a file, not a document or a form."""
    return request.endpoint == TAKES_A_BODY


def read_body() -> None:
    """Stream the body of this request aside.

    Raises
    ------
    UnsupportedMediaType
        When it does not say that it is a file.
    RequestEntityTooLarge
        When it is larger than all that one person may have waiting.
    """
    if request.mimetype != OCTETS:
        raise UnsupportedMediaType
    incoming = _begun()
    while piece := request.stream.read(PIECE_BYTES):
        incoming.write(piece)
    incoming.seek(0)  # and all of it is on the disk, for those who read it by its path


def body_file() -> Incoming:
    """The file that came as the body of this request."""
    return cast("Incoming", g.incoming[0])


def _begun() -> Incoming:
    settings = desk().settings
    incoming = Incoming(settings.uploads, settings.upload_mb * MIB)
    g.setdefault("incoming", []).append(incoming)
    return incoming


def _allow() -> None:
    """Let the routes that take files be as large as a person's quota; every other keeps the limit of forms."""
    if request.endpoint in {TAKES_FILES, TAKES_A_BODY}:
        request.max_content_length = desk().settings.upload_quota_mb * MIB + FORM_SPARE_BYTES
        request.max_form_memory_size = FORM_SPARE_BYTES  # the parser reads files in pieces as large as the limit of forms


def _close(error: BaseException | None = None) -> None:
    del error
    for incoming in g.pop("incoming", []):
        incoming.close()

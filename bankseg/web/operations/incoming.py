"""Requests that bring files: streamed under the folder of uploads as they arrive, never held in memory, gone when nobody took them."""

from typing import IO, cast

from flask import Flask, Request, g, request

from bankseg.services.upload_intake import MIB, Incoming
from bankseg.web.desk import desk

TAKES_FILES = "uploads.take_files"
FORM_SPARE_BYTES = MIB  # what the form around the files may take


class UploadRequest(Request):
    """A request whose files, on the one route that takes them, go straight to the folder of uploads."""

    def _get_file_stream(
        self, total_content_length: int | None, content_type: str | None, filename: str | None = None, content_length: int | None = None
    ) -> IO[bytes]:
        if self.endpoint != TAKES_FILES:
            return super()._get_file_stream(total_content_length, content_type, filename, content_length)
        settings = desk().settings
        incoming = Incoming(settings.uploads, settings.upload_mb * MIB)
        g.setdefault("incoming", []).append(incoming)
        return cast("IO[bytes]", incoming)


def install(app: Flask) -> None:
    """Read requests so, and leave nothing of a file behind that was not taken."""
    app.request_class = UploadRequest
    app.before_request(_allow)
    app.teardown_request(_close)


def _allow() -> None:
    """Let the one route that takes files be as large as a person's quota; every other keeps the limit of forms."""
    if request.endpoint == TAKES_FILES:
        request.max_content_length = desk().settings.upload_quota_mb * MIB + FORM_SPARE_BYTES
        request.max_form_memory_size = FORM_SPARE_BYTES  # the parser reads files in pieces as large as the limit of forms


def _close(error: BaseException | None = None) -> None:
    del error
    for incoming in g.pop("incoming", []):
        incoming.close()

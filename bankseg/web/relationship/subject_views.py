"""What a client may ask of the bank, on the client's page: no marketing, and everything that is held."""

import tempfile
from pathlib import Path

from flask import Blueprint, Response, redirect, send_file, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.services import objection
from bankseg.services.subject_access import write_subject_access
from bankseg.web import desk

BLUEPRINT = Blueprint("subject", __name__, url_prefix="/clients/<client_id>")


@BLUEPRINT.post("/objection")
def object_to_marketing(client_id: str) -> BaseResponse:
    """Record that the client objects to marketing."""
    objection.record(desk.desk().engine, desk.scope(), client_id)
    return redirect(url_for("relationship.client", client_id=client_id) + "#objection", 303)


@BLUEPRINT.post("/objection/withdraw")
def withdraw(client_id: str) -> BaseResponse:
    """Record that the client takes the objection back."""
    objection.withdraw(desk.desk().engine, desk.scope(), client_id)
    return redirect(url_for("relationship.client", client_id=client_id) + "#objection", 303)


@BLUEPRINT.get("/subject-access")
def access(client_id: str) -> Response:
    """Everything held on the client, as one file."""
    return subject_file(client_id)


def subject_file(client_id: str) -> Response:
    """Write the file under the exports folder, stream it, and leave nothing behind."""
    here = desk.desk()
    here.settings.exports.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=here.settings.exports) as place:
        path = Path(place) / "subject-access.zip"
        write_subject_access(here.settings, here.engine, desk.scope(), client_id, path)
        stream = path.open("rb")  # readable to its end although its name is gone with the folder
    return send_file(stream, mimetype="application/zip", as_attachment=True, download_name="subject-access.zip")

"""Refusals that are recorded in English, read back in French."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from bankseg.delivery.subject_page import subject_page
from bankseg.delivery.subject_words import FRENCH_COLUMNS, PARTS
from bankseg.domain.erasure import KeptByDutyError
from bankseg.domain.errors import InputError
from bankseg.domain.list_errors import ListStateError
from bankseg.storage.erased_rows import RULES
from bankseg.web.i18n.refusals import CATALOGUE, refusal
from tests.web import refusal_literals
from tests.web.conftest import Browsers, token_of

# Rooms and modules whose refusals no page shows, and why: whoever reads them sits at a terminal, in English.
NEVER_ON_A_PAGE = {
    "cli": "the command line",
    "client": "a program that calls the API",
    "demo": "made before anybody signs in",
    "embedded": "starting the processes of one machine",
    "logs.py": "starting a process",
    "propensity/flatfile.py": "bankseg evaluate",
    "propensity/flatread.py": "bankseg evaluate",
    "services/advisers.py": "bankseg advisers",
    "services/backup.py": "bankseg backup",
    "services/backup_manifest.py": "bankseg backup",
    "services/database_roles.py": "bankseg database roles",
    "services/follow.py": "a command that waits for a run",
    "services/openid_terms.py": "reading the operator's settings",
    "services/reproduce.py": "bankseg reproduce",
    "services/restore_drill.py": "bankseg restore-drill",
    "services/tune.py": "bankseg tune",
    "services/webhook.py": "reading the operator's settings",
    "settings.py": "starting a process",
    "storage/schema.py": "bankseg init",
    "storage/store_copy.py": "bankseg backup",
    "storage/walls.py": "starting a process",
    "traces.py": "starting a process",
}

SHARE = InputError(
    "clients.csv has 1,200 of 1,800 rows refused (66.7 %), so none was loaded: unparsable_date: joined_on (1,200)",
    "at most 50 % of its rows refused",
    "correct the mapping or have the file sent again; if the rows are to be left out, set most_rejected_pct for this extract, or give --accept-rejects",
)


@pytest.mark.parametrize(
    ("error", "french"),
    [
        (
            SHARE,
            (
                "clients.csv\u00a0: 1\u202f200 lignes refusées sur 1\u202f800 (66,7 %), aucune n'a donc été chargée\u00a0: pas une date, joined_on (1\u202f200). Attendu\u00a0: au plus 50 % de "
                "lignes refusées. À faire\u00a0: corriger la correspondance ou faire renvoyer le fichier\u00a0; pour laisser ces lignes de côté, fixer most_rejected_pct pour cette extraction, "
                "ou donner --accept-rejects."
            ),
        ),
        (
            KeptByDutyError("the client holds an open contract, whose facts must be kept", "every contract closed for 5 years"),
            "le client a un contrat ouvert, dont les faits doivent être conservés. Attendu\u00a0: tous les contrats clos depuis 5 ans.",
        ),
        (InputError("3 clusters of 2 different clients", "two or more"), "3 groupe(s) pour 2 clients. Attendu\u00a0: deux ou plus."),
        (
            InputError("a least probability of 1.5", "a number between 0 and 1", "give 0.2 for 20 %"),
            "une probabilité minimale de 1.5. Attendu\u00a0: un nombre entre 0 et 1. À faire\u00a0: donner 0,2 pour 20 %.",
        ),
        (
            ListStateError("the person who made a list cannot release it", "a second person", "ask a colleague"),
            "qui a fait une liste ne peut pas la diffuser. Attendu\u00a0: une seconde personne. À faire\u00a0: demander à un collègue.",
        ),
        (
            InputError("a first contact on 2025-01-01", "a day from 2025-09-30, within 90 days", "correct the day"),
            "un premier contact le 2025-01-01. Attendu\u00a0: un jour à partir du 2025-09-30, dans les 90 jours. À faire\u00a0: corriger le jour.",
        ),
    ],
    ids=["import", "erasure", "study", "list terms", "list release", "first contact"],
)
def test_a_refusal_speaks_french_on_a_french_page_and_stays_as_recorded_on_an_english_one(error: Exception, french: str) -> None:
    assert refusal(error, "fr") == french
    assert refusal(error, "en") == str(error)


@pytest.mark.parametrize(
    ("recorded", "french"),
    [
        ("publish:12: no run has been published Expected: two or more.", "publish:12\u00a0: aucun traitement n'a été publié. Attendu\u00a0: deux ou plus."),
        (
            "study 3 failed: no prospects are loaded Expected: two or more. What to do: leave them out. Expected: a study. What to do: ask for it again.",
            (
                "l'étude 3 a échoué\u00a0: aucun prospect n'est chargé. Attendu\u00a0: deux ou plus. À faire\u00a0: les laisser de côté. "
                "Attendu\u00a0: une étude. À faire\u00a0: la redemander."
            ),
        ),
        (
            "a.csv is loading Expected: a file that is waiting or loaded.",
            "a.csv est à l'état « chargement\u00a0». Attendu\u00a0: un fichier à l'état « en attente ou chargé\u00a0».",
        ),
        ("days 'soon' Expected: a whole number.", "jours « soon\u00a0». Attendu\u00a0: un nombre entier."),
        ("checking the files; scoring: 3 of 8 buckets", "contrôle des fichiers\u00a0; calcul des scores\u00a0: 3 tranches sur 8"),
        (
            "not loaded: accounts.csv of accounts was refused, so owners are missing",
            "non chargé\u00a0: accounts.csv (accounts) a été refusé, des titulaires manquent donc",
        ),
        ("an expression of 7 characters, nobody knows why", "an expression of 7 characters, nobody knows why"),
        ("no client " + "'C9' in the lake " * 100, "no client " + "'C9' in the lake " * 100),
    ],
    ids=["job", "failed study", "state", "typed", "progress", "phrase", "unknown", "too long"],
)
def test_joined_and_composed_texts_are_told_part_by_part(recorded: str, french: str) -> None:
    assert refusal(recorded, "fr") == french


def shown() -> dict[str, str]:
    """Every sentence of an error that a page can show, with a module that says it."""
    classes = refusal_literals.error_classes()
    return {said: name for name, path in modules() for said in refusal_literals.sentences(path, classes)}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(refusal_literals.PACKAGE.rglob("*.py")):
        name = path.relative_to(refusal_literals.PACKAGE).as_posix()
        if name not in NEVER_ON_A_PAGE and name.partition("/")[0] not in NEVER_ON_A_PAGE:
            yield name, path


def places(text: str) -> list[str]:
    return sorted(field for _, field, _, _ in Formatter().parse(text) if field is not None)


def test_every_sentence_of_an_error_has_a_french_one_and_none_is_left_over() -> None:
    french = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    said = shown()

    assert {sentence: module for sentence, module in said.items() if sentence not in french} == {}
    assert set(french) - set(said) == set()
    assert {english: text for english, text in french.items() if places(english) != places(text)} == {}
    assert list(french) == sorted(french)


def test_every_sentence_is_read_back_alone_and_joined() -> None:
    french = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    values = ("7", "12", "3", "40", "5", "9", "60")

    misread = {
        text: refusal(text, "fr")
        for english, told in french.items()
        for text, wanted in ((english.format(*values), told.format(*values)), (f"7 clusters Expected: {english.format(*values)}.", told.format(*values)))
        if wanted.replace("\u00a0", " ") not in refusal(text, "fr").replace("\u00a0", " ")
    }

    assert misread == {}


def test_no_page_prints_an_error_as_it_was_recorded() -> None:
    told = r"[\w.]*\b(?:found|expected|remedy|refusal|refused|error|message|why)"
    templates = sorted((refusal_literals.PACKAGE / "web" / "templates").rglob("*.html"))

    printed = {path.name: re.findall(rf"\{{\{{ {told} \}}\}}", path.read_text(encoding="utf-8")) for path in templates}

    assert {name: found for name, found in printed.items() if found} == {}


@pytest.mark.parametrize(
    ("login", "page", "step", "form", "french"),
    [
        ("odile", "/runs/1", "/retry", {}, "un traitement en échec ou arrêté. À faire\u00a0: en lancer un nouveau."),
        ("rita", "/administration/policy", "/fields", {"tiers.gold_share": "1.5", "tiers.platinum_share": "5 %"}, "une part entre 0 et 1"),
    ],
    ids=["run", "policy"],
)
def test_a_page_that_refuses_speaks_french(own: Browsers, login: str, page: str, step: str, form: dict[str, str], french: str) -> None:
    http = own.of(login)
    token = token_of(http.get(page).text)
    http.post("/language", data={"language": "fr", "next": "/", "form_token": token})

    assert french in http.post(page + step, data={"form_token": token, **form}).text


def test_what_no_page_shows_is_still_there() -> None:
    assert [name for name in NEVER_ON_A_PAGE if not (refusal_literals.PACKAGE / name).exists()] == []


def test_what_is_not_known_is_shown_as_it_was_recorded() -> None:
    assert refusal("a wholly new refusal", "fr") == "a wholly new refusal"


def test_a_subject_access_page_names_parts_and_columns_in_its_language() -> None:
    rows = [{"client_id": "C1", "balance_minor": 123_456, "own_figure": 3, "status": "former", "balance_on": "2025-12-31"}]
    document = {"client_id": "C1", "as_of": "2025-12-31", "run_id": 3, "facts": {"balances": rows}, "store": {"published_client": rows}}
    document |= {key: [] for key in ("attributes", "reasons", "models", "segments", "lists", "trail")}

    french, english = (subject_page(document, language) for language in ("fr", "en"))

    assert "<h3>Soldes</h3>" in french
    assert "<h3>Fiches publiées</h3>" in french
    assert "<th>numéro de client</th><th>solde</th><th>own figure</th><th>statut</th><th>solde du</th>" in french
    assert "<th>client id</th><th>balance</th><th>own figure</th><th>status</th><th>balance on</th>" in english
    assert "<td>ancien client</td><td>31/12/2025</td>" in french
    assert "<td>former</td><td>2025-12-31</td>" in english
    assert "Scores au 31/12/2025" in french
    assert set(RULES) <= set(PARTS)
    assert all(FRENCH_COLUMNS.values())

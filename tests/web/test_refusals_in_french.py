"""Refusals that are recorded in English, read back in French."""

import pytest

from bankseg.delivery.subject_page import subject_page
from bankseg.delivery.subject_words import FRENCH_COLUMNS, PARTS
from bankseg.domain.erasure import KeptByDutyError
from bankseg.domain.errors import InputError
from bankseg.domain.list_errors import ListStateError
from bankseg.storage.erased_rows import RULES
from bankseg.web.i18n.refusals import refusal

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
                "lignes refusées. À faire\u00a0: corriger la correspondance ou faire renvoyer le fichier\u00a0; pour laisser ces lignes de côté, fixer most_rejected_pct pour cet extrait, "
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
            "qui a fait une liste ne peut pas la libérer. Attendu\u00a0: une seconde personne. À faire\u00a0: demander à un collègue.",
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

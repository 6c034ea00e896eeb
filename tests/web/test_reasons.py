"""Reasons as pages print them."""

import json
import re

from sqlmodel import select

from bankseg.storage.database import make_engine, transaction
from bankseg.storage.published_client import PublishedClient
from tests.web.conftest import Browsers, token_of

AGAINST_PEERS = [
    {"code": "R09", "family": "balance_level", "direction": "+", "share": 0.4, "feature": "deposits_mean_3m_minor", "value": 124_000, "peer": 390_000},
    {"code": "R22", "family": "complaints", "direction": "+", "share": 0.2, "feature": "days_since_complaint", "value": 12, "peer": None},
]


def page_of(own: Browsers, language: str) -> str:
    engine = make_engine(own.settings.store)
    with transaction(engine) as session:
        client = session.exec(select(PublishedClient).where(PublishedClient.client_id == "C1")).one()
        client.churn_reasons = json.dumps(AGAINST_PEERS)
    engine.dispose()
    http = own.of("alice")
    http.post("/language", data={"form_token": token_of(http.get("/clients").text), "language": language, "next": "/clients"})
    return re.sub("[\\u00a0\\u202f]", " ", http.get("/clients/C1").text)


def test_a_client_page_tells_the_clients_number_beside_that_of_peers(own: Browsers) -> None:
    page = page_of(own, "en")

    assert "Level of balances: mean deposits of €1,240 over 3 months, against €3,900 for peers; raises the estimate" in page
    assert "Complaints: last complaint 12 days ago, most peers have none; raises the estimate" in page
    assert "Peers are clients of the same kind and age." in page


def test_a_client_page_tells_it_in_french(own: Browsers) -> None:
    page = page_of(own, "fr")

    assert "Niveau des avoirs : dépôts moyens de 1 240 € sur 3 mois, contre 3 900 € pour ses pairs ; augmente l’estimation" in page
    assert "la plupart de ses pairs n’en ont pas" in page


def test_reasons_stored_before_peers_were_known_are_told_without_them(own: Browsers) -> None:
    page = re.sub("[\\u00a0\\u202f]", " ", own.of("alice").get("/clients/C1").text)

    assert "Salary or pension: last one 74 days ago; raises the estimate" in page

"""Reason families and their words."""

from bankseg.domain import reasons
from bankseg.domain.extracts import EXTRACT_BY_NAME, PRODUCTS
from bankseg.domain.reasons import NOT_COMPARED, phrase, reason_code, reason_family
from bankseg.features.catalogue import catalogue


def told(feature: str, value: object, language: str = "en", **more: object) -> str:
    return phrase("spending", "+", feature, value, language, **more).replace("\u00a0", " ").replace("\u202f", " ")


def test_every_family_a_model_may_read_belongs_to_one_reason_family_with_a_code_of_its_own():
    modelled = {feature.family for feature in catalogue(tuple(EXTRACT_BY_NAME), tuple(PRODUCTS)) if "propensity" in feature.purposes}
    known = reasons._words()["reasons"]
    spoken_for = [family for _, *families in known.values() for family in families]
    codes = [code for code, *_ in known.values()]

    assert modelled <= set(spoken_for)
    assert len(spoken_for) == len(set(spoken_for))
    assert len(codes) == len(set(codes))
    assert 20 <= len(codes) <= 30
    assert all(reason_family(name) == name and name in reasons._words()["families"] for name in known)


def test_codes_never_change():
    assert [reason_code(name) for name in ("profile", "balance_trend", "balance_swings", "arrears", "attributes", "something else")] == [
        "R01", "R10", "R10", "R17", "R27", "R99",
    ]  # fmt: skip


def test_numbers_money_shares_and_words_are_set_against_peers():
    assert "0 card purchases in 30 days, against 4 for peers;" in told("card_purchases_30d", 0, peer=4.0)
    assert "€120 of cash in 365 days, against €80 for peers;" in told("cash_minor_365d", 12_000, peer=8_000.0, currency="EUR")
    assert "12,000 XOF of cash in 365 days, against 8,000 XOF for peers;" in told("cash_minor_365d", 12_000, peer=8_000.0, currency="XOF")
    assert "cash is 40% of debits in 365 days, against 5% for peers;" in told("cash_share_365d", 0.4, peer=0.05)
    assert "housing tenant, for most peers owner;" in told("housing_type", "tenant", peer="owner")
    assert "savings held: no, for most peers yes;" in told("holds_savings", 0, peer=1.0)
    assert "espèces : 40 % des débits sur 365 jours, contre 5 % pour ses pairs ;" in told("cash_share_365d", 0.4, "fr", peer=0.05)


def test_peers_without_the_datum_and_clients_without_it_are_told_apart():
    assert "most peers have none" in told("days_since_complaint", 12, peer=None)
    assert told("days_since_complaint", None, peer=None) == told("days_since_complaint", None)
    assert "no data, against 4 for peers" in told("card_purchases_30d", None, peer=4.0)
    assert told("days_since_complaint", 12, peer=NOT_COMPARED) == told("days_since_complaint", 12)

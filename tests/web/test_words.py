"""Every word of the interface exists in both languages."""

import json
import re
from pathlib import Path

import bankseg.ingest
import bankseg.web
from bankseg.domain import reasons
from bankseg.domain.extracts import CHANNELS, CLIENT_KINDS, CLIENT_STATUSES, CONSENT_PURPOSES, EXTRACT_BY_NAME, PRODUCTS
from bankseg.domain.jobs import STAGES, JobState, RunState
from bankseg.domain.people import Role
from bankseg.domain.policy import load_policy
from bankseg.domain.rule_words import words
from bankseg.features.catalogue import catalogue
from bankseg.storage.portfolio import TIER_ORDER
from bankseg.web import formats, i18n
from bankseg.web.frame import ENTRIES
from bankseg.web.i18n import rules

WEB = Path(bankseg.web.__file__).parent


def spoken() -> set[str]:
    """The sentences templates ask for."""
    found = {words for _, _, words in ENTRIES}
    for template in (WEB / "templates").rglob("*.html"):
        found |= {match.replace("\\'", "'") for match in re.findall(r"\b_\('((?:[^'\\]|\\.)*)'", template.read_text(encoding="utf-8"))}
    return found


def test_every_sentence_has_a_french_one_and_none_is_left_over() -> None:
    french = json.loads((WEB / "i18n" / "fr.json").read_text(encoding="utf-8"))

    assert set(french) == spoken()
    assert all(set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", text)) for english, text in french.items())


def test_every_code_of_the_data_has_a_label() -> None:
    known = {
        "tier": TIER_ORDER, "product": tuple(PRODUCTS), "kind": CLIENT_KINDS, "status": CLIENT_STATUSES, "channel": CHANNELS, "consent": CONSENT_PURPOSES,
        "role": tuple(Role), "stage": STAGES, "state": (*JobState, *RunState),
    }  # fmt: skip

    assert [(kind, code) for kind, codes in known.items() for code in codes if not i18n.has_label(kind, code)] == []


def test_every_reason_of_quarantine_has_a_label() -> None:
    source = (Path(bankseg.ingest.__file__).parent / "checks.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'Check\([^,]+, "([a-z_]+)"', source)) | {
        "unparsable_amount",
        "unparsable_number",
        "duplicate_key",
        "too_many_fields",
        "too_few_fields",
    }

    assert len(codes) > 15
    assert [code for code in sorted(codes) if not i18n.has_label("reject", code)] == []


def test_an_unknown_code_is_spelled_out() -> None:
    assert i18n.label("product", "green_bond", "fr") == "Green bond"


def test_money_is_written_as_people_of_a_language_write_it() -> None:
    assert formats.money(1_234_56, "EUR", "en") == "€1,235"
    assert formats.money(-1_234_56, "EUR", "fr").replace("\u202f", " ").replace("\xa0", " ") == "-1 235 €"
    assert formats.money(12_34, "EUR", "fr").replace("\xa0", " ") == "12,34 €"
    assert formats.money(1_234, "JPY", "en").endswith("1,234")
    assert formats.money(100, None, "en") == "1"


def test_a_reason_says_what_it_does_and_never_because() -> None:
    for feature in catalogue(tuple(EXTRACT_BY_NAME), tuple(PRODUCTS)):
        for language, effects in (("en", ("raises", "lowers")), ("fr", ("augmente", "diminue"))):
            for direction, effect in zip("+-", effects, strict=True):
                text = reasons.phrase(feature.family, direction, feature.name, 3, language)
                assert effect in text
                assert not re.search(r"because|parce que|_|[{}#*]", text)


def test_every_feature_and_family_of_the_catalogue_has_words() -> None:
    features = catalogue(tuple(EXTRACT_BY_NAME), tuple(PRODUCTS))

    assert [feature.name for feature in features if not reasons.has_words(feature.name)] == []
    assert {feature.family for feature in features} <= set(reasons._words()["families"])


def test_every_rule_of_the_default_scheme_is_told_in_french() -> None:
    for segment in load_policy().segments():
        text = rules.segment_reason(words(segment.when), "fr")
        assert not re.search(r"\b(is|or|and|band|tier|above|below|least|missing|known|yes)\b", text), text


def test_a_reason_with_no_data_says_so() -> None:
    assert reasons.phrase("salary", "+", "days_since_income", None, "en") == "Salary or pension: no data; raises the estimate"

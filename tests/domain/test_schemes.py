"""Schemes as documents."""

from copy import deepcopy

import pytest

from bankseg.domain.errors import ConfigurationError, InputError
from bankseg.domain.schemes import MOST_SEGMENTS, parse_scheme, read_scheme, scheme_document, scheme_sha256

GOLD = {"attribute": "tier", "equals": "gold"}
DOCUMENT = {
    "code": "tiers", "label_en": "Tiers", "label_fr": "Niveaux", "owner": "marketing", "review_on": "2026-06-30",
    "segment": [{"code": "gold", "label_en": "Gold", "label_fr": "Or", "when": GOLD, "message_fr": "Bonjour"}, {"code": "rest", "label_en": "Rest", "label_fr": "Reste"}],
}  # fmt: skip


def changed(**values) -> dict:
    return {**deepcopy(DOCUMENT), **values}


def test_a_scheme_is_written_as_it_was_read_and_hashed_by_its_meaning():
    scheme = parse_scheme(DOCUMENT)

    assert parse_scheme(scheme_document(scheme)) == scheme
    assert scheme.attributes == {"tier"}
    assert scheme_sha256(scheme) == scheme_sha256(parse_scheme(dict(reversed(DOCUMENT.items()))))
    assert scheme_sha256(scheme) != scheme_sha256(parse_scheme(changed(owner="risk")))
    assert scheme.segment("gold").message_fr == "Bonjour"
    with pytest.raises(InputError, match="copper"):
        scheme.segment("copper")


def test_toml_and_json_are_read_alike():
    toml = 'code = "t"\nlabel_en = "T"\nlabel_fr = "T"\nreview_on = 2026-06-30\n[[segment]]\ncode = "rest"\nlabel_en = "R"\nlabel_fr = "R"\n'
    json = '{"code": "t", "label_en": "T", "label_fr": "T", "review_on": "2026-06-30", "segment": [{"code": "rest", "label_en": "R", "label_fr": "R"}]}'

    assert read_scheme(toml) == read_scheme(json)
    with pytest.raises(InputError, match="TOML or JSON"):
        read_scheme("code = ")


@pytest.mark.parametrize(
    "document",
    [
        {key: value for key, value in DOCUMENT.items() if key != "label_fr"},
        changed(colour="red"),
        changed(code="Tiers!"),
        changed(purpose="credit"),
        changed(review_on="soon"),
        changed(owner=3),
        changed(segment=[]),
        changed(segment=["gold"]),
        changed(segment=DOCUMENT["segment"][:1]),
        changed(segment=[DOCUMENT["segment"][1], DOCUMENT["segment"][1]]),
        changed(segment=[DOCUMENT["segment"][1], DOCUMENT["segment"][0]]),
        changed(segment=[{**DOCUMENT["segment"][0], "colour": "red"}, DOCUMENT["segment"][1]]),
        changed(is_exclusive=False),
        changed(segment=[{"code": f"s{number}", "label_en": "S", "label_fr": "S", "when": GOLD} for number in range(MOST_SEGMENTS)] + DOCUMENT["segment"][1:]),
    ],
)
def test_a_slip_in_a_scheme_is_refused(document):
    with pytest.raises(ConfigurationError):
        parse_scheme(document)


def test_segments_of_an_overlapping_scheme_all_have_rules():
    assert not parse_scheme(changed(is_exclusive=False, segment=DOCUMENT["segment"][:1])).is_exclusive

"""The policy: defaults, a bank's own entries over them, and what is refused."""

import re
from datetime import date
from pathlib import Path

import pytest

import bankseg
from bankseg.domain.errors import ConfigurationError
from bankseg.domain.policy import load_policy
from bankseg.domain.rule_words import words
from bankseg.domain.segment_rules import attributes_of

PACKAGE = Path(bankseg.__file__).parent
OWN_SCHEME = """
[[scheme.segment]]
code = "{first}"
label_en = "First"
label_fr = "Premier"
action = "a"
owner = "o"
{when}
[[scheme.segment]]
code = "rest"
label_en = "Rest"
label_fr = "Reste"
action = "a"
owner = "o"
"""


@pytest.fixture
def own(tmp_path):
    def write(text):
        path = tmp_path / "policy.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_the_default_policy_gives_the_documented_horizon():
    horizon = load_policy().horizon(date(2025, 12, 31))

    assert (horizon.gap_days, horizon.outcome_days) == (7, 90)


def test_a_bank_changes_one_entry_and_keeps_the_rest(own):
    default, policy = load_policy(), load_policy(own("[tiers]\nplatinum_share = 0.02\n"))

    assert policy.section("tiers")["platinum_share"] == 0.02
    assert policy.section("tiers")["gold_share"] == default.section("tiers")["gold_share"]
    assert policy.section("risk") == default.section("risk")


def test_the_hash_tells_two_policies_apart_and_not_two_spellings_of_one(own):
    default = load_policy()

    assert load_policy(own("[tiers]\nplatinum_share = 0.02\n")).sha256 != default.sha256
    assert load_policy(own("[tiers]\nplatinum_share = 0.05 # as it is\n")).sha256 == default.sha256
    assert load_policy().sha256 == default.sha256


def test_open_tables_take_products_bands_and_channels_of_the_banks_own(own):
    policy = load_policy(own('[credit_bands]\nschufa = [{ band = "poor", low = 0, pd = 0.1 }]\n[value.channel_cost_minor]\nvideo = 200\n'))

    assert set(policy.section("credit_bands")) >= {"fico", "internal", "schufa"}
    assert policy.section("value")["channel_cost_minor"]["video"] == 200
    assert policy.section("value")["channel_cost_minor"]["branch"] == 450


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tiers]\nplatinum = 0.02\n", "tiers.platinum"),
        ("[teirs]\n", "teirs"),
        ("[value.loss]\nlgd = 0.4\n", "value.loss.lgd"),
        ("[tiers\n", "not TOML"),
        (b"name = '\xff'\n", "not TOML"),
        (OWN_SCHEME.format(first="rest", when='when = { attribute = "tier", equals = "gold" }'), "share a code"),
        (OWN_SCHEME.format(first="first", when=""), "default segment"),
        (OWN_SCHEME.format(first="first", when='when = { attribute = "tier", is = "gold" }'), "rule"),
        (
            "[[scheme.segment]]\ncode = 'a'\nlabel_en = 'A'\nlabel_fr = 'A'\naction = 'a'\nowner = 'o'\nwhen = { attribute = 'tier', equals = 'gold' }\n",
            "default segment",
        ),
        ("[[scheme.segment]]\ncode = 'a'\n", "segment"),
        ("[[risk.trigger]]\ncode = 'R1'\n", "trigger"),
        ("tiers = 5\n", "tiers"),
        ("[tiers]\nplatinum_share = 'many'\n", "tiers.platinum_share"),
        ("[tiers]\nplatinum_share = nan\n", "tiers.platinum_share"),
        ("[horizon]\ngap_days = 7.5\n", "horizon.gap_days"),
        ("[value]\nis_approximate = 1\n", "value.is_approximate"),
        ("[scheme]\nsegment = []\n", "default segment"),
    ],
)
def test_a_slip_in_a_policy_file_is_refused_and_named(own, text, told):
    with pytest.raises(ConfigurationError, match=told):
        load_policy(own(text))


def test_a_policy_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")


def test_every_segment_of_the_default_scheme_has_two_labels_an_action_an_owner_and_words():
    segments = load_policy().segments()

    assert segments[-1].when is None
    for segment in segments:
        assert segment.label_en
        assert segment.label_fr
        assert segment.action
        assert segment.owner in {"marketing", "relationship", "risk"}
        assert words(segment.when)


def test_every_entry_of_the_default_policy_is_read_somewhere():
    """An entry that nothing reads would promise a choice that does not exist."""
    source = "".join(path.read_text(encoding="utf-8") for pattern in ("**/*.py", "**/*.sql", "**/*.html") for path in PACKAGE.glob(pattern))
    values = load_policy().values

    for section, name in ((section, name) for section, entries in values.items() if isinstance(entries, dict) for name in entries):
        if section not in {"credit_bands", "scheme"}:
            assert re.search(rf"\b{name}\b", source), f"{section}.{name}"


def test_every_early_warning_rule_reads_its_own_evidence_and_no_protected_attribute():
    protected = {"sex", "marital_status", "birth_on", "age_years", "dependants"}
    triggers = load_policy().triggers()

    assert [trigger.code for trigger in triggers] == [f"R{number}" for number in range(1, 10)]
    for trigger in triggers:
        read = frozenset().union(*(attributes_of(rule) for rule in (trigger.amber, trigger.red) if rule is not None))
        assert trigger.evidence in read
        assert not read & protected

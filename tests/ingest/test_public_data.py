"""The public data, through the mappings that are shipped: rows read, accepted, quarantined."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from bankseg.services.ingest import ingest_directory
from tests.ingest.intake import SmallBank, small_bank

CHECKOUT = Path(__file__).parents[2]
DATA = CHECKOUT.parent / "shared" / "data"
# Mapping, folder, and accepted rows by table; nothing is quarantined in any of them.
SETS = {
    "berka": ("berka", {"clients": 5_369, "accounts": 6_074, "transactions": 49_102}),
    "churn_modelling": (
        "churn_modelling",
        {"clients": 10_000, "client_attributes": 100_000, "client_labels": 10_000, "accounts": 10_000, "balances": 10_000, "credit_scores": 10_000},
    ),
    "churn_modelling_dirty": (
        "churn_modelling",
        {"clients": 10_000, "client_attributes": 99_646, "client_labels": 10_000, "accounts": 10_000, "balances": 10_000, "credit_scores": 10_000},
    ),
    "bank_marketing_full": ("bank_marketing", {"clients": 45_211, "client_attributes": 678_165, "client_labels": 45_211}),
    "bank_marketing_additional": ("bank_marketing", {"clients": 41_188, "client_attributes": 782_572, "client_labels": 41_188}),
    "cdnow": ("cdnow", {"clients": 23_570, "accounts": 23_570, "transactions": 69_659}),
    "hillstrom": ("hillstrom", {"clients": 64_000, "client_attributes": 576_000, "client_labels": 64_000, "campaign_contacts": 64_000}),
}


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], tuple[SmallBank, dict[str, int], int]]:
    """Load one public data set; gives the bank, accepted rows by table and quarantined rows."""

    def loaded(name: str) -> tuple[SmallBank, dict[str, int], int]:
        folder, _ = SETS[name]
        if not (DATA / folder).is_dir():
            pytest.skip(f"public data not present at ../shared/data/{folder}")
        bank = small_bank(tmp_path)
        report = ingest_directory(bank.settings, DATA / folder, CHECKOUT / "mappings" / f"{name}.toml")
        accepted: dict[str, int] = {}
        for line in report.files:
            accepted[line.table] = accepted.get(line.table, 0) + line.accepted
        return bank, accepted, sum(line.quarantined for line in report.files)

    return loaded


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_a_public_data_set_loads_whole(load: Callable[[str], tuple[SmallBank, dict[str, int], int]], name: str) -> None:
    _, accepted, quarantined = load(name)

    assert accepted == SETS[name][1]
    assert quarantined == 0


@pytest.mark.slow
def test_czech_birth_numbers_tell_sex_and_date(load: Callable[[str], tuple[SmallBank, dict[str, int], int]]) -> None:
    bank, _, _ = load("berka")

    assert bank.rows("clients", "client_id, birth_on, sex", where="client_id IN ('1', '2')") == [
        ("1", date(1970, 12, 13), "female"),
        ("2", date(1945, 2, 4), "male"),
    ]
    assert bank.rows("clients", "sex, count(*)", where="true GROUP BY sex") == [("female", 2_645), ("male", 2_724)]
    assert bank.rows("accounts", "product, count(*)", where="true GROUP BY product") == [("card", 892), ("current_account", 4_500), ("personal_loan", 682)]
    assert bank.rows("transactions", "count(*)", where="type = 'other'") == [(0,)]


@pytest.mark.slow
def test_cdnow_purchases_leave_the_account_to_the_cent(load: Callable[[str], tuple[SmallBank, dict[str, int], int]]) -> None:
    bank, _, _ = load("cdnow")

    with (DATA / "cdnow" / "CDNOW_master.txt").open() as stream:
        cents = sum(round(float(line.split()[3]) * 100) for line in stream.readlines()[1:] if line.strip())
    assert bank.rows("transactions", "sum(amount_minor)::BIGINT") == [(-cents,)]

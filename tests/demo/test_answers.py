"""What a released list of the demo bank brought: drawn from the planted persuadability, written as the bank writes its extracts."""

import csv
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bankseg.demo import DemoBank
from bankseg.demo.answers import ANSWER_DAYS, Mailing, write_answers

SENT_ON = date(2025, 9, 30)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=";"))


@pytest.fixture(scope="module")
def mailing(bank: DemoBank) -> Mailing:
    clients = pq.read_table(bank.truth / "persuadability.parquet", columns=["client_id"]).column("client_id").to_pylist()
    return Mailing("LISTE", "home_insurance", SENT_ON, treated=clients[::2], control=clients[1::2])


@pytest.fixture(scope="module")
def folder(bank: DemoBank, mailing: Mailing, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("answers") / "answers"
    assert write_answers(bank, folder, mailing, seed=7) == len(rows(folder / "contrats.csv")) > 0
    return folder


def test_only_contacted_clients_who_never_had_the_product_are_persuaded(bank: DemoBank, mailing: Mailing, folder: Path) -> None:
    persuaded = {row["NUM_TIERS"] for row in rows(folder / "contrats.csv")}
    had = {row["NUM_TIERS"] for row in rows(bank.directory / "contrats.csv") if row["CD_PRODUIT"] == "MRH"}

    assert persuaded <= set(mailing.treated)
    assert not persuaded & had


def test_their_contracts_open_within_the_month_of_contact(folder: Path) -> None:
    days = [(datetime.strptime(row["DT_OUV"], "%d/%m/%Y").date() - SENT_ON).days for row in rows(folder / "contrats.csv")]

    assert all(1 <= day <= ANSWER_DAYS for day in days)


def test_everybody_drawn_stands_in_the_contacts_and_the_persuaded_with_their_answer(mailing: Mailing, folder: Path) -> None:
    found = rows(folder / "campagnes.csv")
    opened = {row["NUM_TIERS"]: row["DT_OUV"] for row in rows(folder / "contrats.csv")}

    assert {row["NUM_TIERS"] for row in found if row["GROUPE"] == "TRAITE"} == set(mailing.treated)
    assert {row["NUM_TIERS"] for row in found if row["GROUPE"] == "TEMOIN"} == set(mailing.control)
    assert {row["NUM_TIERS"]: row["DT_REPONSE"] for row in found if row["REPONSE"]} == opened
    assert len({row["NUM_CONTACT"] for row in found}) == len(found)


def test_the_columns_are_those_of_the_bank(bank: DemoBank, folder: Path) -> None:
    assert set(rows(folder / "contrats.csv")[0]) == set(rows(bank.directory / "contrats.csv")[0])
    assert set(rows(folder / "campagnes.csv")[0]) == {
        "NUM_CONTACT", "NUM_TIERS", "CAMPAGNE", "CD_PRODUIT", "DT_CONTACT", "CANAL", "GROUPE", "DT_REPONSE", "REPONSE",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_bytes_and_the_order_of_the_list_nothing(bank: DemoBank, mailing: Mailing, folder: Path, tmp_path: Path) -> None:
    write_answers(bank, tmp_path / "again", replace(mailing, treated=list(reversed(mailing.treated))), seed=7)

    for name in ("contrats.csv", "campagnes.csv", "mapping.toml"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()

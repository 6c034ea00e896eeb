"""What clients answered to a list that left the demo bank, by their planted persuadability, as further extract files of the bank."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from bankseg.demo.arrays import Column, Floats, Ints
from bankseg.demo.bank import DemoBank
from bankseg.demo.calendar import day_number
from bankseg.demo.columns import codes, day_texts
from bankseg.demo.products import CROSS_SELL, TERMS, canonical, target_name
from bankseg.demo.writers import Files

ANSWER_DAYS = 30  # the planted effect is that of the month of contact
STREAM = 7  # the answers' own stream of random numbers beside the bank's
FIRST_CONTRACT, FIRST_CONTACT = 19 * 10**9, 900_000_000  # beyond every number that the bank itself gives
CONTRACTS, CONTACTS, MAPPING = "contrats.csv", "campagnes.csv", "mapping.toml"
# What a contract without money of its own leaves empty.
EMPTY = ("DT_CLO", "MOTIF_CLO", "TAUX", "TYPE_TAUX", "PLAFOND", "CAPITAL", "DT_ECH")


@dataclass(frozen=True, slots=True)
class Mailing:
    """A list that was sent: its product, its day, and who was contacted or held out."""

    name: str
    product: str
    contact_on: date
    treated: Sequence[str]
    control: Sequence[str]


def write_answers(demo: DemoBank, folder: Path, mailing: Mailing, seed: int) -> int:
    """Write the contacts of a list and the contracts they brought, with the bank's mapping beside them; returns how many were persuaded.

    Each contacted client who never held the product opens a contract within `ANSWER_DAYS` with the chance that was planted for an offer of it. Clients held
    out get nothing: what they buy of themselves stands in the bank's own extracts, as it does for everybody.
    """
    treated, control = sorted(mailing.treated), sorted(mailing.control)
    rng = np.random.default_rng([seed, STREAM])
    chance = _chances(demo, mailing.product, treated)
    is_persuaded = rng.random(len(treated)) < chance
    days = day_number(mailing.contact_on) + rng.integers(1, ANSWER_DAYS + 1, len(treated))
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    with Files(unfinished, {}) as files:
        files.csv(CONTRACTS).write(_contracts(mailing, [client for client, bought in zip(treated, is_persuaded, strict=True) if bought], days[is_persuaded]))
        files.csv(CONTACTS).write(_contacts(mailing, treated, control, np.where(is_persuaded, days, -1)))
    shutil.copyfile(demo.mapping, unfinished / MAPPING)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return int(is_persuaded.sum())


def _chances(demo: DemoBank, product: str, clients: Sequence[str]) -> Floats:
    """Added chance of a sale by client; 0 for those whom the offer puts off, and for those who have or had the product."""
    target = next(target_name(one) for one in CROSS_SELL if canonical(one) == product)
    truth = pq.read_table(demo.truth / "persuadability.parquet", columns=["client_id", target])
    planted = {str(row["client_id"]): float(row[target]) for row in truth.to_pylist()}
    held = _holders(demo, product)
    return np.array([0.0 if client in held else max(planted[client], 0.0) for client in clients])


def _holders(demo: DemoBank, product: str) -> frozenset[str]:
    """Clients with a contract of the product in the bank's own extract, rows with too few or too many fields left aside."""
    wanted = ["NUM_TIERS", "CD_PRODUIT"]
    parse = pacsv.ParseOptions(delimiter=";", invalid_row_handler=lambda _row: "skip")
    convert = pacsv.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()))
    rows = pacsv.read_csv(demo.directory / CONTRACTS, parse_options=parse, convert_options=convert)
    code = _code_of(product)
    return frozenset(client for client, found in zip(*(rows.column(name).to_pylist() for name in wanted), strict=True) if found == code)


def _contracts(mailing: Mailing, clients: Sequence[str], days: Ints) -> dict[str, Column]:
    count = len(clients)
    columns = {
        "NUM_CTR": pa.array([str(FIRST_CONTRACT + place) for place in range(count)], pa.string()),
        "NUM_TIERS": pa.array(clients, pa.string()),
        "CD_PRODUIT": _repeated(_code_of(mailing.product), count),
        "DT_OUV": day_texts(days),
        "DEVISE": _repeated("EUR", count),
        "CANAL_OUV": _repeated("NET", count),
    }
    return columns | {name: _repeated("", count) for name in EMPTY}


def _contacts(mailing: Mailing, treated: Sequence[str], control: Sequence[str], answered: Ints) -> dict[str, Column]:
    clients = [*treated, *control]
    count = len(clients)
    days = np.concatenate([answered, np.full(len(control), -1, dtype=np.int64)])
    return {
        "NUM_CONTACT": pa.array([f"K{FIRST_CONTACT + place}" for place in range(count)], pa.string()),
        "NUM_TIERS": pa.array(clients, pa.string()),
        "CAMPAGNE": _repeated(mailing.name, count),
        "CD_PRODUIT": _repeated(_code_of(mailing.product), count),
        "DT_CONTACT": day_texts(np.full(count, day_number(mailing.contact_on) + 1)),
        "CANAL": _repeated("NET", count),
        "GROUPE": pa.array(["TRAITE"] * len(treated) + ["TEMOIN"] * len(control), pa.string()),
        "DT_REPONSE": day_texts(np.maximum(days, 0), days >= 0),
        "REPONSE": codes(np.where(days >= 0, 0, -1), ("SOUSCRIT",)),
    }


def _code_of(product: str) -> str:
    return next(TERMS[one].code for one in CROSS_SELL if canonical(one) == product)


def _repeated(value: str, count: int) -> Column:
    return pa.array([value] * count, pa.string())

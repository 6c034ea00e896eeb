"""Each extract of the demo bank as its own file: columns and codes in the bank's dialect."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from bankseg.demo import names
from bankseg.demo.arrays import AnyArray, Column, Ints, cents
from bankseg.demo.book import Book
from bankseg.demo.calendar import Month
from bankseg.demo.campaigns import CAMPAIGNS, Persuasion
from bankseg.demo.clients import Clients, Way, display_names, manager_codes
from bankseg.demo.columns import codes, day_texts, day_values, euro_texts, pick, whole_texts, yes_no
from bankseg.demo.contracts import FIXED, PROMOTIONAL, VARIABLE
from bankseg.demo.instalments import Instalments
from bankseg.demo.postings import CHANNEL_CODES, TYPE_CODES
from bankseg.demo.products import PRODUCTS, TERMS
from bankseg.demo.traces import DEVICE_CODES, EVENT_CODES, INTERACTION_CODES, PAGE_CODES, REASON_CODES
from bankseg.demo.transactions import MCC_CHILD, MCC_CODES, MCC_HOME, MCC_TRAVEL

Columns = dict[str, Column]
LATIN1 = {"tiers.csv": "iso8859-1"}
WAY_CODES = ("PP", "PP", "PP", "PP", "PP", "EI", "PM", "AS", "CO", "PP")
REASONS_OUT = ("DEMCLI", "BANQUE", "DECES", "TERME", "ETRANGER", "FRAUDE", "ND")
RATE_TYPES = ("F", "V", "P")
PRODUCT_CODES = tuple(TERMS[product].code for product in PRODUCTS)
PLACES = names.places()


def client_columns(rng: np.random.Generator, clients: Clients, book: Book, extract_day: int) -> Columns:
    """tiers.csv: one row a client."""
    count, person = len(clients), clients.is_person | (clients.way == Way.PROSPECT) | (clients.way == Way.SOLE_TRADER)
    age, firm = clients.age(extract_day), clients.is_firm
    managers, branches = manager_codes(clients)
    town = rng.integers(0, len(PLACES), count)
    postcode = 10000 + 100 * (town % 80) + town // 80
    income = cents(np.round(clients.income * 12, -2))
    text = pa.string()
    return {
        "NUM_TIERS": pa.array(clients.client_ids(), text),
        "TYPE_TIERS": codes(clients.way, WAY_CODES),
        "STATUT": codes(clients.is_prospect.astype(np.int64), ("C", "P")),
        "INTITULE": pa.array(display_names(rng, clients), text),
        "DT_ENTREE": day_texts(clients.joined),
        "DT_NAISS": day_texts(clients.birth, person),
        "SEXE": codes(np.where(person, clients.is_female, -1), ("H", "F")),
        "SIT_FAM": codes(np.where(person, rng.choice(4, count, p=[0.3, 0.5, 0.13, 0.07]), -1), ("C", "M", "D", "V")),
        "NB_ENF": codes(
            np.where(person & (age > 25) & (age < 60), rng.choice(4, count, p=[0.4, 0.25, 0.25, 0.1]), np.where(person, 0, -1)), ("0", "1", "2", "3")
        ),
        "NUM_FOYER": codes(np.where(clients.household >= 0, np.arange(count), -1), [f"F{number:07d}" for number in clients.household]),
        "NIV_ETUDE": codes(np.where(person, rng.integers(0, 5, count), -1), ("CAP", "BAC", "BAC2", "BAC3", "BAC5")),
        "CSP": codes(np.where(person, rng.integers(0, 6, count), -1), ("2", "3", "4", "5", "6", "8")),
        "SIT_PRO": codes(
            np.where(person, np.minimum(clients.way, Way.SOLE_TRADER), -1), ("SALARIE", "RETRAITE", "SALARIE", "ETUDIANT", "AUTRE", "INDEPENDANT")
        ),
        "REVENU_AN": euro_texts(income, person),
        "STATUT_LOGT": codes(np.where(person, rng.choice(3, count, p=[0.45, 0.45, 0.1]), -1), ("P", "L", "H")),
        "VILLE": codes(town, PLACES),
        "CD_POSTAL": pa.array(postcode).cast(text),
        "CD_COMMUNE": pa.array(postcode + 20000).cast(text),
        "DEPT": pa.array(postcode // 1000).cast(text),
        "CD_AGENCE": pa.array(branches, text),
        "CD_CONS": pa.array(managers, text),
        "LANGUE": codes(rng.choice(2, count, p=[0.97, 0.03]), ("FR", "EN")),
        "CD_NAF": codes(np.where(firm, rng.integers(0, 6, count), -1), ("4711D", "5610A", "4120A", "6920Z", "8690D", "9499Z")),
        "EFFECTIF": whole_texts((clients.income / 9000).astype(np.int64), firm),
        "CA_AN": euro_texts(income, firm),
        "FORME_JUR": codes(np.where(firm, clients.way - Way.SOLE_TRADER, -1), ("EI", "SARL", "ASSO", "COLL")),
        "FRAGILE": yes_no((clients.frailty > 2.2) & person),
        "CANAL_ENTREE": codes(rng.choice(3, count, p=[0.6, 0.25, 0.15]), ("AGENCE", "INTERNET", "PARRAINAGE")),
        "ORIGINE_PROSPECT": codes(np.where(clients.is_prospect, rng.integers(0, 3, count), -1), ("SALON", "SITE", "FICHIER")),
        "DT_DECES": day_texts(book.died, book.died >= 0),
    }


def account_columns(book: Book, numbers: Column, client_ids: Column) -> Columns:
    """contrats.csv: one row a contract of any product."""
    column, closed = book.contracts.column, book.contracts.closed
    rate, kind = column("rate"), column("rate_type")
    basis_points = np.rint(np.where(np.isnan(rate), 0, rate) * 100).astype(np.int64)
    return {
        "NUM_CTR": numbers,
        "NUM_TIERS": pick(client_ids, column("client")),
        "CD_PRODUIT": codes(column("product"), PRODUCT_CODES),
        "DT_OUV": day_texts(column("opened")),
        "DT_CLO": day_texts(closed, closed >= 0),
        "MOTIF_CLO": codes(book.contracts.reason, REASONS_OUT),
        "DEVISE": codes(np.zeros(len(closed), dtype=np.int64), ("EUR",)),
        "TAUX": euro_texts(basis_points, ~np.isnan(rate)),
        "TYPE_TAUX": codes(np.where(np.isin(kind, (FIXED, VARIABLE, PROMOTIONAL)), kind, -1), RATE_TYPES),
        "PLAFOND": euro_texts(column("limit"), column("limit") > 0),
        "CAPITAL": euro_texts(column("principal"), column("principal") > 0),
        "DT_ECH": day_texts(column("matures"), column("matures") > 0),
        "CANAL_OUV": codes(column("channel"), CHANNEL_CODES),
    }


def movement_columns(rows: Mapping[str, AnyArray], numbers: Column, first_id: int) -> Columns:
    """mouvements_YYYYMM.parquet: unsigned cents with a direction, as the core system books them."""
    count, mcc = len(rows["day"]), rows["mcc"]
    known_mcc = np.sort(np.array([*MCC_CODES, MCC_CHILD, MCC_TRAVEL, MCC_HOME]))
    position = np.where(mcc > 0, np.searchsorted(known_mcc, mcc), -1)
    abroad = (rows["day"] * 31 + rows["amount"]) % 40 == 0
    return {
        "NUM_MVT": pa.array(first_id + np.arange(count)),
        "NUM_CTR": pick(numbers, rows["row"]),
        "DT_OPE": day_values(rows["day"]),
        "MNT_CTS": pa.array(np.abs(rows["amount"])),
        "SENS": codes((rows["amount"] < 0).astype(np.int64), ("C", "D")),
        "CD_OPE": codes(rows["type"], TYPE_CODES),
        "CD_CANAL": codes(rows["channel"], CHANNEL_CODES),
        "CD_MCC": codes(position, [f"{code:04d}" for code in known_mcc]),
        "PAYS": codes(np.where(mcc > 0, np.where(abroad, 1 + rows["day"] % 3, 0), -1), ("FR", "BE", "DE", "ES")),
    }


def balance_columns(rows: Mapping[str, AnyArray], month: Month, numbers: Column) -> Columns:
    """soldes_YYYYMM.parquet: month-end balances in euros."""
    return {
        "NUM_CTR": pick(numbers, rows["row"]),
        "DT_SOLDE": day_values(np.full(len(rows["row"]), month.last)),
        "SOLDE": pa.array(rows["balance"] / 100),
        "DEVISE": codes(np.zeros(len(rows["row"]), dtype=np.int64), ("EUR",)),
    }


def digital_columns(rows: Mapping[str, AnyArray], client_ids: Column) -> Columns:
    """digital_YYYYMM.parquet: daily counts."""
    pages = {**{int(product): TERMS[product].code for product in PRODUCTS}, **PAGE_CODES}
    order = sorted(pages)
    return {
        "NUM_TIERS": pick(client_ids, rows["client"]),
        "DT_EVT": day_values(rows["day"]),
        "TYPE_EVT": codes(rows["kind"], EVENT_CODES),
        "PAGE": codes(np.searchsorted(order, rows["page"]), [pages[page] for page in order]),
        "TERMINAL": codes(rows["device"], DEVICE_CODES),
        "NB": pa.array(rows["count"].astype(np.int32)),
    }


def interaction_columns(rows: Mapping[str, AnyArray], client_ids: Column, first_id: int, extract_day: int) -> Columns:
    """relations.csv: calls, visits, messages and complaints."""
    reasons = {**{int(product): TERMS[product].code for product in PRODUCTS}, **REASON_CODES}
    order = sorted(reasons)
    return {
        "NUM_REL": pa.array([f"R{first_id + place:09d}" for place in range(len(rows["client"]))], pa.string()),
        "NUM_TIERS": pick(client_ids, rows["client"]),
        "DT_REL": day_texts(rows["day"]),
        "NATURE": codes(rows["kind"], INTERACTION_CODES),
        "CANAL": codes(rows["channel"], CHANNEL_CODES),
        "MOTIF": codes(np.searchsorted(order, rows["reason"]), [reasons[reason] for reason in order]),
        "DT_CLOTURE": day_texts(rows["resolved"], rows["resolved"] <= extract_day),
    }


def survey_columns(rows: Mapping[str, AnyArray], client_ids: Column, month: Month) -> Columns:
    """enquetes.csv: answers to the half-yearly recommendation poll."""
    count = len(rows["client"])
    return {
        "NUM_TIERS": pick(client_ids, rows["client"]),
        "VAGUE": codes(np.zeros(count, dtype=np.int64), (f"{month.year}S{1 if month.month < 7 else 2}",)),
        "QUESTION": codes(np.zeros(count, dtype=np.int64), ("NPS",)),
        "DT_REP": day_texts(rows["day"]),
        "REPONSE": pa.array(rows["answer"]).cast(pa.string()),
    }


def score_columns(rows: Mapping[str, AnyArray], client_ids: Column) -> Columns:
    """notations.csv.gz: quarterly ratings."""
    return {
        "NUM_TIERS": pick(client_ids, rows["client"]),
        "ORIGINE": codes(rows["is_firm"].astype(np.int64), ("BUREAU", "INTERNE")),
        "DT_NOTE": day_texts(rows["day"]),
        "NOTE": pa.array(rows["score"]).cast(pa.string()),
    }


def instalment_columns(due: Instalments, numbers: Column, extract_day: int) -> Columns:
    """echeances.csv.gz: instalments due, with the day they were paid."""
    rows = {name: np.concatenate([part[name] for part in due.parts]) for name in ("row", "due", "amount", "paid_on")}
    known = (rows["paid_on"] >= 0) & (rows["paid_on"] <= extract_day)
    return {
        "NUM_CTR": pick(numbers, rows["row"]),
        "DT_ECHEANCE": day_texts(rows["due"]),
        "MNT_DU": euro_texts(rows["amount"]),
        "DT_REGLT": day_texts(rows["paid_on"], known),
        "MNT_REGLE": euro_texts(rows["amount"], known),
    }


def campaign_columns(persuasion: Persuasion, book: Book, client_ids: Column, first_id: int) -> Columns:
    """campagnes.csv: who was contacted or kept as control, and who answered by buying."""
    if not persuasion.rows:
        return {}
    rows = {name: np.concatenate([part[name] for part in persuasion.rows]) for name in persuasion.rows[0]}
    offered = np.array([-1 if campaign.product is None else int(campaign.product) for campaign in CAMPAIGNS])[rows["campaign"]]
    bought = _bought_after(book, rows["client"], offered, rows["day"])
    answered = rows["is_treated"] & (bought >= 0)
    return {
        "NUM_CONTACT": pa.array([f"K{first_id + place:09d}" for place in range(len(offered))], pa.string()),
        "NUM_TIERS": pick(client_ids, rows["client"]),
        "CAMPAGNE": codes(rows["campaign"], [campaign.name for campaign in CAMPAIGNS]),
        "CD_PRODUIT": codes(offered, PRODUCT_CODES),
        "DT_CONTACT": day_texts(rows["day"]),
        "CANAL": codes(rows["channel"], CHANNEL_CODES),
        "GROUPE": codes(rows["is_treated"].astype(np.int64), ("TEMOIN", "TRAITE")),
        "DT_REPONSE": day_texts(bought, answered),
        "REPONSE": codes(np.where(answered, 0, -1), ("SOUSCRIT",)),
    }


ANSWER_DAYS = 30


def _bought_after(book: Book, client: Ints, product: Ints, day: Ints) -> Ints:
    """Day on which each contacted client opened the offered product within the answer time; -1 not."""
    opened = book.contracts.column("opened")
    owner = book.contracts.column("client") * len(PRODUCTS) + book.contracts.column("product")
    order = np.lexsort((opened, owner))
    keys = owner[order] * 100_000 + opened[order]
    place = np.minimum(np.searchsorted(keys, (client * len(PRODUCTS) + product) * 100_000 + day), len(keys) - 1)
    found = opened[order][place]
    matches = (owner[order][place] == client * len(PRODUCTS) + product) & (found >= day) & (found <= day + ANSWER_DAYS) & (product >= 0)
    return np.where(matches, found, -1)

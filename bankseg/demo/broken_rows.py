"""Rows broken on purpose, added to the extracts with their exact counts: what every real delivery contains."""

from datetime import date, timedelta
from typing import Any, NamedTuple

from bankseg.demo.writers import CsvFile, Files, ParquetFile

TOO_MANY, TOO_FEW, REPEATED = "too many fields", "too few fields", "repeated row"
QUARANTINED, DUPLICATE = "quarantined", "duplicate"
KEY = "<key>"  # replaced by a value seen nowhere else
SURPLUS_FIELDS = 2
UNKNOWN = "C99999999"


class Broken(NamedTuple):
    """One way a CSV file is broken: what it is, how many rows, and the fields that differ from a good row."""

    file: str
    fault: str
    rows: int
    fields: dict[str, str]


# The first field named KEY keeps rows apart from each other, so that only the fault named is wrong with them.
CSV_FAULTS = (
    Broken("tiers.csv", "unparsable date", 6, {"NUM_TIERS": KEY, "DT_ENTREE": "31/02/2024"}),
    Broken("tiers.csv", "joined after extract", 4, {"NUM_TIERS": KEY, "DT_ENTREE": "<after>"}),
    Broken("tiers.csv", "unknown kind", 5, {"NUM_TIERS": KEY, "TYPE_TIERS": "XX"}),
    Broken("tiers.csv", TOO_MANY, 4, {"NUM_TIERS": KEY}),
    Broken("tiers.csv", TOO_FEW, 3, {"NUM_TIERS": KEY}),
    Broken("tiers.csv", REPEATED, 5, {}),
    Broken("contrats.csv", "unknown client", 12, {"NUM_CTR": KEY, "NUM_TIERS": UNKNOWN}),
    Broken("contrats.csv", "unparsable date", 8, {"NUM_CTR": KEY, "DT_OUV": "2024-13-45"}),
    Broken("contrats.csv", "unknown product", 6, {"NUM_CTR": KEY, "CD_PRODUIT": "ZZZ"}),
    Broken("contrats.csv", "closed before opened", 4, {"NUM_CTR": KEY, "DT_CLO": "01/01/1950", "MOTIF_CLO": "ND"}),
    Broken("contrats.csv", "rate not finite", 3, {"NUM_CTR": KEY, "TAUX": "inf"}),
    Broken("contrats.csv", TOO_FEW, 4, {"NUM_CTR": KEY}),
    Broken("contrats.csv", REPEATED, 5, {}),
    Broken("notations.csv.gz", "score off its scale", 15, {"DT_NOTE": KEY, "ORIGINE": "BUREAU", "NOTE": "9999"}),
    Broken("notations.csv.gz", "score not a number", 6, {"DT_NOTE": KEY, "NOTE": "A+"}),
    Broken("notations.csv.gz", "unknown client", 5, {"DT_NOTE": KEY, "NUM_TIERS": UNKNOWN}),
    Broken("echeances.csv.gz", "unknown account", 10, {"NUM_CTR": KEY}),
    Broken("echeances.csv.gz", "amount not finite", 8, {"DT_ECHEANCE": KEY, "MNT_DU": "NaN"}),
    Broken("echeances.csv.gz", "amount unreadable", 6, {"DT_ECHEANCE": KEY, "MNT_DU": "1.2.3,4"}),
    Broken("relations.csv", "after extract", 8, {"NUM_REL": KEY, "DT_REL": "<after>", "DT_CLOTURE": ""}),
    Broken("relations.csv", TOO_MANY, 5, {"NUM_REL": KEY}),
    Broken("relations.csv", "unknown client", 7, {"NUM_REL": KEY, "NUM_TIERS": UNKNOWN}),
    Broken("joignabilite.csv", "neither yes nor no", 6, {"NUM_TIERS": UNKNOWN, "VALIDE": "PEUT-ETRE"}),
    Broken("consentements.csv", "unparsable date", 6, {"DT_DECISION": "00/00/0000"}),
    Broken("consentements.csv", "unknown purpose", 4, {"FINALITE": "AUTRE"}),
    Broken("campagnes.csv", "unknown arm", 5, {"NUM_CONTACT": KEY, "GROUPE": "?"}),
    Broken("enquetes.csv", "unknown client", 5, {"NUM_TIERS": UNKNOWN}),
)


class Fault(NamedTuple):
    """One fault as written: where, what, how many rows and what the intake should make of them."""

    file: str
    fault: str
    rows: int
    expected: str


def add_broken_rows(files: Files, last_month: str, extract_on: date) -> list[Fault]:
    """Append every fault to the files; those of Parquet go to the last month's."""
    after = extract_on + timedelta(days=40)
    faults = [_break_csv(files.csv(broken.file), broken, number, after) for number, broken in enumerate(CSV_FAULTS) if files.csv(broken.file).sample]
    faults += _break_parquet(files.parquet(f"mouvements_{last_month}.parquet"), f"mouvements_{last_month}.parquet", _movements(after))
    faults += _break_parquet(files.parquet(f"soldes_{last_month}.parquet"), f"soldes_{last_month}.parquet", _balances(after))
    faults += _break_parquet(files.parquet(f"digital_{last_month}.parquet"), f"digital_{last_month}.parquet", _digital(after))
    return faults


def _break_csv(file: CsvFile, broken: Broken, number: int, after: date) -> Fault:
    for place in range(broken.rows):
        fields = dict(zip(file.header, file.sample, strict=True))
        fields |= {name: _filled(name, text, number * 100 + place, after) for name, text in broken.fields.items()}
        values = list(fields.values())
        match broken.fault:
            case "too many fields":
                values += ["x"] * SURPLUS_FIELDS
            case "too few fields":
                values = values[: len(values) // 2]
        file.line(values)
    return Fault(broken.file, broken.fault, broken.rows, DUPLICATE if broken.fault == REPEATED else QUARANTINED)


def _filled(name: str, text: str, number: int, after: date) -> str:
    if text == "<after>":
        return f"{after:%d/%m/%Y}"
    if text != KEY:
        return text
    return f"{date(2001, 1, 1) + timedelta(days=number):%d/%m/%Y}" if name.startswith("DT_") else f"X{number:08d}"


def _movements(after: date) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Faults of the movements; Any: a row holds texts, dates and numbers."""
    odd = 999_900_000_000  # movement numbers used nowhere else
    return [
        ("unknown account", QUARANTINED, [{"NUM_MVT": odd + place, "NUM_CTR": "99999999999"} for place in range(20)]),
        ("after extract", QUARANTINED, [{"NUM_MVT": odd + 100 + place, "DT_OPE": after} for place in range(12)]),
        ("no date", QUARANTINED, [{"NUM_MVT": odd + 200 + place, "DT_OPE": None} for place in range(8)]),
        ("no amount", QUARANTINED, [{"NUM_MVT": odd + 300 + place, "MNT_CTS": None} for place in range(6)]),
        ("unknown operation", QUARANTINED, [{"NUM_MVT": odd + 400 + place, "CD_OPE": "INCONNU"} for place in range(9)]),
        (REPEATED, DUPLICATE, [{} for _ in range(15)]),
    ]


def _balances(after: date) -> list[tuple[str, str, list[dict[str, Any]]]]:
    days = [date(2001, 1, 1) + timedelta(days=place) for place in range(30)]
    return [
        (
            "amount not finite",
            QUARANTINED,
            [{"DT_SOLDE": day, "SOLDE": float(value)} for day, value in zip(days[:12], ("nan", "inf", "-inf") * 4, strict=True)],
        ),
        ("amount too large", QUARANTINED, [{"DT_SOLDE": day, "SOLDE": 9e15} for day in days[12:16]]),
        ("unknown account", QUARANTINED, [{"NUM_CTR": f"9999999{place:04d}"} for place in range(10)]),
        ("after extract", QUARANTINED, [{"DT_SOLDE": after + timedelta(days=place)} for place in range(6)]),
        (REPEATED, DUPLICATE, [{} for _ in range(8)]),
    ]


def _digital(after: date) -> list[tuple[str, str, list[dict[str, Any]]]]:
    return [
        ("count below one", QUARANTINED, [{"DT_EVT": date(2001, 1, 1) + timedelta(days=place), "NB": -3} for place in range(7)]),
        ("unknown client", QUARANTINED, [{"NUM_TIERS": UNKNOWN, "DT_EVT": date(2001, 1, 1) + timedelta(days=place)} for place in range(6)]),
        ("after extract", QUARANTINED, [{"DT_EVT": after + timedelta(days=place)} for place in range(5)]),
    ]


def _break_parquet(file: ParquetFile, name: str, faults: list[tuple[str, str, list[dict[str, Any]]]]) -> list[Fault]:
    for _, _, rows in faults:
        file.broken(rows)
    return [Fault(name, fault, len(rows), expected) for fault, expected, rows in faults] if file.sample is not None else []

"""The traces clients leave beside their movements: digital events, interactions, surveys and credit scores."""

import numpy as np

from bankseg.demo.arrays import AnyArray, Bools, Floats, Ints, days_between
from bankseg.demo.book import Book
from bankseg.demo.calendar import Month
from bankseg.demo.postings import channel_number
from bankseg.demo.products import Product

Rows = dict[str, AnyArray]
LOGIN, PAGE_VIEW, SIMULATION, STARTED, ABANDONED = range(5)
EVENT_CODES = ("CONNEXION", "VUE", "SIMULATION", "SOUSC_DEBUT", "SOUSC_ABANDON")
NO_PAGE, RATES_PAGE = -1, 100  # other pages are products
PAGE_CODES = {NO_PAGE: "ACCUEIL", RATES_PAGE: "TAUX"}
DEVICE_CODES = ("TEL", "TAB", "ORD")
# What a client with an intent looks up, and how often.
LOOKED_UP: dict[str, tuple[Product, ...]] = {
    "home": (Product.MORTGAGE, Product.MORTGAGE, Product.HOME_INSURANCE),
    "child": (Product.LIFE_INSURANCE, Product.HOME_INSURANCE, Product.SAVINGS),
    "credit_need": (Product.PERSONAL_LOAN,),
    "windfall": (Product.SECURITIES, Product.LIFE_INSURANCE),
    "card_wish": (Product.CREDIT_CARD,),
    "save_wish": (Product.SAVINGS,),
    "business_plan": (Product.BUSINESS_LOAN, Product.MERCHANT_SERVICES),
}
SIMULATIONS_A_MONTH, ADVICE_A_MONTH, ADVICE_BESIDE_ONLINE = 4.5, 1.7, 0.15
RATE_VIEWS_A_MONTH = 4.5
IDLE_SIMULATIONS = 0.03  # looked up with nothing behind it, a month
LOGINS_A_MONTH = 3.2
CALL, VISIT, MESSAGE, COMPLAINT, SERVICE = range(5)
INTERACTION_CODES = ("APPEL", "RDV", "MESSAGE", "RECLAM", "DEMANDE")
FEES_REASON, SERVICE_REASON, RATES_REASON, USUAL_REASON = 200, 201, 202, 203
REASON_CODES = {FEES_REASON: "FRAIS", SERVICE_REASON: "QUALITE", RATES_REASON: "TAUX", USUAL_REASON: "COURANT"}
BLOCK = 64  # more than the days of a month: (client, day) in one number


def digital_events(rng: np.random.Generator, book: Book, first: Ints, last: Ints) -> Rows:
    """Daily counts of digital events of the month, one row per client, day, type and page."""
    online = book.clients.is_digital & (first <= last) & (book.died < 0)
    presence = np.where(book.drivers["quiet_online"], 0.04, 1.0) * np.where(book.drivers["disengaged"], 0.5, 1.0)
    presence = presence * np.where(book.drivers["silent"], 0.15, 1.0) * online
    parts = [_events(rng, LOGINS_A_MONTH * book.clients.pace * presence, LOGIN, np.array([NO_PAGE]), first, last)]
    for intent, products in LOOKED_UP.items():
        rate = SIMULATIONS_A_MONTH * (book.drivers[intent] & online)
        parts.append(_events(rng, rate, SIMULATION, np.array(products), first, last))
        parts.append(_events(rng, 0.15 * rate, ABANDONED, np.array(products), first, last))
    parts.append(_events(rng, IDLE_SIMULATIONS * online, SIMULATION, _pages_for_nothing(), first, last))
    parts.append(_events(rng, (RATE_VIEWS_A_MONTH * book.drivers["rate_chasing"] + 0.03) * online, PAGE_VIEW, np.array([RATES_PAGE]), first, last))
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _daily(rng, rows)


def _pages_for_nothing() -> Ints:
    return np.array(sorted({int(product) for products in LOOKED_UP.values() for product in products}))


def _events(rng: np.random.Generator, rate: Floats, kind: int, pages: Ints, first: Ints, last: Ints) -> Rows:
    client = np.repeat(np.arange(len(rate)), rng.poisson(rate))
    day = days_between(rng, first[client], last[client])
    return {"client": client, "day": day, "kind": np.full(len(client), kind), "page": rng.choice(pages, len(client))}


def _daily(rng: np.random.Generator, rows: Rows) -> Rows:
    key = ((rows["client"] * 8 + rows["kind"]) * 256 + rows["page"] + 1) * 32768 + rows["day"]
    unique, place, count = np.unique(key, return_index=True, return_counts=True)
    kept = {name: column[place] for name, column in rows.items()}
    kept["count"] = count + rng.poisson(0.6, len(unique)) * (kept["kind"] == LOGIN)
    kept["device"] = rng.choice(3, len(unique), p=[0.62, 0.08, 0.30])
    return kept


def interactions(rng: np.random.Generator, book: Book, first: Ints, last: Ints, newly_aggrieved: Bools) -> Rows:
    """Calls, visits, messages and complaints of the month."""
    here = (first <= last) & (book.died < 0) & (book.holdings > 0)
    spoken = np.where(book.drivers["silent"], 0.1, 1.0) * here
    parts = [
        _talks(rng, 0.05 * spoken, np.array([CALL, VISIT, MESSAGE, SERVICE]), np.array([USUAL_REASON]), first, last),
        _talks(rng, 1.3 * (book.drivers["aggrieved"] & here) + 0.0015 * spoken, np.array([COMPLAINT]), np.array([FEES_REASON, SERVICE_REASON]), first, last),
        _talks(rng, 1.3 * (book.drivers["rate_chasing"] & here & ~book.clients.is_digital), np.array([CALL, VISIT]), np.array([RATES_REASON]), first, last),
    ]
    sure = np.flatnonzero(newly_aggrieved & here)
    parts.append(
        {"client": sure, "day": days_between(rng, first[sure], last[sure]), "kind": np.full(len(sure), COMPLAINT), "reason": np.full(len(sure), SERVICE_REASON)}
    )
    advice = np.where(book.clients.is_digital, ADVICE_BESIDE_ONLINE, ADVICE_A_MONTH)
    for intent, products in LOOKED_UP.items():
        parts.append(_talks(rng, advice * (book.drivers[intent] & here), np.array([CALL, VISIT]), np.array(products), first, last))
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    rows["channel"] = np.select(
        [rows["kind"] == VISIT, rows["kind"] == MESSAGE], [np.full(len(rows["kind"]), channel_number("branch")), channel_number("web")], channel_number("phone")
    )
    rows["resolved"] = rows["day"] + 1 + rng.poisson(8, len(rows["day"]))
    return rows


def _talks(rng: np.random.Generator, rate: Floats, kinds: Ints, reasons: Ints, first: Ints, last: Ints) -> Rows:
    client = np.repeat(np.arange(len(rate)), rng.poisson(rate))
    day = days_between(rng, first[client], last[client])
    return {"client": client, "day": day, "kind": rng.choice(kinds, len(client)), "reason": rng.choice(reasons, len(client))}


def survey_answers(rng: np.random.Generator, book: Book, month: Month) -> Rows:
    """Would you recommend us, 0 to 10; twice a year, one client in seven answers."""
    asked = book.is_here(month.last) & (book.died < 0) & ~book.drivers["silent"]
    client = np.flatnonzero(asked & (rng.random(len(asked)) < 0.14))
    mood = 7.6 - 4.0 * book.drivers["aggrieved"][client] - 1.5 * book.drivers["disengaged"][client]
    answer = np.clip(np.rint(mood + 1.5 * rng.standard_normal(len(client))), 0, 10).astype(np.int64)
    return {"client": client, "day": days_between(rng, np.full(len(client), month.first), np.full(len(client), month.last)), "answer": answer}


def step_scores(rng: np.random.Generator, book: Book) -> None:
    """Credit quality one quarter later: sticky, and worn down by distress."""
    resting = -0.8 * book.clients.frailty - 1.6 * book.drivers["distress"]
    book.score = 0.6 * book.score + 0.4 * resting + 0.2 * rng.standard_normal(len(book.score))


def credit_scores(book: Book, month: Month) -> Rows:
    """The ratings published at a quarter's end: 300-850 for persons, 1 (best) to 10 for firms."""
    client = np.flatnonzero(book.is_here(month.last) & (book.died < 0))
    quality, is_firm = book.score[client], book.clients.is_firm[client]
    points = np.clip(np.rint(690 + 70 * quality), 300, 850)
    grade = np.clip(np.rint(4.5 - 1.6 * quality), 1, 10)
    return {"client": client, "day": np.full(len(client), month.last), "is_firm": is_firm, "score": np.where(is_firm, grade, points).astype(np.int64)}

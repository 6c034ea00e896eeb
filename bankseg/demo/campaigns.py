"""Past campaigns with randomised treatment and control, and how persuadable each client is."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from bankseg.demo.arrays import AnyArray, Bools, Floats, Ints, days_between
from bankseg.demo.book import Book
from bankseg.demo.calendar import Month
from bankseg.demo.postings import channel_number
from bankseg.demo.products import CROSS_SELL, Product, target_name

RETENTION = "retention"
SHARE_CONTACTED, SHARE_TREATED = 0.15, 0.6
RETENTION_MONTHS = 3


class Campaign(NamedTuple):
    """One past campaign: months before the last month, name, product offered (None: retention)."""

    months_back: int
    name: str
    product: Product | None


# None in the last quarter: its outcome windows stay undisturbed for back-tests.
CAMPAIGNS = (
    Campaign(28, "LIVRET-RENTREE", Product.SAVINGS), Campaign(25, "FIDELITE-1", None), Campaign(22, "CARTE-ETE", Product.CREDIT_CARD),
    Campaign(19, "PRET-PERSO-PRINTEMPS", Product.PERSONAL_LOAN), Campaign(16, "FIDELITE-2", None), Campaign(13, "ASSUR-VIE-HIVER", Product.LIFE_INSURANCE),
    Campaign(10, "CARTE-PRINTEMPS", Product.CREDIT_CARD), Campaign(7, "FIDELITE-3", None), Campaign(5, "MRH-ETE", Product.HOME_INSURANCE),
)  # fmt: skip


@dataclass(slots=True)
class Persuasion:
    """Effect of an offer on each client, and who is under a retention treatment."""

    sale: Floats  # client x cross-sell product: added chance of a sale in the month of contact
    stay: Floats  # cut in the log hazard of leaving; below zero: woken by the call, leaves sooner
    retained: Ints  # months a retention treatment still works
    rows: list[dict[str, AnyArray]] = field(default_factory=list)

    def exit_shift(self) -> Floats:
        """Change of the log hazard of leaving in the coming month."""
        return np.where(self.retained > 0, -self.stay, 0.0)


def make_persuasion(rng: np.random.Generator, book: Book) -> Persuasion:
    """Draw who can be persuaded of what: partly by age and habits, partly at random."""
    clients, count = book.clients, len(book.clients)
    readiness = np.where(clients.is_digital, 0.012, 0.002) + 0.010 * (clients.loyalty > 0)
    sale = np.clip(readiness[:, None] + 0.012 * rng.standard_normal((count, len(CROSS_SELL))), -0.005, 0.08)
    stay = np.where(clients.loyalty > -0.4, 0.9, np.where(clients.loyalty < -1.3, -0.6, 0.0)) + 0.2 * rng.standard_normal(count)
    return Persuasion(sale=sale, stay=stay, retained=np.zeros(count, dtype=np.int64))


def run_campaign(
    rng: np.random.Generator, book: Book, month: Month, months_back: int, persuasion: Persuasion, staying: Bools, chance: dict[str, Floats]
) -> dict[str, Floats]:
    """Contact this month's clients, if a campaign runs; the chances of sales with its effect added."""
    persuasion.retained = np.maximum(persuasion.retained - 1, 0)
    chance = dict(chance)
    for campaign in CAMPAIGNS:
        if campaign.months_back != months_back:
            continue
        able = staying & book.holds(Product.CURRENT_ACCOUNT) & book.clients.is_person & (book.died < 0)
        if campaign.product is not None:
            able &= ~book.holds(campaign.product)
        client = np.flatnonzero(able & (rng.random(len(able)) < SHARE_CONTACTED))
        treated = rng.random(len(client)) < SHARE_TREATED
        day = days_between(rng, np.full(len(client), month.first), np.full(len(client), month.first + 4))
        persuasion.rows.append(
            {
                "client": client,
                "day": day,
                "is_treated": treated,
                "campaign": np.full(len(client), CAMPAIGNS.index(campaign)),
                "channel": _channels(rng, book, client),
            }
        )
        if campaign.product is None:
            persuasion.retained[client[treated]] = RETENTION_MONTHS
        else:
            name, added = target_name(campaign.product), np.zeros(len(able))
            added[client[treated]] = persuasion.sale[client[treated], CROSS_SELL.index(campaign.product)]
            chance[name] = np.clip(chance[name] + added, 0, 1)
    return chance


def _channels(rng: np.random.Generator, book: Book, client: Ints) -> Ints:
    return np.where(book.clients.is_digital[client], channel_number("web"), rng.choice([channel_number("phone"), channel_number("mail")], len(client)))

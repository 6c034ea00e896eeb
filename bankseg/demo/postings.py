"""Movements of one month, collected array by array before they go to a file."""

from dataclasses import dataclass, field

import numpy as np

from bankseg.demo.arrays import AnyArray, Ints
from bankseg.demo.book import Book
from bankseg.demo.products import PRODUCTS, Product

# Position in these tuples is the code kept in the arrays.
TYPES = (
    "card_purchase", "transfer_in", "transfer_out", "salary", "pension", "cash_withdrawal", "cash_deposit", "cheque_in", "cheque_out",
    "direct_debit", "standing_order", "loan_payment", "internal_transfer", "fee", "interest", "reversal", "rejected_debit", "other",
)  # fmt: skip
TYPE_CODES = (
    "PAICB", "VIRREC", "VIREMI", "VIRSAL", "VIRPEN", "RETDAB", "VERESP", "REMCHQ", "CHQEMI",
    "PRLSEP", "VIRPER", "ECHPRE", "VIRINT", "FRAIS", "INTCRE", "ANNULA", "REJPRL", "DIVERS",
)  # fmt: skip
CHANNELS = ("mobile", "web", "branch", "atm", "phone", "card_terminal", "automatic", "mail")
CHANNEL_CODES = ("APP", "NET", "AGE", "DAB", "TEL", "TPE", "AUT", "COU")
BANK_INITIATED = ("fee", "interest", "internal_transfer", "reversal", "rejected_debit")
COUNTED = np.array([name not in BANK_INITIATED for name in TYPES])
NO_MCC = 0


def type_number(name: str) -> int:
    """Code of a transaction type."""
    return TYPES.index(name)


def channel_number(name: str) -> int:
    """Code of a channel."""
    return CHANNELS.index(name)


COLUMNS = ("client", "product", "row", "day", "amount", "type", "channel", "mcc")


@dataclass(slots=True)
class Postings:
    """Movements in the making on the contracts of a book; `amount` in cents, credits positive."""

    book: Book
    parts: dict[str, list[AnyArray]] = field(default_factory=lambda: {name: [] for name in COLUMNS})

    def add(self, client: Ints, product: Product, day: Ints, amount: Ints, *, kind: str, channel: AnyArray | str, mcc: AnyArray | int = NO_MCC) -> None:
        """Post one movement for each client given, on the contract held for the product now."""
        count = len(client)
        values: dict[str, AnyArray] = {
            "client": client,
            "product": np.full(count, int(product)),
            "row": self.book.row[client, product],
            "day": day,
            "amount": amount,
            "type": np.full(count, type_number(kind)),
            "channel": np.full(count, channel_number(channel)) if isinstance(channel, str) else channel,
            "mcc": np.broadcast_to(np.asarray(mcc), count),
        }
        for name, column in values.items():
            self.parts[name].append(column)

    def move(self, client: Ints, *, source: Product, target: Product, day: Ints, amount: Ints, channel: AnyArray | str) -> None:
        """Post both legs of a transfer between two contracts of the same client."""
        self.add(client, source, day, -amount, kind="internal_transfer", channel=channel)
        self.add(client, target, day, amount, kind="internal_transfer", channel=channel)

    def columns(self) -> dict[str, AnyArray]:
        """All movements so far, columns in step."""
        joined = {name: np.concatenate(parts) if parts else np.empty(0, dtype=np.int64) for name, parts in self.parts.items()}
        self.parts = {name: [column] for name, column in joined.items()}
        return joined

    def totals(self) -> Ints:
        """Sum by client and product, in cents."""
        columns, clients = self.columns(), len(self.book.clients)
        slot = columns["client"] * len(PRODUCTS) + columns["product"]
        sums = np.bincount(slot, weights=columns["amount"], minlength=clients * len(PRODUCTS))
        return np.rint(sums).astype(np.int64).reshape(clients, len(PRODUCTS))

"""The demo bank's products: codes, rates, limits and who starts with which."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from bankseg.demo.arrays import Floats


class Product(IntEnum):
    """Position of a product in every client-by-product array."""

    CURRENT_ACCOUNT = 0
    SAVINGS = 1
    TERM_DEPOSIT = 2
    SECURITIES = 3
    LIFE_INSURANCE = 4
    HOME_INSURANCE = 5
    CARD = 6
    CREDIT_CARD = 7
    PERSONAL_LOAN = 8
    MORTGAGE = 9
    BUSINESS_LOAN = 10
    OVERDRAFT = 11
    MERCHANT_SERVICES = 12


class Terms(NamedTuple):
    """What the bank writes in a contract of one product."""

    code: str
    rate_pct: float  # typical yearly rate
    rate_spread: float
    amount: float  # principal or limit, in months of income
    months: tuple[int, ...]  # contract lengths; empty: open-ended


TERMS: dict[Product, Terms] = {
    Product.CURRENT_ACCOUNT: Terms("CCH", 0.0, 0.0, 0.0, ()),
    Product.SAVINGS: Terms("LIV", 2.0, 0.4, 0.0, ()),
    Product.TERM_DEPOSIT: Terms("CAT", 2.9, 0.4, 0.0, (6, 12, 18, 24)),
    Product.SECURITIES: Terms("CTO", 0.0, 0.0, 0.0, ()),
    Product.LIFE_INSURANCE: Terms("AVI", 2.3, 0.3, 0.0, ()),
    Product.HOME_INSURANCE: Terms("MRH", 0.0, 0.0, 0.0, ()),
    Product.CARD: Terms("CBD", 0.0, 0.0, 0.0, ()),
    Product.CREDIT_CARD: Terms("CBR", 14.5, 2.0, 1.2, ()),
    Product.PERSONAL_LOAN: Terms("PPE", 5.8, 0.9, 4.5, (24, 36, 48, 60)),
    Product.MORTGAGE: Terms("PIM", 3.1, 0.6, 55.0, (180, 240, 300)),
    Product.BUSINESS_LOAN: Terms("PRO", 4.4, 0.8, 3.0, (36, 60, 84)),
    Product.OVERDRAFT: Terms("DEC", 15.0, 1.5, 0.5, ()),
    Product.MERCHANT_SERVICES: Terms("TPE", 0.0, 0.0, 0.0, ()),
}
PRODUCTS = tuple(Product)
LOANS = (Product.PERSONAL_LOAN, Product.MORTGAGE, Product.BUSINESS_LOAN)
DEPOSITS = (Product.CURRENT_ACCOUNT, Product.SAVINGS, Product.TERM_DEPOSIT)
# Sold to existing clients, each with its own planted probability.
CROSS_SELL = (
    Product.SAVINGS, Product.TERM_DEPOSIT, Product.SECURITIES, Product.LIFE_INSURANCE, Product.HOME_INSURANCE,
    Product.CREDIT_CARD, Product.PERSONAL_LOAN, Product.MORTGAGE, Product.BUSINESS_LOAN, Product.MERCHANT_SERVICES,
)  # fmt: skip


def canonical(product: Product) -> str:
    """The product's name in bankseg."""
    return product.name.lower()


def target_name(product: Product) -> str:
    """The cross-sell target's name."""
    return f"cross_sell:{canonical(product)}"


# Chance of holding each product at the start, persons and firms, in the order of Product.
START_PERSON: Floats = np.array([1.0, 0.45, 0.05, 0.07, 0.12, 0.18, 0.85, 0.12, 0.10, 0.14, 0.0, 0.25, 0.0])
START_FIRM: Floats = np.array([1.0, 0.15, 0.08, 0.03, 0.02, 0.10, 0.70, 0.10, 0.0, 0.0, 0.22, 0.40, 0.20])

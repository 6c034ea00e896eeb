"""The demo bank: a seeded synthetic bank written as extract files, with planted truths beside them."""

from bankseg.demo.bank import DemoBank, generate

__all__ = ["DemoBank", "generate"]

"""One small demo bank, generated once for every test of this folder."""

from datetime import date
from pathlib import Path

import pytest

from bankseg.demo import DemoBank, generate

CLIENTS, MONTHS, SEED, LAST = 700, 20, 7, date(2025, 12, 31)


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> DemoBank:
    """A bank of a few hundred clients; read it, never write to it."""
    return small_bank(tmp_path_factory.mktemp("demo") / "bank")


def small_bank(directory: Path, *, seed: int = SEED, clients: int = CLIENTS, months: int = MONTHS, **more: object) -> DemoBank:
    return generate(directory, clients=clients, months=months, seed=seed, last_month_end=LAST, **more)

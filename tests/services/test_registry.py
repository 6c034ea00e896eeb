"""The registry: which version may score a run of a date, and what a newly entered one is to its run."""

from datetime import date

import pytest

from bankseg.domain.policy import load_policy
from bankseg.propensity.targets import CHURN_TARGETS
from bankseg.services.bank import Bank
from bankseg.services.registration import _give_part
from bankseg.services.registry import beside, definition_of, standing
from bankseg.storage.database import reading, transaction
from bankseg.storage.propensity_model import PropensityModel
from bankseg.storage.run import Run

HARD_EXIT = CHURN_TARGETS[0]
FEATURES = ("recency_days", "balance")


def entered(bank, version: int, as_of: str, status: str, **changes) -> None:
    """A version as it stands in the registry."""
    fields = {
        "target": "hard_exit",
        "digest": str(version) * 64,
        "features": ["balance"],
        "definition_sha256": definition_of(bank, HARD_EXIT),
        "promoted_at": None if status == "challenger" else 1.0,
    }
    with transaction(bank.engine) as session:
        session.add(PropensityModel(**(fields | {"version": version, "as_of": as_of, "status": status} | changes)))


def asked(bank, day: str, *, features=FEATURES, is_asked: bool = False):
    """What scores hard_exit on a day, and why it is trained."""
    with reading(bank.engine) as session:
        found = standing(session, bank, HARD_EXIT, date.fromisoformat(day), features, is_asked=is_asked)
    return found.model.version if found.model else None, found.train_because


def test_a_young_champion_serves_and_nothing_is_trained(bank):
    entered(bank, 1, "2025-12-31", "champion")

    assert asked(bank, "2026-03-31") == (1, "")
    assert asked(bank, "2026-04-01") == (1, "version 1 is 91 days old, the limit is 90")
    assert asked(bank, "2026-01-31", is_asked=True) == (1, "training was asked for")


def test_without_a_version_or_an_attribute_or_the_same_question_none_is_usable(bank):
    assert asked(bank, "2026-01-31") == (None, "no version is usable on this date")
    entered(bank, 1, "2025-06-30", "shadow")
    entered(bank, 2, "2025-12-31", "champion")

    assert asked(bank, "2026-01-31", features=("recency_days",))[0] is None
    longer = Bank(bank.settings, bank.engine, load_policy())
    longer.policy.values["population"]["least_tenure_days"] = 365
    assert asked(longer, "2026-01-31")[0] is None


def test_an_earlier_date_is_scored_by_the_version_that_had_served_by_then(bank):
    entered(bank, 1, "2025-03-31", "retired")
    entered(bank, 2, "2025-06-30", "shadow")
    entered(bank, 3, "2025-08-31", "rejected", promoted_at=None)
    entered(bank, 4, "2025-12-31", "champion")

    assert asked(bank, "2025-09-15")[0] == 2
    assert asked(bank, "2025-04-30")[0] == 1
    assert asked(bank, "2025-01-31")[0] is None


def test_challengers_and_shadows_of_the_date_are_scored_beside(bank):
    entered(bank, 1, "2025-03-31", "shadow")
    entered(bank, 2, "2025-06-30", "champion")
    entered(bank, 3, "2025-08-31", "challenger")
    entered(bank, 4, "2025-09-30", "challenger", features=["gone"])

    with reading(bank.engine) as session:
        assert [model.version for model in beside(session, "hard_exit", date(2025, 12, 31), FEATURES)] == [1, 3]
        assert [model.version for model in beside(session, "hard_exit", date(2025, 7, 31), FEATURES)] == [1]


@pytest.mark.parametrize(
    ("status", "serving", "models", "shadows"),
    [
        ("champion", {}, {"hard_exit": "new"}, {}),
        ("champion", {"hard_exit": "old"}, {"hard_exit": "new"}, {}),
        ("challenger", {"hard_exit": "old"}, {"hard_exit": "old"}, {"hard_exit": ["new"]}),
        ("challenger", {}, {}, {"hard_exit": ["new"]}),  # a policy that lets nothing serve before two persons agreed
        ("retired", {}, {"hard_exit": "new"}, {}),  # filling in history
        ("retired", {"hard_exit": "old"}, {"hard_exit": "old"}, {}),
        ("rejected", {"hard_exit": "old"}, {"hard_exit": "old"}, {}),
    ],
)
def test_what_a_version_is_to_its_run_follows_from_its_standing(status, serving, models, shadows):
    run = Run(key="r", as_of="2025-12-31", models=serving, refusals={"hard_exit": "too few"})

    for _ in range(2):  # a job that is done again changes nothing
        _give_part(run, PropensityModel(target="hard_exit", version=2, digest="new", as_of="2025-12-31", status=status))

    assert (run.models, run.shadows, run.refusals) == (models, shadows, {})

"""The people of the demonstration work through the services, once each, whatever the bank has for them."""

from datetime import date, timedelta

import pytest

from bankseg.domain.errors import InputError
from bankseg.services import demo_desks
from bankseg.services.bank import Bank, open_bank
from bankseg.services.demo import demo_dates, make_demo_people, published_dates
from bankseg.services.runs import start_run
from bankseg.storage import client_list, policy_version
from bankseg.storage.database import reading
from tests.services.conftest import AS_OF, drive


def versions(bank: Bank) -> list[tuple[str, bool]]:
    """State of every version of the policy, and whether two persons stand behind it, oldest first."""
    with reading(bank.engine) as session:
        return [(row.state, row.decided_by not in {None, row.proposed_by}) for row in reversed(policy_version.history(session))]


def test_the_dates_are_month_ends_and_no_quarter_is_longer_than_a_champion_serves():
    dates = demo_dates(date(2024, 5, 31))

    assert (dates.quarter_before, dates.month_before) == (date(2024, 2, 29), date(2024, 4, 30))
    ends = [demo_dates(date(2025, 1, 1).replace(month=month) - timedelta(days=1)) for month in range(1, 13)]
    assert max((one.last - one.quarter_before).days for one in ends) == demo_desks.QUARTER_DAYS


def test_two_persons_agree_on_the_policy_once(bank: Bank):
    make_demo_people(bank)

    demo_desks.agree_on_policy(bank)
    demo_desks.agree_on_policy(bank)

    assert versions(bank) == [("approved", True)]
    again = open_bank(bank.settings)
    assert again.policy.section("governance")["retrain_after_days"] == demo_desks.QUARTER_DAYS
    assert "current_account" in again.policy.section("cross_sell")["excluded_products"]
    again.engine.dispose()


def test_work_that_a_bank_has_nothing_for_is_left_and_the_rest_waits_for_a_second_person_once(bank: Bank):
    make_demo_people(bank)
    demo_desks.agree_on_policy(bank)
    start_run(bank, AS_OF)
    drive(bank)

    for _ in range(2):
        demo_desks.send_list(bank, AS_OF)
        demo_desks.review_cases(bank, demo_desks.LATER_CASES, demo_desks.day_to_watch(AS_OF))
        demo_desks.call_clients(bank, demo_desks.CALLERS)
        demo_desks.leave_work(bank)

    assert published_dates(bank) == [AS_OF]
    assert versions(bank) == [("approved", True), ("open", False)]
    with reading(bank.engine) as session:
        assert client_list.visible(session, demo_desks.scope_named(session, demo_desks.LIST_MAKER)) == []


def test_a_bank_without_the_people_is_told_who_is_missing(bank: Bank):
    with pytest.raises(InputError, match=r"models\.leroy"):
        demo_desks.agree_on_policy(bank)

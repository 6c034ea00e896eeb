"""The people of the demonstration work through the services, once each, whatever the bank has for them."""

from datetime import date, timedelta

import pytest
from sqlmodel import select

from bankseg.demo.people import BRANCHES
from bankseg.domain.errors import InputError
from bankseg.services import demo_desks, demo_speech
from bankseg.services.bank import Bank, open_bank
from bankseg.services.contact_log import REFUSED
from bankseg.services.demo import demo_dates, make_demo_people, published_dates
from bankseg.services.runs import start_run
from bankseg.storage import adviser, adviser_proposal, client_contact, client_list, client_objection, message_text, policy_version, segment_offer
from bankseg.storage.database import reading, transaction
from bankseg.storage.published_client import PublishedClient
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
        demo_speech.speak_to_segments(bank)
        objector = demo_speech.hear_objection(bank)
        demo_desks.leave_work(bank)
        demo_desks.propose_advisers(bank)

    assert published_dates(bank) == [AS_OF]
    assert versions(bank) == [("approved", True), ("open", False)]
    with reading(bank.engine) as session:
        assert client_list.visible(session, demo_desks.scope_named(session, demo_desks.LIST_MAKER)) == []
        assert len(segment_offer.standing_offers(session, demo_speech.SCHEME)) == len(demo_speech.OFFERS)
        texts = message_text.latest_texts(session, demo_speech.SCHEME)
        assert {text.language for text in texts} == {"en", "fr"}
        assert (len(texts), {text.version for text in texts}) == (len(demo_speech.TEXTS), {1})
        assert client_objection.standing(session) == tuple(filter(None, [objector]))
        assert len(adviser.known(session)) == len(BRANCHES)
        assert adviser_proposal.proposals(session, None) == []  # no branch of this bank is one of the demonstration's


def test_a_client_who_refused_on_the_telephone_objects_once(bank: Bank):
    make_demo_people(bank)
    start_run(bank, AS_OF)
    drive(bank)
    with transaction(bank.engine) as session:
        adviser = demo_desks.scope_named(session, demo_desks.CALLERS[0])
        row = session.exec(select(PublishedClient).order_by(PublishedClient.client_id)).first()
        row.rm_id = adviser.rm_id
        known = {"person_id": adviser.person_id, "run_id": 1, "at": 0.0, "contact_on": AS_OF.isoformat(), "channel": "phone"}
        client_contact.add(session, client_id=row.client_id, outcome=REFUSED, **known)
        client_id = row.client_id

    assert [demo_speech.hear_objection(bank) for _ in range(2)] == [client_id] * 2

    with reading(bank.engine) as session:
        assert client_objection.standing(session) == (client_id,)
        assert len(client_objection.of_client(session, client_id)) == 1


def test_a_bank_without_the_people_is_told_who_is_missing(bank: Bank):
    with pytest.raises(InputError, match=r"models\.leroy"):
        demo_desks.agree_on_policy(bank)

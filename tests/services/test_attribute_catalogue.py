"""The catalogue: whose, how fresh, usable or not; own attributes are checked, saved in versions, never serve more than what they read."""

import pytest
from sqlmodel import select

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.services import attribute_usability, custom_attributes
from bankseg.services.attribute_catalogue import Wanted, attribute_page, catalogue_page
from bankseg.services.custom_attributes import Draft
from bankseg.services.rolls import open_for
from bankseg.services.segment_schemes import attributes_for, counted, find_scheme, save_scheme
from bankseg.storage import own_attribute
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import reading, transaction
from bankseg.storage.import_batch import ImportBatch
from tests.services.conftest import AS_OF, CLIENTS, published_bank

MARKETER = Scope.of_role(Role.MARKETER, person_id=2, rm_id=None, branch_id=None)
OFFICER = Scope.of_role(Role.RISK_OFFICER, person_id=4, rm_id=None, branch_id=None)
RM1 = Scope.of_role(Role.RELATIONSHIP_MANAGER, person_id=1, rm_id="RM1", branch_id=None)
DRAFT = Draft("years", "Years with us", "Années chez nous", "Years since the client joined", "years", "marketing", "(as_of - joined_on) / 365.25")


@pytest.fixture(scope="module")
def bank(lake, tmp_path_factory):
    with published_bank(tmp_path_factory.mktemp("catalogue"), lake, AS_OF) as made:
        with transaction(made.engine) as session:
            for table, day in (("clients", "2025-12-31"), ("balances", "2025-10-31"), ("accounts", "2025-12-31")):
                batch = ImportBatch(source="x", table_name=table, file_name="f", sha256=table, state="loaded", extract_on=day)
                session.add(batch)
        yield made


@pytest.fixture
def session(bank):
    with reading(bank.engine) as session:
        yield session


def draft(**changes):
    return custom_attributes.draft_of({**{name: getattr(DRAFT, name) for name in custom_attributes.TEXTS}, **changes})


def test_every_attribute_has_an_owner_a_definition_and_a_freshness_or_says_no_data(bank, session):
    page = catalogue_page(bank.settings, session, OFFICER, Wanted(), language="en")
    entries = {one.attribute.name: one for one in page.entries}

    assert page.of == len(entries) == sum(page.counts.values())
    assert all(one.attribute.owner and one.attribute.definition(language) for one in entries.values() for language in ("en", "fr"))
    assert (entries["city"].fresh.age_days, entries["city"].fresh.is_stale) == (0, False)
    assert (entries["tier"].fresh.extract_on, entries["recency_days"].state) == (AS_OF, "no_data")
    stale = next(one for name, one in entries.items() if "balances" in one.attribute.source and one.state != "no_data")
    assert (stale.fresh.age_days, stale.fresh.is_stale, stale.findings[0].code, stale.state) == (61, True, "stale", "flawed")
    assert entries["recency_days"].fresh.age_days is None


def test_the_catalogue_is_searched_and_narrowed_in_the_readers_language_and_by_role(bank, session):
    def names(scope, language="en", **wanted):
        return {one.attribute.name for one in catalogue_page(bank.settings, session, scope, Wanted(**wanted), language=language).entries}

    assert "tier" in names(OFFICER, search="VALUE tier")
    assert "tier" in names(OFFICER, "fr", search="niveau valeur")
    assert names(OFFICER, family="risk") >= {"risk_band", "is_vulnerable"}
    assert not names(MARKETER, family="risk")
    assert "sex" not in names(OFFICER, purpose="marketing")
    assert names(OFFICER, state="no_data").isdisjoint(names(OFFICER, state="usable"))
    assert names(OFFICER, source="run") >= {"tier", "segment"}


def test_an_attribute_page_adds_up_to_the_clients_in_scope_and_names_its_schemes(bank, session):
    page = attribute_page(bank.settings, session, RM1, "balance_minor")

    assert (page.clients, page.known, sum(bar.clients for bar in page.bars)) == (CLIENTS // 3, CLIENTS // 3, CLIENTS // 3)
    assert sum(bar.clients for bar in attribute_page(bank.settings, session, OFFICER, "kind").bars) == CLIENTS
    assert "kinds" in attribute_page(bank.settings, session, OFFICER, "kind").schemes
    for scope, name in ((MARKETER, "risk_band"), (OFFICER, "nonsense")):
        with pytest.raises(NotFoundError):
            attribute_page(bank.settings, session, scope, name)


def test_what_is_wrong_is_counted(bank, session):
    roll = open_for(bank.settings, session, None)
    found = attribute_usability.findings(attributes_for(bank.settings, roll, None), roll.reading.roll, {})

    assert [one.code for one in found["kind"]] == ["constant"]
    assert [(one.code, one.other) for one in found["current_minor"]] == [("duplicate", "balance_minor")]
    assert [one.code for one in found["recency_days"]] == ["no_data"]


def test_a_draft_is_checked_on_the_published_roll_before_it_is_saved(bank, session):
    found = custom_attributes.check(bank.settings, session, OFFICER, draft())

    assert (found.clients, found.known, found.expression.type, found.purposes) == (CLIENTS, CLIENTS, "number", ("describe", "marketing", "credit_review"))
    assert found.sample[0]["value"] == pytest.approx((AS_OF - found.sample[0]["inputs"]["joined_on"]).days / 365.25)
    for changes, told in (
        ({"unit": ""}, "unit of 0"),
        ({"code": "Years!"}, "code 'Years!'"),
        ({"expression": "joined_on + 1"}, "is a date"),
        ({"label_fr": "x" * 81}, "81"),
    ):
        with pytest.raises(InputError, match=told):
            custom_attributes.check(bank.settings, session, OFFICER, draft(**changes))
    with pytest.raises(NotFoundError):
        custom_attributes.check(bank.settings, session, RM1, draft())


def test_who_sees_no_balances_sees_no_clients_in_a_check_of_balances(bank, session):
    seen, hidden = (custom_attributes.check(bank.settings, session, scope, draft(expression="balance_minor * 2")) for scope in (OFFICER, MARKETER))

    assert (len(seen.sample), set(seen.figures)) == (8, {"least", "middle", "most"})
    assert (hidden.sample, set(hidden.figures)) == ([], {"middle"})


def test_what_a_role_may_not_read_cannot_be_read_through_an_expression(bank, session):
    with pytest.raises(InputError, match="no attribute you may read"):
        custom_attributes.check(bank.settings, session, MARKETER, draft(expression="case when risk_band = 'high' then 1 else 0 end"))
    purposes = custom_attributes.check(bank.settings, session, OFFICER, draft(expression="case when sex = 'female' then value_12m_minor else 0 end")).purposes
    assert purposes == ("describe",)


def test_versions_are_saved_once_read_by_rules_and_kept_from_being_retired_while_read(bank):
    first = custom_attributes.save(bank.settings, bank.engine, OFFICER, draft(code="old", expression="(as_of - joined_on) > 1000"))
    again = custom_attributes.save(bank.settings, bank.engine, OFFICER, draft(code="old", expression="(as_of - joined_on) > 1000"))
    second = custom_attributes.save(bank.settings, bank.engine, OFFICER, draft(code="old", expression="(as_of - joined_on) > 9000"))
    assert (first.name, again.id, second.name) == ("own_old_v1", first.id, "own_old_v2")

    document = {
        "code": "elders", "label_en": "Elders", "label_fr": "Anciens",
        "segment": [{"code": "old", "label_en": "Old", "label_fr": "Ancien", "when": {"attribute": "own_old_v1", "equals": True}}, {"code": "rest", "label_en": "Rest", "label_fr": "Reste"}],
    }  # fmt: skip
    with transaction(bank.engine) as session:
        save_scheme(bank.settings, session, OFFICER, document)
    with reading(bank.engine) as session:
        found = counted(bank.settings, session, OFFICER, find_scheme(session, "elders"))
        assert [row["clients"] for row in found.segments] == [CLIENTS, 0]
        assert attribute_page(bank.settings, session, OFFICER, "joined_on").read_by == ["own_old_v1", "own_old_v2"]
        attribute = attributes_for(bank.settings, open_for(bank.settings, session, None), None)["own_old_v1"]
        assert (attribute.family, attribute.owner, attribute.coverage, attribute.source) == ("own", "marketing", 1.0, "clients")
    with pytest.raises(InputError, match="read by elders"):
        custom_attributes.retire(bank.settings, bank.engine, OFFICER, "old", 1)
    custom_attributes.retire(bank.settings, bank.engine, OFFICER, "old", 2)
    with pytest.raises(NotFoundError):
        custom_attributes.retire(bank.settings, bank.engine, OFFICER, "old", 2)

    with reading(bank.engine) as session:
        assert [row.name for row in own_attribute.live(session)] == ["own_old_v1"]
        assert [entry.action for entry in session.exec(select(AuditEntry)) if entry.action.startswith("attribute_")] == ["attribute_saved"] * 2 + [
            "attribute_retired"
        ]


def test_an_own_attribute_of_credit_is_hidden_from_marketing_and_serves_credit_alone(bank):
    custom_attributes.save(bank.settings, bank.engine, OFFICER, draft(code="watched", unit="yes/no", expression="risk_band = 'high'"))

    with reading(bank.engine) as session:
        roll = open_for(bank.settings, session, None)
        assert attributes_for(bank.settings, roll, OFFICER)["own_watched_v1"].purposes == ("describe", "credit_review")
        assert "own_watched_v1" not in attributes_for(bank.settings, roll, MARKETER)
        page = custom_attributes.own_page(bank.settings, session, MARKETER, draft(expression="1 +"))
        assert "own_watched_v1" not in {row.name for row in page.saved}
        assert page.error is not None
        assert custom_attributes.own_page(bank.settings, session, RM1).checked is None

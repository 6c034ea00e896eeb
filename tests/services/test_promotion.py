"""Promotion: two persons, reasons, gates, and one champion at any time."""

import pytest
from sqlmodel import col, select

from bankseg.domain.errors import ArtefactError, InputError, NotFoundError
from bankseg.domain.model_errors import GateError, NotAllowedError
from bankseg.services.promotion import approve, decide_retraining, propose, reject, roll_back
from bankseg.storage import audit, model_decision, model_gate, model_proposal
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import reading, transaction
from bankseg.storage.model_proposal import ModelProposal
from bankseg.storage.propensity_model import ModelStatus, champion, version_of, versions
from tests.services.model_builders import TARGET, a_version, paired, staff

WHY = "earns more on rows neither has seen"


@pytest.fixture
def people(bank):
    return staff(bank)


def test_standing_changes_alike_on_both_stores(any_bank):
    people = staff(any_bank)
    two_versions(any_bank)
    propose(any_bank, people["odile"], TARGET, 2, WHY)

    approve(any_bank, people["rita"], TARGET, "agreed in the model committee")
    assert statuses(any_bank) == {1: "shadow", 2: "champion"}

    roll_back(any_bank, people["odile"], TARGET, None, "complaints from the branches")
    assert statuses(any_bank) == {1: "champion", 2: "shadow"}


def statuses(bank) -> dict[int, str]:
    with reading(bank.engine) as session:
        return {model.version: str(model.status) for model in versions(session, TARGET)}


def actions(bank, version: int) -> list[str]:
    with reading(bank.engine) as session:
        return [decision.action for decision in model_decision.of_model(session, version_of(session, TARGET, version).id)]


def two_versions(bank, **second):
    first = a_version(bank)
    return first, a_version(bank, 2, comparison=paired(0.2, 0.1, 0.3, first.digest), **second)


def test_the_first_version_serves_by_policy_and_the_next_one_waits(bank):
    two_versions(bank)

    assert statuses(bank) == {1: "champion", 2: "challenger"}
    assert actions(bank, 1) == ["trained", "promoted_by_policy"]
    with reading(bank.engine) as session:
        entries = session.exec(select(AuditEntry).order_by(col(AuditEntry.id))).all()
        assert "model_promoted_by_policy" in [entry.action for entry in entries]
        assert audit.first_broken(session) is None


def test_one_proposes_another_approves_and_the_former_champion_stays_as_a_shadow(bank, people):
    two_versions(bank)

    propose(bank, people["odile"], TARGET, 2, WHY)
    approve(bank, people["rita"], TARGET, "agreed in the model committee")

    assert statuses(bank) == {1: "shadow", 2: "champion"}
    assert actions(bank, 2) == ["trained", "proposed", "approved"]
    assert actions(bank, 1)[-1] == "replaced"
    with reading(bank.engine) as session:
        gates = model_gate.all_of(session, champion(session, TARGET).id)
        assert [gate.occasion for gate in gates] == ["registration"] * 9 + ["approval"] * 9
        assert session.exec(select(ModelProposal)).one().state == "approved"


def test_whoever_proposed_or_trained_does_not_decide(bank, people):
    two_versions(bank, row={"trained_by": people["rita"].person_id})
    propose(bank, people["odile"], TARGET, 2, WHY)

    for own in ("odile", "rita"):
        with pytest.raises(NotAllowedError, match="you proposed this version or started its training"):
            approve(bank, people[own], TARGET, "I think that it is good")
        with pytest.raises(NotAllowedError):
            reject(bank, people[own], TARGET, "I changed my mind on it")

    approve(bank, people["oscar"], TARGET, "agreed in the model committee")
    assert statuses(bank)[2] == "champion"


def test_who_lacks_the_right_finds_nothing(bank, people):
    two_versions(bank)
    with pytest.raises(NotFoundError):
        propose(bank, people["mark"], TARGET, 2, WHY)
    propose(bank, people["odile"], TARGET, 2, WHY)
    for decide in (approve, reject):
        with pytest.raises(NotFoundError):
            decide(bank, people["mark"], TARGET, WHY)
    with pytest.raises(NotFoundError):
        roll_back(bank, people["mark"], TARGET, 1, WHY)


def test_a_red_gate_needs_a_written_reason_which_is_kept(bank, people):
    first = a_version(bank)
    a_version(bank, 2, comparison=paired(0.0, -0.1, 0.1, first.digest))
    propose(bank, people["odile"], TARGET, 2, WHY)

    for given in ({}, {"profit": "because"}, {"fairness": "looked at by the ethics board"}):
        with pytest.raises(GateError, match="gate profit is red"):
            approve(bank, people["rita"], TARGET, "agreed in the model committee", given)
    assert statuses(bank) == {1: "champion", 2: "challenger"}
    with reading(bank.engine) as session:
        assert {gate.occasion for gate in model_gate.all_of(session, version_of(session, TARGET, 2).id)} == {"registration"}  # nothing half written

    approve(bank, people["rita"], TARGET, "agreed in the model committee", {"profit": "as good, and half the attributes", "drift": "not red, so not kept"})

    assert statuses(bank)[2] == "champion"
    with reading(bank.engine) as session:
        assert session.exec(select(ModelProposal)).one().overrides == {"profit": "as good, and half the attributes"}


def test_a_comparison_with_another_champion_counts_no_more(bank, people):
    _, second = two_versions(bank)
    a_version(bank, 3, comparison=paired(0.5, 0.4, 0.6, "another digest"))
    propose(bank, people["odile"], TARGET, 3, WHY)

    approve(bank, people["rita"], TARGET, "agreed in the model committee")

    assert statuses(bank) == {1: "shadow", 2: "retired", 3: "champion"}
    with reading(bank.engine) as session:
        latest = {gate.name: gate for gate in model_gate.latest(session, champion(session, TARGET).id)}
    assert latest["profit"].details["code"] == "profit_apart"
    assert second.status == ModelStatus.CHALLENGER  # the object as it was, not the row


def test_a_rejected_version_stays_rejected_when_it_is_trained_again(bank, people):
    two_versions(bank)
    propose(bank, people["odile"], TARGET, 2, WHY)
    reject(bank, people["rita"], TARGET, "the lists would change for nothing")

    a_version(bank, 2)

    assert statuses(bank) == {1: "champion", 2: "rejected"}
    with pytest.raises(NotAllowedError):
        propose(bank, people["odile"], TARGET, 2, WHY)


def test_a_retired_version_that_is_trained_again_stands_as_a_challenger(bank):
    two_versions(bank)
    a_version(bank, 3)
    assert statuses(bank) == {1: "champion", 2: "retired", 3: "challenger"}

    a_version(bank, 2)

    assert statuses(bank) == {1: "champion", 2: "challenger", 3: "retired"}


def test_a_newer_challenger_withdraws_the_proposal_of_the_older_one(bank, people):
    two_versions(bank)
    propose(bank, people["odile"], TARGET, 2, WHY)

    a_version(bank, 3)

    with pytest.raises(NotFoundError, match="nothing is proposed"):
        approve(bank, people["rita"], TARGET, "agreed in the model committee")
    assert actions(bank, 2)[-1] == "withdrawn"


def test_a_rollback_brings_the_champion_before_back_at_once(bank, people):
    two_versions(bank)
    propose(bank, people["odile"], TARGET, 2, WHY)
    approve(bank, people["rita"], TARGET, "agreed in the model committee")

    roll_back(bank, people["odile"], TARGET, None, "complaints from the branches")

    assert statuses(bank) == {1: "champion", 2: "shadow"}
    assert (actions(bank, 1)[-1], actions(bank, 2)[-1]) == ("rolled_back_to", "rolled_back")


def test_nothing_is_rolled_back_to_what_never_served_or_is_damaged(bank, people):
    first, _ = two_versions(bank)
    with pytest.raises(NotFoundError, match="no version that served before"):
        roll_back(bank, people["odile"], TARGET, None, "complaints from the branches")
    with pytest.raises(NotAllowedError):
        roll_back(bank, people["odile"], TARGET, 2, "complaints from the branches")
    propose(bank, people["odile"], TARGET, 2, WHY)
    approve(bank, people["rita"], TARGET, "agreed in the model committee")
    (bank.settings.artefacts / first.digest / "model.txt").write_text("other bytes", encoding="utf-8")

    with pytest.raises(ArtefactError):
        roll_back(bank, people["odile"], TARGET, 1, "complaints from the branches")

    assert statuses(bank) == {1: "shadow", 2: "champion"}


@pytest.mark.parametrize("reason", ["", "   ", "fine"])
def test_a_reason_is_a_sentence(bank, people, reason):
    two_versions(bank)
    with pytest.raises(InputError, match="a reason of"):
        propose(bank, people["odile"], TARGET, 2, reason)


def test_a_proposal_that_a_rollback_overtook_can_only_be_turned_down(bank, people):
    two_versions(bank)
    propose(bank, people["odile"], TARGET, 2, WHY)
    approve(bank, people["rita"], TARGET, "agreed in the model committee")
    propose(bank, people["odile"], TARGET, 1, "it was calmer in the branches")
    roll_back(bank, people["oscar"], TARGET, 1, "complaints from the branches")

    with pytest.raises(NotAllowedError, match="is champion since it was proposed"):
        approve(bank, people["rita"], TARGET, "agreed in the model committee")
    reject(bank, people["rita"], TARGET, "it serves again already")

    assert statuses(bank) == {1: "champion", 2: "shadow"}


def test_one_proposal_at_a_time(bank, people):
    two_versions(bank)
    propose(bank, people["odile"], TARGET, 2, WHY)

    with pytest.raises(NotAllowedError, match="is open"):
        propose(bank, people["oscar"], TARGET, 2, WHY)


def test_a_version_for_an_earlier_date_is_no_candidate(bank):
    a_version(bank)

    a_version(bank, 2, row={"as_of": "2025-06-30"})

    assert statuses(bank) == {1: "champion", 2: "retired"}


def test_a_retraining_is_decided_by_a_second_person_too(bank, people):
    with transaction(bank.engine) as session:
        session.add(ModelProposal(kind="retraining", target=TARGET, proposed_by=people["odile"].person_id, reason="old", proposed_at=1.0))
    with pytest.raises(NotAllowedError):
        decide_retraining(bank, people["odile"], TARGET, "it has become too old", accept=True)

    decide_retraining(bank, people["rita"], TARGET, "it has become too old", accept=True)

    with reading(bank.engine) as session:
        assert [request.target for request in model_proposal.retrainings_asked_for(session)] == [TARGET]
    with pytest.raises(NotFoundError):
        decide_retraining(bank, people["rita"], TARGET, "it has become too old", accept=True)


def test_without_promotion_by_policy_nothing_serves_before_two_persons_agreed(lake, home, bell, tmp_path):
    from tests.services.conftest import made_bank

    strict = tmp_path / "strict.toml"
    strict.write_text("[governance]\npromote_first = false\n", encoding="utf-8")
    bank = made_bank(home, lake, policy_file=strict)
    people = staff(bank)
    a_version(bank)
    assert statuses(bank) == {1: "challenger"}

    propose(bank, people["odile"], TARGET, 1, WHY)
    approve(bank, people["rita"], TARGET, "agreed in the model committee")

    assert statuses(bank) == {1: "champion"}
    bank.engine.dispose()

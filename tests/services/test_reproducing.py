"""A run is the same to the byte when it is computed again: after corrections, after new declarations, by any number of workers; and its labels are its own."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlmodel import select

from bankseg.cli.main import main
from bankseg.domain.errors import ArtefactError, NotFoundError
from bankseg.domain.jobs import Stage
from bankseg.lake.files import table_versions
from bankseg.lake.parquet import read_checked
from bankseg.services import reproduce as module
from bankseg.services.bank import open_bank
from bankseg.services.reproduce import NotReproducibleError, Piece, reproduce
from bankseg.services.runs import start_run
from bankseg.services.score import scores_path
from bankseg.services.shadow import shadow_column
from bankseg.storage import fold_opening, model_gate
from bankseg.storage import propensity_model as models
from bankseg.storage.database import reading, transaction
from bankseg.storage.run import Run, current
from tests.services.conftest import Bell, drive, jobs_in, made_bank, run_row
from tests.services.outcome_lake import CLIENTS, outcome_lake
from tests.small_lake import BUCKETS, SmallLake

AS_OF = date(2025, 12, 31)
TARGET = "label:left"


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    """Clients with a flat outcome column that goes with the balance: one target, no history. Read only."""
    return outcome_lake(tmp_path_factory.mktemp("reproducing") / "lake")


@pytest.fixture(scope="module")
def done(lake, tmp_path_factory) -> Path:
    """The home of a bank whose first run is published. Read only."""
    home = tmp_path_factory.mktemp("reproducing") / "home"
    bank = made_bank(home, lake)
    with pytest.MonkeyPatch.context() as patch:
        silent(patch)
        start_run(bank, AS_OF)
        drive(bank)
    bank.engine.dispose()
    return home


def silent(patch: pytest.MonkeyPatch) -> None:
    from bankseg.services import jobs, runs

    for room in (jobs, runs):
        patch.setattr(room, "ring", Bell().ring)


@pytest.fixture
def bank(done, lake, tmp_path, bell):
    """That bank, to be changed."""
    shutil.copytree(done, tmp_path / "home")
    shutil.copytree(lake, tmp_path / "lake")
    bank = made_bank(tmp_path / "home", tmp_path / "lake")
    with transaction(bank.engine) as session:  # the lake was moved: the files' paths are part of what the run recorded
        run = session.get_one(Run, 1)
        run.file_hashes = {path.replace(str(lake), bank.lake): digest for path, digest in run.file_hashes.items()}
    yield bank
    bank.engine.dispose()


@pytest.fixture
def without_training(monkeypatch):
    """Training takes seconds; where it is not what is tested it is taken as done."""
    monkeypatch.setattr(module, "_models", lambda *_: [Piece("train", TARGET, "a", "a")])


def test_a_run_is_the_same_to_the_byte_after_late_corrections_and_new_declarations_were_loaded(bank):
    small = SmallLake(Path(bank.lake))
    before = table_versions(bank.lake)
    small.add("balances", {"account_id": "AC001", "client_id": "C001", "balance_on": date(2025, 12, 15), "balance_minor": 9, "recorded_on": date(2026, 1, 20)})
    small.add("client_labels", {"client_id": "C002", "label": "left", "observed_on": AS_OF, "outcome": True, "recorded_on": AS_OF})
    attributes = Path(bank.lake) / "_attributes.json"
    declared = json.loads(attributes.read_text(encoding="utf-8"))
    attributes.write_text(json.dumps({**declared, "currency": "CHF", "products": {"green_bond": "investment"}}), encoding="utf-8")

    assert table_versions(bank.lake) != before
    found = reproduce(open_bank(bank.settings), 1)

    assert found.stages == ["snapshot", "train", "score"]
    assert {stage: found.counts(stage) for stage in found.stages} == {"snapshot": {"equal": 2 * BUCKETS}, "train": {"equal": 1}, "score": {"equal": BUCKETS}}
    assert found.is_equal


def test_what_differs_is_named(bank, without_training):
    path = scores_path(bank, 1, 1)
    path.write_bytes(path.read_bytes() + b" ")

    found = reproduce(bank, 1)

    assert not found.is_equal
    assert [(piece.stage, piece.name) for piece in found.pieces if piece.verdict == "different"] == [("score", "bucket 1")]


def test_scores_that_are_not_kept_prove_nothing(bank, without_training):
    for bucket in range(BUCKETS):
        scores_path(bank, 1, bucket).unlink()

    found = reproduce(bank, 1)

    assert found.counts("score") == {"not kept": BUCKETS}
    assert not found.is_equal


def test_a_lake_file_that_is_another_one_is_refused(bank):
    path = next(Path(bank.lake).glob("balances/bucket=0/*.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    with pytest.raises(ArtefactError, match="SHA-256"):
        reproduce(bank, 1)


def test_a_run_of_other_features_or_without_its_policy_says_so(bank):
    with pytest.raises(NotFoundError):
        reproduce(bank, 9)
    with transaction(bank.engine) as session:
        session.get_one(Run, 1).policy_sha256 = "0" * 64
    with pytest.raises(NotReproducibleError, match="did not keep its policy"):
        reproduce(bank, 1)
    with transaction(bank.engine) as session:
        session.get_one(Run, 1).key = "2025-12-31:x:y:z"
    with pytest.raises(NotReproducibleError, match="other feature definitions"):
        reproduce(bank, 1)


def test_the_command_tells_each_stage_and_ends_with_its_own_code(bank, without_training, monkeypatch):
    monkeypatch.setenv("BANKSEG_HOME", str(bank.settings.home))
    monkeypatch.setenv("BANKSEG_LAKE_URL", bank.lake)

    told = CliRunner().invoke(main, ["reproduce", "1"])
    assert (told.exit_code, "run 1 is reproduced to the byte" in told.output) == (0, True)

    scores_path(bank, 1, 0).write_bytes(b"other")
    told = CliRunner().invoke(main, ["reproduce", "1", "--json"])
    assert (told.exit_code, json.loads(told.stdout.splitlines()[0])["different"][0]["name"]) == (15, "bucket 0")


def test_any_number_of_workers_gives_the_same_scores(bank, done, lake, tmp_path):
    found = []
    for workers in (1, 2, 4):
        shutil.copytree(done, tmp_path / f"of {workers}")
        settings = made_bank(tmp_path / f"of {workers}", lake).settings
        other = open_bank(settings.model_copy(update={"shards": workers}))
        run_id = start_run(other, date(2026, 1, 31))
        drive(other)
        assert len([job for job in jobs_in(other) if job.stage == Stage.SCORE and job.run_id == run_id]) == min(workers, BUCKETS)
        found.append([scores_path(other, run_id, bucket).read_bytes() for bucket in range(BUCKETS)])
        other.engine.dispose()

    assert found[0] == found[1] == found[2]


def test_the_first_version_serves_and_the_same_request_stays_the_same_run(bank):
    assert start_run(bank, AS_OF) == 1
    assert start_run(bank, AS_OF, retrain=True) == 1  # that run trained everything already

    with reading(bank.engine) as session:
        champion = models.champion(session, TARGET)
        assert (champion.version, champion.trained_by, champion.next_review_on) == (1, None, "2026-12-31")
        assert champion.reference["rows"] == CLIENTS
        assert {gate.verdict for gate in model_gate.latest(session, champion.id)} <= {"green", "amber", "red", "not_measured"}
        assert len(model_gate.latest(session, champion.id)) == 9
        assert len(session.exec(select(fold_opening.FoldOpening)).all()) == 1


def test_a_young_champion_scores_the_next_run_without_training_and_an_old_one_is_challenged(bank):
    young = start_run(bank, date(2026, 1, 31))
    assert run_row(bank, young).plan["kept"] == {TARGET: 1}
    drive(bank)
    assert not [job for job in jobs_in(bank) if job.stage == Stage.TRAIN and job.run_id == young]
    assert run_row(bank, young).models == run_row(bank, 1).models

    known = {"label": "left", "observed_on": AS_OF, "outcome": True, "recorded_on": AS_OF}
    SmallLake(Path(bank.lake)).add("client_labels", *({"client_id": f"C{number:03d}"} | known for number in range(40)))
    old = start_run(open_bank(bank.settings), date(2026, 6, 30))
    assert run_row(bank, old).plan["trained_because"] == {TARGET: "version 1 is 181 days old, the limit is 90"}
    drive(bank)

    run = run_row(bank, old)
    assert run.models == run_row(bank, 1).models  # the champion goes on scoring
    (digest,) = run.shadows[TARGET]
    with reading(bank.engine) as session:
        challenger = models.by_digest(session, TARGET, digest)
        assert (challenger.status, challenger.version) == ("challenger", 2)
        assert current(session).id == old
    scores = read_checked(scores_path(bank, old, 0))
    beside = scores.column(shadow_column(TARGET, digest))
    assert beside.null_count < len(beside)
    assert beside != scores.column(f"p:{TARGET}")
    assert run.summary["shadows"][TARGET][digest]["clients"] == CLIENTS
    published = {name for part in ("clients", "offers") for name in read_checked(bank.snapshots / "runs" / str(old) / f"{part}.parquet").column_names}
    assert not {name for name in published if "shadow" in name}


def test_a_date_before_the_champion_is_never_scored_by_it(bank):
    earlier = start_run(bank, date(2025, 12, 15))
    drive(bank)

    run = run_row(bank, earlier)
    assert run.models == {}
    assert "no client has an outcome" in run.refusals[TARGET]  # the outcomes were not known on that date
    with reading(bank.engine) as session:
        assert current(session).id == 1


def test_a_new_champion_makes_the_same_request_another_run(bank):
    with transaction(bank.engine) as session:
        model = models.champion(session, TARGET)
        fields = model.model_dump(exclude={"id", "version", "digest", "status"})
        model.status = "shadow"
        session.flush()
        session.add(models.PropensityModel(**fields, version=2, digest="f" * 64, status="champion"))

    again = start_run(bank, AS_OF)

    assert again != 1
    assert run_row(bank, again).models == {TARGET: "f" * 64}
    assert run_row(bank, again).shadows == {TARGET: [run_row(bank, 1).models[TARGET]]}


def test_outcomes_of_other_targets_lie_in_files_of_their_own(bank):
    from bankseg.services.snapshot import labels_path

    run = run_row(bank, 1)
    without = Run(**{**run.model_dump(exclude={"plan"}), "plan": {**run.plan, "targets": {}}})

    assert labels_path(bank, run, run.as_of, 0) != labels_path(bank, without, run.as_of, 0)

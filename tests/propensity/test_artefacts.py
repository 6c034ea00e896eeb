import json
import stat

import numpy as np
import pytest

from bankseg.domain.errors import ArtefactError
from bankseg.propensity import artefacts
from bankseg.propensity.artefacts import _digest, _seal
from bankseg.propensity.structure import check_structure
from tests.propensity.builders import KEY, dataset

CASES_PER_KIND = 15


def _damaged(text: str, kind: str, case: int) -> str:
    rng = np.random.default_rng(case)
    lines = text.split("\n")
    match kind:
        case "truncate":
            return text[: int(len(text) * (case + 1) / (CASES_PER_KIND + 1))]
        case "flip":
            data = bytearray(text.encode())
            data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(7))
            return data.decode("latin-1")
        case "drop line":
            del lines[int(rng.integers(len(lines)))]
            return "\n".join(lines)
    digits = [place for place, letter in enumerate(text) if letter.isdigit()]
    place = digits[int(rng.integers(len(digits)))]
    return text[:place] + str((int(text[place]) + 1 + int(rng.integers(8))) % 10) + text[place + 1 :]


KINDS = ("truncate", "flip", "drop line", "digit")


@pytest.fixture
def copy(saved, tmp_path):
    """The saved artefact in a folder of its own, and how to write files into it."""
    home = tmp_path / saved.digest
    home.mkdir(mode=0o700)
    for file in saved.path.iterdir():
        (home / file.name).write_bytes(file.read_bytes())
    return home


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", range(CASES_PER_KIND))
def test_a_damaged_model_is_refused_before_lightgbm_sees_it(copy, saved, kind, case):
    text = (copy / "model.txt").read_text()
    damaged = _damaged(text, kind, case)
    (copy / "model.txt").write_bytes(damaged.encode("latin-1"))

    if damaged == text:
        artefacts.load(copy.parent, saved.digest, KEY)
    else:
        with pytest.raises(ArtefactError):
            artefacts.load(copy.parent, saved.digest, KEY)


@pytest.mark.parametrize("kind", ["truncate", "drop line"])
@pytest.mark.parametrize("case", range(CASES_PER_KIND))
def test_the_structure_check_alone_stops_what_would_crash_lightgbm(trained, kind, case):
    damaged = _damaged(trained.booster_text, kind, case)
    features = len(trained.card["features"])
    end = trained.booster_text.index("end of trees")
    if damaged.startswith(trained.booster_text[: end + len("end of trees\n")]):
        return  # only the trailing importances are gone: the trees are whole

    with pytest.raises(ArtefactError, match="damaged"):
        check_structure(damaged, features)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("left_child=", "left_child=99 ", "values of left_child"),
        ("num_leaves=", "num_leaves=1", "leaves|values of|lacks"),
        ("split_feature=", "split_feature=77 ", "values of split_feature"),
        ("leaf_value=", "leaf_value=nan ", "not a finite number"),
        ("objective=binary", "objective=lambdarank", "binary"),
        ("max_feature_idx=", "max_feature_idx=9", "features"),
        ("Tree=1\n", "Tree=7\n", "does not start"),
    ],
)
def test_the_structure_check_says_what_is_wrong(trained, old, new, why):
    with pytest.raises(ArtefactError, match=why):
        check_structure(trained.booster_text.replace(old, new, 1), len(trained.card["features"]))


def test_a_cycle_between_nodes_is_found():
    from bankseg.propensity.structure import _check_children

    with pytest.raises(ArtefactError, match="cycle"):
        _check_children("tree 0", [-1, 2, 1], [-2, -3, -4])
    with pytest.raises(ArtefactError, match="out of range"):
        _check_children("tree 0", [1, -1], [1, -2])


def test_another_key_is_refused(saved):
    with pytest.raises(ArtefactError, match="key"):
        artefacts.load(saved.path.parent, saved.digest, b"x" * 32)


def test_another_models_files_under_this_name_are_refused(copy, saved):
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_bytes(artefacts.canonical_json({**card, "target": "cross_sell:card"}))

    with pytest.raises(ArtefactError, match="hash"):
        artefacts.load(copy.parent, saved.digest, KEY)


def test_a_link_instead_of_a_file_is_refused(copy, saved, tmp_path):
    (tmp_path / "elsewhere").write_bytes((copy / "model.txt").read_bytes())
    (copy / "model.txt").unlink()
    (copy / "model.txt").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ArtefactError, match="cannot be read"):
        artefacts.load(copy.parent, saved.digest, KEY)


@pytest.mark.parametrize("digest", ["", "../../etc", "a" * 63, "G" * 64])
def test_a_name_that_is_no_hash_is_refused(saved, digest):
    with pytest.raises(ArtefactError):
        artefacts.load(saved.path.parent, digest, KEY)


def test_an_absent_model_is_refused(tmp_path):
    with pytest.raises(ArtefactError, match="cannot be read"):
        artefacts.load(tmp_path, "0" * 64, KEY)


def test_saving_twice_changes_nothing_and_leaves_no_draft(trained, saved):
    before = {file.name: file.stat().st_mtime_ns for file in saved.path.iterdir()}
    again = artefacts.save(trained, saved.path.parent, KEY)

    assert again == saved
    assert {file.name: file.stat().st_mtime_ns for file in saved.path.iterdir()} == before
    assert [folder.name for folder in saved.path.parent.iterdir()] == [saved.digest]


def test_the_folder_is_the_owners_alone(saved):
    assert stat.S_IMODE(saved.path.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in saved.path.iterdir())


def test_a_sound_model_passes_its_golden_rows_in_a_child_process(saved):
    artefacts.verify_in_child(saved.path.parent, saved.digest, KEY)


def test_a_model_whose_golden_rows_differ_is_refused_in_the_child(copy):
    golden = json.loads((copy / "golden.json").read_text())
    golden["raw"][3] += 1e-9
    (copy / "golden.json").write_bytes(artefacts.canonical_json(golden))
    # Sealed again, as someone with the key would: only the golden rows can tell.
    digest = _digest({name: (copy / name).read_bytes() for name in artefacts.CONTENT})
    (copy / "seal.txt").write_text(_seal(digest, KEY))
    copy.rename(copy.parent / digest)

    with pytest.raises(ArtefactError, match="golden score differs"):
        artefacts.verify_in_child(copy.parent, digest, KEY)


def test_the_card_can_be_read_without_loading_the_model(saved, trained):
    assert artefacts.read_card(saved.path.parent, saved.digest, KEY)["target"] == trained.card["target"]


def test_predictions_of_a_loaded_model_are_unchanged_by_a_second_save(saved, propensity):
    table = dataset(50, seed=8).table

    assert np.array_equal(propensity.predict(table), artefacts.load(saved.path.parent, saved.digest, KEY).predict(table))

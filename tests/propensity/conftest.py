import pytest

from bankseg.propensity import artefacts
from bankseg.propensity.artefacts import Artefact
from bankseg.propensity.predict import Propensity
from bankseg.propensity.targets import cross_sell_target
from bankseg.propensity.train import Trained, train
from tests.propensity.builders import FEATURES, KEY, PLAN, dataset


@pytest.fixture(scope="session")
def trained() -> Trained:
    return train(cross_sell_target("savings"), dataset(), PLAN, FEATURES, seed=1)


@pytest.fixture(scope="session")
def saved(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    return artefacts.save(trained, tmp_path_factory.mktemp("artefacts"), KEY)


@pytest.fixture(scope="session")
def propensity(saved: Artefact) -> Propensity:
    return artefacts.load(saved.path.parent, saved.digest, KEY)

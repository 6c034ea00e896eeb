"""While a process imports, the collector rests; afterwards it works as before."""

import gc

import pytest

from bankseg.starting import starting


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_rests_and_is_then_as_it_was(*, was_on: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if was_on else gc.disable)()
        with starting():
            inside = gc.isenabled()
        after = gc.isenabled()
    finally:
        (gc.enable if before else gc.disable)()

    assert not inside
    assert after is was_on


def test_what_was_made_until_then_is_out_of_its_sight_even_after_an_error() -> None:
    frozen, made = gc.get_freeze_count(), [[] for _ in range(1_000)]
    try:
        with pytest.raises(ImportError), starting():
            raise ImportError

        assert made
        assert gc.get_freeze_count() >= frozen + 1_000
        assert gc.isenabled()
    finally:
        gc.unfreeze()

import pytest

from bankseg.domain.errors import InputError
from bankseg.economics.power import clients_per_arm


@pytest.mark.parametrize(("rate", "other", "clients"), [(0.06, 0.05, 8155), (0.06, 0.045, 3467), (0.02, 0.03, 3823), (0.02, 0.025, 13807)])
def test_sizes_are_those_of_the_definitions(rate, other, clients):
    assert clients_per_arm(rate, other) == clients


def test_the_order_of_the_arms_does_not_matter_and_a_smaller_difference_needs_more_clients():
    assert clients_per_arm(0.05, 0.06) == clients_per_arm(0.06, 0.05)
    assert clients_per_arm(0.06, 0.055) > clients_per_arm(0.06, 0.05)


@pytest.mark.parametrize("rates", [(0.1, 0.1), (-0.1, 0.2), (0.5, 1.5)])
def test_rates_that_nothing_can_tell_apart_are_refused(rates):
    with pytest.raises(InputError, match="two different rates"):
        clients_per_arm(*rates)

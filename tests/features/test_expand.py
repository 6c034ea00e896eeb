"""Windows and products are written once and stand for many."""

import duckdb
import pytest

from bankseg.features.expand import expand


def columns(sql):
    with duckdb.connect() as connection:
        return connection.sql(sql).columns


@pytest.mark.parametrize(
    ("projection", "products", "expected"),
    [
        ("1 AS n", (), ["n"]),
        ("each_window AS n__each_window", (), ["n_30d", "n_90d", "n_180d", "n_365d"]),
        ("each_product AS held__each_product", ("a", "b"), ["held_a", "held_b"]),
        ("each_product AS held__each_product", (), []),
        ("each_product AS x__each_product", ("Livret A", "épargne"), ["x_Livret A", "x_épargne"]),
        ("each_product AS x__each_product", ("o'hara",), ["x_o'hara"]),
    ],
)
def test_a_projection_stands_once_for_each(projection, products, expected):
    assert columns(expand(f"SELECT 0 AS first, {projection}", products)) == ["first", *expected]


def test_a_window_becomes_its_rank_and_a_product_its_name():
    sql = expand("SELECT each_window AS n__each_window, each_product AS p__each_product", ("savings",))

    with duckdb.connect() as connection:
        assert connection.sql(sql).fetchall() == [(0, 1, 2, 3, "savings")]


def test_names_in_inner_statements_are_expanded_where_they_stand():
    sql = expand("WITH a AS (SELECT each_window AS n__each_window) SELECT a.n__each_window FROM a", ())

    assert columns(sql) == ["n_30d", "n_90d", "n_180d", "n_365d"]


def test_a_products_name_is_a_literal_never_sql():
    sql = expand("SELECT each_product AS p__each_product", ("x' OR 1=1 --",))

    with duckdb.connect() as connection:
        assert connection.sql(sql).fetchall() == [("x' OR 1=1 --",)]


def test_expanding_twice_changes_nothing():
    once = expand("SELECT each_window AS n__each_window", ())

    assert expand(once, ("savings",)) == once

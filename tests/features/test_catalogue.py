"""The catalogue is what the SQL returns, and the SQL reads nothing but point-in-time views with plain functions."""

from datetime import date
from importlib.resources import files

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from bankseg.domain.extracts import BUCKET, EXTRACT_BY_NAME, EXTRACTS, RECORDED_AT, RECORDED_UNTIL
from bankseg.domain.horizon import Horizon
from bankseg.features.build import feature_names, sql_parameters
from bankseg.features.catalogue import attribute_feature, available_groups, catalogue, directed, groups
from bankseg.features.expand import expand
from bankseg.features.labels import SHARED

PRODUCTS = ("current_account", "savings")
RELATIONS = {"products", "channel_costs"}  # small reference tables that every bucket sees
PROTECTED = {"sex", "marital_status", "dependants", "household_id", "country", "commune_code", "postcode", "city", "region", "name", "language"}
ALLOWED_FUNCTIONS = {
    "ABS", "ARG_MAX", "ARG_MIN", "AVG", "BITWISE_OR_AGG", "BIT_OR", "BITWISE_COUNT", "BIT_COUNT", "CASE", "CAST", "COALESCE", "COUNT", "DATE_DIFF", "DATEDIFF",
    "GREATEST", "LAG", "LEAST", "LOWER", "MAX", "MEDIAN", "MIN", "MONTH", "NULLIF", "REGR_SLOPE", "ROUND", "STDDEV_SAMP", "SUM", "UNNEST", "YEAR",
    "AND", "OR", "EXPLODE", "IF",
}  # fmt: skip
CLOCKS = (exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime, exp.CurrentDatetime, exp.Rand)
LABELS = sorted(entry.name.removesuffix(".sql") for entry in files("bankseg.features").joinpath("labels").iterdir() if entry.name.endswith(".sql"))
GROUPS = [group.name for group in groups()]


def group_named(name):
    return next(group for group in groups() if group.name == name)


def sql_of(name):
    folder = "groups" if name in GROUPS else "labels"
    return files("bankseg.features").joinpath(folder, f"{name}.sql").read_text(encoding="utf-8")


def tree_of(name):
    return sqlglot.parse_one(expand(sql_of(name), PRODUCTS), dialect="duckdb")


def tables_of(tree):
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    return {table.name for table in tree.find_all(exp.Table)} - own


def returned(tree):
    """Columns of a statement with its stars spelled out."""
    schema = {extract.name: {column.stored_name: "unknown" for column in extract.columns} for extract in EXTRACTS}
    schema["products"] = dict.fromkeys(
        ("product", "nature", "ftp_pct", "overdraft_rate_pct", "rate_pct", "margin_pct", "annual_margin_minor", "annual_cost_minor"), "unknown"
    )
    schema["channel_costs"] = {"channel": "unknown", "cost_minor": "unknown"}
    return [projection.alias_or_name for projection in qualify(tree, schema=MappingSchema(schema, dialect="duckdb"), dialect="duckdb").selects]


def test_every_group_has_a_file_and_every_file_a_group():
    on_disk = {entry.name.removesuffix(".sql") for entry in files("bankseg.features").joinpath("groups").iterdir() if entry.name.endswith(".sql")}

    assert on_disk == set(GROUPS)


@pytest.mark.parametrize("name", GROUPS)
def test_the_sql_of_a_group_returns_the_columns_of_the_catalogue(name):
    found, described = returned(tree_of(name)), feature_names(group_named(name), PRODUCTS)

    assert len(set(found)) == len(found)
    # A star may carry parts that only feed other columns; whatever the catalogue describes is there.
    assert set(described) | {"client_id"} <= set(found)
    if not tree_of(name).is_star and "*" not in sql_of(name).rpartition("\nSELECT")[2]:
        assert set(described) | {"client_id"} == set(found)


@pytest.mark.parametrize("name", [*GROUPS, *LABELS])
def test_feature_sql_names_only_point_in_time_views(name):
    tables = tables_of(tree_of(name))
    views = {table.removeprefix("outcome_") for table in tables} - RELATIONS - SHARED

    assert views <= set(EXTRACT_BY_NAME)
    if name in GROUPS:
        assert not any(table.startswith("outcome_") for table in tables), "only labels may read past the as-of date"
        assert tables - RELATIONS == set(group_named(name).requires) or tables - RELATIONS < set(group_named(name).requires)


@pytest.mark.parametrize("name", [*GROUPS, *LABELS])
def test_feature_sql_calls_only_functions_of_the_list_and_no_clock(name):
    tree = tree_of(name)

    called = {(node.name if isinstance(node, exp.Anonymous) else node.sql_name()).upper() for node in tree.find_all(exp.Func)}
    assert called <= ALLOWED_FUNCTIONS
    assert not list(tree.find_all(*CLOCKS))
    assert not list(tree.find_all(exp.Command, exp.Insert, exp.Create, exp.Drop))


@pytest.mark.parametrize("name", [*GROUPS, *LABELS])
def test_feature_sql_reads_neither_the_lakes_clocks_nor_a_protected_column(name):
    columns = {column.name for column in tree_of(name).find_all(exp.Column)}

    assert not columns & {RECORDED_AT, RECORDED_UNTIL, BUCKET}
    assert not columns & PROTECTED


@pytest.mark.parametrize("name", GROUPS)
def test_feature_sql_names_only_parameters_computed_from_the_horizon(name):
    given = sql_parameters(Horizon(date(2025, 12, 31)))

    assert {parameter.name for parameter in tree_of(name).find_all(exp.Parameter, exp.Placeholder)} <= set(given)


@pytest.mark.parametrize("dialect", ["spark", "snowflake", "bigquery"])
@pytest.mark.parametrize("name", GROUPS)
def test_group_sql_can_be_written_in_other_dialects(name, dialect):
    """Written, not run: no such engine is here, so that what they answer is unverified."""
    try:
        text = tree_of(name).sql(dialect=dialect, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        pytest.skip(f"sqlglot writes no {dialect} for {name}: {str(error).splitlines()[0]}")

    assert sqlglot.parse_one(text, dialect=dialect)


def test_a_feature_has_one_name_one_meaning_and_a_purpose():
    features = catalogue(EXTRACT_BY_NAME, PRODUCTS)

    assert len({feature.name for feature in features}) == len(features)
    assert len({feature.definition for feature in features}) == len(features)
    for feature in features:
        assert feature.definition
        assert feature.unit
        assert feature.purposes
        assert set(feature.purposes) <= {"describe", "propensity", "marketing"}
        assert (feature.type == "category") is (feature.unit == "category")


def test_no_model_reads_a_consent_a_status_or_the_banks_own_margin():
    modelled = {feature.name: feature.family for feature in catalogue(EXTRACT_BY_NAME, PRODUCTS) if "propensity" in feature.purposes}

    assert not {"consent", "value"} & set(modelled.values())
    assert "client_status" not in modelled


def test_groups_of_a_missing_extract_are_absent():
    assert [group.name for group in available_groups(["clients"])] == ["client"]
    assert {group.name for group in available_groups(["clients", "accounts"])} == {"client", "holdings", "value_contracts"}


def test_an_attribute_is_a_feature_and_a_protected_one_describes_only():
    age = attribute_feature({"name": "Age", "type": "number", "is_protected": True, "label_en": "Age"})
    city = attribute_feature({"name": "Geography", "type": "category", "family": "place", "direction": 1})

    assert (age.name, age.purposes, age.is_protected) == ("attr_Age", ("describe",), True)
    assert (city.type, city.family, city.direction, "propensity" in city.purposes) == ("category", "place", 1, True)


def test_a_direction_holds_for_its_kind_of_target_and_for_the_products_own_sale():
    features = catalogue(EXTRACT_BY_NAME, PRODUCTS)

    churn = {feature.name: feature.direction for feature in directed(features, "churn")}
    sale = {feature.name: feature.direction for feature in directed(features, "cross_sell", "savings")}

    assert (churn["complaints_90d"], churn["latest_nps"], churn["interest_30d_savings"]) == (1, -1, 0)
    assert (sale["interest_30d_savings"], sale["interest_30d_current_account"], sale["complaints_90d"]) == (1, 0, 0)


def test_no_category_has_a_direction():
    assert not [feature.name for feature in catalogue(EXTRACT_BY_NAME, PRODUCTS) if feature.type == "category" and feature.directions]

"""The feature catalogue of this bank: what each feature means, and how many clients have it."""

from dataclasses import asdict
from typing import Any

from bankseg.features.catalogue import catalogue, groups
from bankseg.lake.extent import products_held
from bankseg.lake.files import table_versions
from bankseg.services.bank import Bank
from bankseg.storage.database import reading
from bankseg.storage.run import current


def feature_catalogue(bank: Bank) -> list[dict[str, Any]]:
    """Every feature in catalogue order; `coverage` is the share of clients that have it in the published run, null when its extract is missing or nothing is published."""
    versions = table_versions(bank.lake)
    tables = frozenset(versions) | ({"balances"} if "transactions" in versions else frozenset())
    with reading(bank.engine) as session:
        run = current(session)
    coverage = run.summary.get("coverage", {}) if run else {}
    present = [
        {**asdict(feature), "state": "available", "coverage": coverage.get(feature.name)}
        for feature in catalogue(tables, products_held(bank.lake, versions), bank.declarations.attributes)
    ]
    absent = [
        {**asdict(template), "state": "no data", "coverage": None, "missing": sorted(set(group.requires) - tables)}
        for group in groups()
        if not tables.issuperset(group.requires)
        for template in group.templates
    ]
    return [*present, *absent]

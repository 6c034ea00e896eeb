"""How many first reasons of the likeliest clients hold: their driver alone is moved to what is usual among peers, in the table, and the client scored again."""

from collections import defaultdict

import numpy as np
import pyarrow as pa

from bankseg.domain.reasons import reason_family
from bankseg.propensity.peers import peer_keys
from bankseg.propensity.predict import Propensity


def share_of_reasons_that_hold(model: Propensity, table: pa.Table, likeliest: int) -> float:
    """Share of the likeliest clients whose score moves as their first reason says."""
    top = table.take(pa.array(np.argsort(-model.raw(table), kind="stable")[:likeliest]))
    before, reasons = model.raw(top), model.reasons(top)
    reference = model.card["reasons_reference"]
    groups = [next(name for name in names if name in reference) for names in peer_keys(top)]
    alike: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, own in enumerate(reasons):
        if own:
            alike[own[0].family, groups[row]].append(row)
    holds = []
    for (family, group), rows in alike.items():
        moved = model.raw(at_peers(model, top.take(pa.array(rows)), family, reference[group]))
        holds += [bool(after < before[row]) is (reasons[row][0].direction == "+") for row, after in zip(rows, moved.tolist(), strict=True)]
    return float(np.mean(holds))


def at_peers(model: Propensity, table: pa.Table, family: str, usual: dict[str, object]) -> pa.Table:
    """The same clients with the features of one family at what is usual, and nothing else changed."""
    for feature in model.encoding.features:
        if reason_family(feature.family) == family:
            kind = pa.string() if feature.type == "category" else pa.float64()
            table = table.set_column(table.column_names.index(feature.name), feature.name, pa.array([usual[feature.name]] * table.num_rows, kind))
    return table

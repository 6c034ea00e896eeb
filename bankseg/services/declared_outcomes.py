"""Outcome columns that a bank declared with a flat file: what their propensities stand for."""

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.lake.declarations import Declarations

LABEL, CROSS_SELL = "label:", "cross_sell:"
LOSS, SALE = "loss", "sale"


def losses(declarations: Declarations) -> list[str]:
    """Targets whose positive outcome is a client lost."""
    return [f"{LABEL}{entry['name']}" for entry in declarations.outcomes if entry["meaning"] == LOSS]


def sales(declarations: Declarations, targets: Collection[str]) -> dict[str, str]:
    """Cross-sell targets that a declared sale serves, as the target that serves each; a product with a model of its own is left to it.

    Examples
    --------
    >>> sold = Declarations(outcomes=({"name": "subscribed", "meaning": "sale", "product": "term_deposit"},))
    >>> sales(sold, ["label:subscribed"]), sales(sold, ["label:subscribed", "cross_sell:term_deposit"])
    ({'cross_sell:term_deposit': 'label:subscribed'}, {})
    """
    served = {f"{CROSS_SELL}{entry['product']}": f"{LABEL}{entry['name']}" for entry in declarations.outcomes if entry["meaning"] == SALE}
    return {product: label for product, label in served.items() if label in targets and product not in targets}


def as_sales(declarations: Declarations, table: pa.Table, propensities: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Propensities of the cross-sell targets that declared sales serve, NaN for clients who hold the product already."""
    found = {}
    for product, label in sales(declarations, list(propensities)).items():
        values = propensities[label].copy()
        held = f"holds_{product.removeprefix(CROSS_SELL)}"
        if held in table.column_names:
            values[np.asarray(table.column(held).cast(pa.float64()).to_numpy()) == 1] = np.nan
        found[product] = values
    return found

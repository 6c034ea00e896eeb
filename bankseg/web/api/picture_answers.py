"""Pictures as JSON: dataclasses field by field, an axis by its code and names, a grid cell by cell."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from bankseg.services.scheme_pictures.axes import Axis, Chosen
from bankseg.services.scheme_pictures.groups import Figure
from bankseg.services.scheme_pictures.matrix import Grid
from bankseg.services.segment_schemes import SchemeEntry
from bankseg.services.stamp import Stamp

CHOICES = frozenset({"choices", "axes", "figures", "levels"})  # what a form offers; the API has its own parameters


def answer(page: Any) -> dict[str, Any]:  # a page of any picture
    """A page as a JSON document: its stamp, and every figure on it."""
    told = {part.name: plain(getattr(page, part.name)) for part in fields(page) if part.name not in CHOICES and part.name != "stamp"}
    stamp: Stamp = page.stamp
    return {"run_id": stamp.run_id, "as_of": stamp.as_of.isoformat(), **told}


def plain(value: Any) -> Any:  # a value of any type, into what JSON knows
    """A value in the types of JSON.

    >>> plain({("gold", "high"): "protect"})
    [{'row': 'gold', 'column': 'high', 'is': 'protect'}]
    """
    told = next((tell for kind, tell in _TOLD.items() if isinstance(value, kind)), None)
    if told is not None:
        return told(value)
    if is_dataclass(value):
        return {part.name: plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, set | frozenset):
        return sorted(plain(one) for one in value)
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def _mapping(value: Mapping[Any, Any]) -> Any:  # keys of codes or of pairs of them
    if any(isinstance(key, tuple) for key in value):
        return [{"row": key[0], "column": key[1], "is": plain(one)} for key, one in value.items()]
    return {"" if key is None else str(key): plain(one) for key, one in value.items()}


def _grid(grid: Grid) -> dict[str, Any]:
    cells = [{"row": row, "column": column, **cell} for (row, column), cell in grid.cells.items()]
    return {"rows": grid.rows, "columns": grid.columns, "cells": cells, "total": grid.total}


_TOLD: dict[type, Callable[[Any], Any]] = {  # what is told otherwise than field by field
    Axis: lambda axis: {"code": axis.code, "label_en": axis.label_en, "label_fr": axis.label_fr},
    Chosen: lambda chosen: {"axis": chosen.axis.code, "code": chosen.condition.code, "holds": chosen.condition.holds},
    Figure: lambda figure: figure.code,
    SchemeEntry: lambda entry: {"code": entry.scheme.code, "version": entry.version},
    Stamp: lambda stamp: {"run_id": stamp.run_id, "as_of": stamp.as_of.isoformat()},
    Grid: _grid,
    BaseModel: lambda row: plain(row.model_dump()),
}

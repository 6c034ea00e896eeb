"""The engine seam: what features, labels and membership ask of whatever computes them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol


class BucketConnection(Protocol):
    """One bucket, seen at a point in time: its tables are views that end at the as-of date."""

    @property
    def tables(self) -> frozenset[str]:
        """Names of the tables that hold data."""
        ...

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None, relations: Mapping[str, Any] | None = None) -> Any:
        """Run one statement, which may also read Arrow tables by name, and return its rows as an Arrow table."""
        ...

    def rows(self, table: str, columns: Sequence[str]) -> Any:
        """Columns of a table's rows as its view shows them, as an Arrow table with dictionary-encoded texts; None where only the view can say."""
        ...


class Engine(Protocol):
    """Where work on buckets runs: this machine, or a cluster."""

    def map_buckets(self, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Apply `function` to each task, in any order, possibly in other processes."""
        ...

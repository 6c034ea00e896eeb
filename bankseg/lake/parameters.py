"""Named parameters of a statement."""

import re
from collections.abc import Mapping
from typing import Any

_MARKER = re.compile(r"\$([a-z_][a-z_0-9]*)", re.IGNORECASE)


def named(sql: str, parameters: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The parameters a statement names; None when it names none (the engine refuses any it does not know).

    Examples
    --------
    >>> named("SELECT $as_of", {"as_of": 1, "gap": 2})
    {'as_of': 1}
    """
    wanted = set(_MARKER.findall(sql))
    return {name: value for name, value in (parameters or {}).items() if name in wanted} or None

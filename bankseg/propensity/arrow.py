"""Arrow columns and compute functions, untyped because the published stubs cannot follow them from call to call."""

from typing import Any, TypeAlias

import pyarrow.compute

Column: TypeAlias = Any
compute: Any = pyarrow.compute

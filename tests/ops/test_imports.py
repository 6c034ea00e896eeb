"""Importing does nothing, and the pool's parent stays light."""

import json
import subprocess
import sys

import pytest

HEAVY = ("lightgbm", "celery", "flask", "sqlmodel", "sqlalchemy", "duckdb", "pandas", "pyarrow", "redis", "sklearn", "numpy", "pydantic")
PROBE = """
import json, socket, sys
def refuse(*arguments, **options): raise AssertionError("a socket was opened")
before = set(sys.modules)
real = socket.socket.connect
socket.socket.connect = socket.socket.bind = refuse
{statement}
print(json.dumps(sorted(name for name in sys.modules if name.partition(".")[0] == name)))
"""


def modules_after(statement: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROBE.format(statement=statement)], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_bankseg_imports_nothing_else_and_opens_no_socket():
    assert not modules_after("import bankseg").intersection(HEAVY)


@pytest.mark.parametrize("module", ["bankseg.queue", "workers.app", "workers.tasks", "bankseg.embedded.supervise"])
def test_importing_an_entry_point_opens_no_socket(module):
    assert "lightgbm" not in modules_after(f"import {module}")


def test_the_pool_parent_loads_no_engine_before_it_forks():
    loaded = modules_after("from workers.app import app; app.loader.import_default_modules(); app.finalize()")

    assert "celery" in loaded
    assert not loaded.intersection({"lightgbm", "duckdb", "pyarrow", "deltalake", "sklearn", "pandas", "sqlalchemy"})

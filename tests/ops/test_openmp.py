"""LightGBM on a machine without libgomp."""

import os
import subprocess
import sys

import pytest

from bankseg.embedded import openmp


@pytest.fixture
def no_libgomp(monkeypatch, tmp_path):
    monkeypatch.setattr(openmp, "is_loadable", lambda: False)
    monkeypatch.setattr(openmp, "directory", lambda: tmp_path / "gomp")


@pytest.mark.skipif(sys.platform != "linux", reason="libgomp is a matter of Linux")
def test_the_bundled_copy_is_linked_and_can_be_loaded_by_its_plain_name(no_libgomp):
    linked = openmp.link()

    assert linked is not None
    environment = openmp.environment({"LD_LIBRARY_PATH": "/somewhere"})
    assert environment["LD_LIBRARY_PATH"].split(os.pathsep) == [str(linked.parent), "/somewhere"]
    script = "import ctypes, lightgbm; ctypes.CDLL('libgomp.so.1'); print(open('/proc/self/maps').read())"
    maps = subprocess.run([sys.executable, "-c", script], env={**os.environ, **environment}, capture_output=True, text=True, check=True).stdout
    assert "scikit_learn.libs/libgomp" in maps


def test_linking_twice_changes_nothing(no_libgomp):
    assert openmp.link() == openmp.link()


def test_nothing_is_linked_where_the_system_has_it(monkeypatch, tmp_path):
    monkeypatch.setattr(openmp, "is_loadable", lambda: True)
    monkeypatch.setattr(openmp, "directory", lambda: tmp_path / "gomp")

    assert openmp.link() is None
    assert openmp.environment({"A": "b"}) == {"A": "b"}


def test_a_process_started_without_the_path_starts_again_with_it_once(no_libgomp, monkeypatch):
    openmp.link()
    started = []
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    monkeypatch.setattr(os, "execve", lambda *arguments: started.append(arguments))

    openmp.ensure()
    monkeypatch.setenv("LD_LIBRARY_PATH", started[0][2]["LD_LIBRARY_PATH"])
    openmp.ensure()

    assert len(started) == 1
    assert started[0][0] == sys.executable

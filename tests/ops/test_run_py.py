"""run.py on machines that lack something; nothing is installed here."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run_py(monkeypatch, tmp_path):
    specification = importlib.util.spec_from_file_location("run_py", ROOT / "run.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    for name, path in (("ROOT", tmp_path), ("VENV", tmp_path / ".venv"), ("BIN", tmp_path / ".venv/bin"), ("PYTHON", tmp_path / ".venv/bin/python")):
        monkeypatch.setattr(module, name, path)
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "stamp.json")
    return module


def test_an_old_interpreter_can_read_it_far_enough_to_be_told_that_it_is_old():
    ast.parse((ROOT / "run.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_it_imports_the_standard_library_only():
    tree = ast.parse((ROOT / "run.py").read_text(encoding="utf-8"))
    imported = {alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module).partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert imported <= set(sys.stdlib_module_names)


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["fly"], 2), (["--help"], 0)])
def test_without_a_known_command_it_says_what_there_is(arguments, code):
    done = subprocess.run([sys.executable, "run.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == code
    assert "python3 run.py demo" in done.stderr


def test_python_that_is_too_old_and_alone_is_told_so(run_py, monkeypatch, capsys):
    monkeypatch.setattr(run_py, "LEAST_PYTHON", (99, 0))
    monkeypatch.setattr(run_py.shutil, "which", lambda _: None)

    assert run_py.main(["demo"]) == 3
    assert "needs Python 3.11 or newer" in capsys.readouterr().err


def test_a_python_without_venv_is_told_what_to_install(run_py, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(run_py.shutil, "which", lambda _: None)

    assert run_py.main(["setup"]) == 3
    assert "-venv" in capsys.readouterr().err


def test_a_folder_named_venv_that_is_something_else_is_not_touched(run_py, tmp_path, capsys):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "precious.txt").write_text("mine", encoding="utf-8")

    assert run_py.main(["setup"]) == 3
    assert "not a virtual environment" in capsys.readouterr().err
    assert (tmp_path / ".venv" / "precious.txt").exists()


def test_a_lock_is_installed_once_and_again_only_when_it_changes(run_py, monkeypatch, tmp_path):
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "main.lock").write_text("first", encoding="utf-8")
    for name in ("pyproject.toml", "hatch_build.py"):
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "bankseg").write_text("", encoding="utf-8")
    installed = []
    monkeypatch.setattr(run_py, "is_usable", lambda: True)
    monkeypatch.setattr(run_py, "install", lambda _, what, **__: installed.append(what))
    monkeypatch.setattr(run_py, "link_openmp", lambda: None)
    monkeypatch.setattr(run_py, "fetch_front_end", lambda: None)
    monkeypatch.setattr(run_py, "compile_bytecode", lambda _: None)

    run_py.ensure_environment(("main",))
    run_py.ensure_environment(("main",))
    (tmp_path / "requirements" / "main.lock").write_text("second", encoding="utf-8")
    run_py.ensure_environment(("main",))

    assert installed == ["the main lock", "the project", "the main lock"]


def test_libraries_are_compiled_when_installed_and_our_own_files_whenever_they_change(run_py, monkeypatch, tmp_path):
    monkeypatch.setattr(run_py, "PYTHON", Path(sys.executable))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    sources = [
        tmp_path / name
        for name in ("bankseg/ours.py", "workers/also.py", ".venv/lib/library/theirs.py", ".venv/lib/pip/left.py", ".venv/lib/library/template.py")
    ]
    for source in sources:
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text("{{ name }} =" if source.stem == "template" else "x = 1", encoding="utf-8")

    run_py.compile_bytecode({"main": "digest"})
    compiled = {path.name.partition(".")[0] for path in tmp_path.rglob("*.pyc")}
    (tmp_path / "bankseg" / "new.py").write_text("x = 2", encoding="utf-8")
    (tmp_path / ".venv" / "lib" / "library" / "not_by_us.py").write_text("x = 2", encoding="utf-8")
    run_py.compile_bytecode(run_py.read_stamp())

    assert compiled == {"ours", "also", "theirs"}
    assert {path.name.partition(".")[0] for path in tmp_path.rglob("*.pyc")} == {*compiled, "new"}


def test_a_checkout_that_was_moved_gets_a_new_environment(run_py, tmp_path):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    run_py.write_stamp({})
    assert run_py.is_usable()

    run_py.STAMP.write_text('{"root": "/elsewhere"}', encoding="utf-8")

    assert not run_py.is_usable()


def test_every_check_runs_even_after_a_failure_and_the_sum_is_honest(run_py, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run_py, "BIN", Path("/bin"))
    monkeypatch.setattr(run_py, "CHECKS", (("first", ("false",)), ("second", ("true",))))

    assert run_py.check() == 1
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()[-2:]] == [["first", "FAILED"], ["second", "ok"]]


def test_children_are_not_misled_by_our_own_interpreter(run_py, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PYTHONHOME", "/somewhere")
    (tmp_path / ".venv" / "lib" / "gomp").mkdir(parents=True)

    environment = run_py.child_environment()

    assert not {"PYTHONPATH", "PYTHONHOME"} & set(environment)
    assert environment["LD_LIBRARY_PATH"].startswith(str(tmp_path / ".venv" / "lib" / "gomp"))
    assert environment["OMP_WAIT_POLICY"] == "passive"

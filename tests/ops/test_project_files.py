"""The files around the code agree with it and with one another."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from bankseg.domain.extracts import EXTRACT_BY_NAME
from bankseg.domain.policy import load_policy
from bankseg.features.catalogue import catalogue
from bankseg.propensity.targets import targets_for
from bankseg.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("main", "extras", "test", "check")
BUILD_ONLY = {"BANKSEG_NO_FRONT_END"}
KNOWN_VARIABLES = {f"BANKSEG_{name.upper()}" for name in Settings.model_fields}


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def requirements(path: str) -> list[str]:
    return [line for line in text_of(path).splitlines() if line and not line.startswith(("-", "#"))]


def generator():
    specification = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_by_version_and_hash_and_names_no_place(name):
    text = text_of(f"requirements/{name}.lock")

    entries = re.split(r"\n(?=\S)", text.strip())
    assert entries
    for entry in entries:
        assert re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^]]+\])?==\S+", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]
    assert not re.search(r"--(extra-)?index-url|--find-links|://|@ file|(^|\s)/\w", text)


def test_the_locks_agree_on_every_version():
    pins: dict[str, set[str]] = {}
    for name in LOCKS:
        for package, marker_free in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]+\])?==([^\s;\\]+)(?![^\\]*;)", text_of(f"requirements/{name}.lock"), re.MULTILINE):
            pins.setdefault(package, set()).add(marker_free)

    assert {package: versions for package, versions in pins.items() if len(versions) > 1} == {}


def test_the_project_depends_on_what_the_lock_was_made_from():
    project = tomllib.loads(text_of("pyproject.toml"))["project"]

    assert project["dependencies"] == requirements("requirements/main.in")
    assert sorted({name for extra in project["optional-dependencies"].values() for name in extra}) == requirements("requirements/extras.in")


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_locked(name):
    locked = {re.match(r"[A-Za-z0-9._-]+", line).group().lower().replace("_", "-") for line in requirements(f"requirements/{name}.lock") if line[0].isalnum()}
    wanted = {re.match(r"[A-Za-z0-9._-]+", line).group().lower().replace("_", "-") for line in requirements(f"requirements/{name}.in")}

    assert wanted <= locked


def test_the_front_end_lock_pins_by_hash_and_names_no_place():
    lock = json.loads(text_of("package-lock.json"))
    packages = {name: package for name, package in lock["packages"].items() if name}

    assert packages
    assert all("integrity" in package and "resolved" not in package for package in packages.values())
    assert lock["packages"][""]["dependencies"] == json.loads(text_of("package.json"))["dependencies"]
    assert "://" not in text_of("package-lock.json")


@pytest.mark.parametrize("page", ["settings.md", "exit-codes.md", "command-line.md", "features.md", "targets.md", "reasons.md", "policy.md", "api.md"])
def test_a_generated_page_is_current(page):
    module = generator()

    assert text_of(f"docs/reference/{page}") == module.NOTE + module.pages()[page], "run: python docs/generate.py"


def test_every_setting_is_documented_and_described():
    page = text_of("docs/reference/settings.md")

    assert all(f"`{variable}`" in page for variable in KNOWN_VARIABLES)
    assert all(field.description for field in Settings.model_fields.values())


def test_every_feature_target_policy_entry_and_segment_is_documented():
    features, targets, policy = (text_of(f"docs/reference/{page}.md") for page in ("features", "targets", "policy"))

    assert all(f"`{feature.name}`" in features for feature in catalogue(EXTRACT_BY_NAME, ["<product>"]))
    assert all(f"`{target.name}`" in targets for target in targets_for({}, ["<product>"], ["<name>"]))
    values = load_policy().values
    for section, entries in values.items():
        if isinstance(entries, dict):
            assert f"## {section}\n" in policy
            assert all(
                f"`{name}`" in policy or f"## {section}.{name}\n" in policy for name in entries if name not in {"trigger", "segment", "unsuitable", "needs"}
            )
    assert all(f"| `{segment.code}` |" in policy for segment in load_policy().segments())
    assert all(f"| {trigger.code} |" in policy for trigger in load_policy().triggers())


@pytest.mark.parametrize(
    "path",
    [
        "Dockerfile",
        "docker-compose.yml",
        "README.md",
        "CONTRIBUTING.md",
        "docs/how-to/compose.md",
        "docs/how-to/bare-machine.md",
        "docs/how-to/watch.md",
        "docs/how-to/back-up.md",
    ],
)
def test_every_variable_a_file_names_is_a_setting(path):
    named = set(re.findall(r"BANKSEG_[A-Z_]+", text_of(path)))
    known = KNOWN_VARIABLES | {f"{variable}_FILE" for variable in KNOWN_VARIABLES} | BUILD_ONLY | {"BANKSEG_TEST_POSTGRES_URL"}

    assert named <= known


def test_the_compose_file_names_the_services_and_gives_each_secret_as_a_file():
    compose = yaml.safe_load(text_of("docker-compose.yml"))
    environment = compose["services"]["worker"]["environment"]

    assert {name for name, service in compose["services"].items() if "profiles" not in service} == {"web", "worker", "beat", "postgres", "redis"}
    for secret in ("SECRET_KEY", "STORE_URL", "BROKER_URL", "METRICS_TOKEN"):
        assert environment[f"BANKSEG_{secret}_FILE"] == f"/run/secrets/{secret.lower()}"
        assert f"BANKSEG_{secret}" not in environment
    for name in ("web", "worker", "beat"):
        assert set(compose["services"][name]["secrets"]) <= set(compose["secrets"])
    assert "noeviction" in str(compose["services"]["redis"]["command"])
    assert "--appendonly yes" in str(compose["services"]["redis"]["command"])


def test_the_compose_file_repeats_the_settings_own_defaults():
    for name, default in re.findall(r"\$\{BANKSEG_([A-Z_]+):-([^}]*)\}", text_of("docker-compose.yml")):
        if name != "SECURE_COOKIES":  # containers stand behind TLS
            assert str(Settings.model_fields[name.lower()].default) == default, name


def test_the_image_installs_openmp_and_leaves_root():
    image = text_of("Dockerfile")

    assert "libgomp1" in image
    assert "--require-hashes" in image
    assert re.search(r"^USER (?!root)", image, re.MULTILINE)


def test_continuous_integration_runs_the_two_commands_and_make_is_an_alias():
    script = text_of(".ci/run")

    assert re.findall(r"\bpython3 run\.py \w+(?= <)", script) == ["python3 run.py check", "python3 run.py test"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "python3 run.py $@" in text_of("Makefile")


def test_every_decision_is_numbered_once_and_linked_from_the_front_page():
    pages = sorted(path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))

    assert pages
    assert len({page[:4] for page in pages}) == len(pages)
    assert all(f"adr/{page}" in text_of("docs/index.md") for page in pages)

"""The files under deploy/ and the compose file ask for what the code tells, and lock what they start."""

import json
import re
from pathlib import Path

import pytest
import yaml

from bankseg.domain.jobs import JobState
from bankseg.services.canary import MOST_MISSED
from bankseg.services.doctor import OLDEST_BACKUP_SECONDS
from bankseg.services.metrics import CATALOGUE
from bankseg.settings import Settings
from bankseg.storage import database_roles

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "bankseg-rules.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "bankseg-dashboard.json"
PARTS = ("_bucket", "_sum", "_count")
# Labels of each metric that has some; `le` belongs to a histogram's buckets.
LABELS = {
    "bankseg_jobs": {"stage", "state"}, "bankseg_runs": {"state"}, "bankseg_run_stage_seconds": {"stage"}, "bankseg_import_rejected_share": {"table"},
    "bankseg_model_alerts": {"target", "kind", "level"}, "bankseg_score_psi": {"target"}, "bankseg_http_requests_total": {"endpoint", "method", "status"},
    "bankseg_http_request_seconds_bucket": {"endpoint", "status", "le"},
}  # fmt: skip


def alerts() -> list[dict]:
    return [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def panels() -> list[dict]:
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]


def expressions() -> list[str]:
    return [rule["expr"] for rule in alerts()] + [target["expr"] for panel in panels() for target in panel["targets"]]


def compose() -> dict:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def named(text: str) -> set[str]:
    """Metrics of ours that an expression names."""
    return set(re.findall(r"bankseg_[a-z_]+", text))


def family(name: str) -> str:
    return next((name.removesuffix(part) for part in PARTS if name.endswith(part) and name.removesuffix(part) in CATALOGUE), name)


def test_every_metric_that_is_asked_for_is_told_and_every_one_told_is_looked_at():
    asked = {family(name) for expression in expressions() for name in named(expression)}

    assert asked == set(CATALOGUE)


def test_every_label_that_is_asked_for_exists():
    for expression in expressions():
        for name, selector in re.findall(r"(bankseg_[a-z_]+)\{([^}]*)\}", expression):
            assert set(re.findall(r"(\w+)(?:=~|!~|!=|=)", selector)) <= LABELS[name], expression
        grouped = {label for labels in re.findall(r"\bby \(([^)]*)\)", expression) for label in labels.split(", ")}
        assert grouped <= set().union(*(LABELS.get(name, set()) for name in named(expression))), expression


def test_brackets_close_and_states_named_in_rules_are_states():
    for expression in expressions():
        for opening, closing in ("()", "[]", "{}"):
            assert expression.count(opening) == expression.count(closing), expression
        for states in re.findall(r'state(?:=~|!=|=)"([^"]+)"', expression):
            assert set(states.split("|")) <= set(JobState)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_says_how_bad_it_is_and_what_to_do_and_is_documented(rule):
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["what_to_do"]
    page = (ROOT / "docs" / "how-to" / "watch.md").read_text(encoding="utf-8")
    assert f"| `{rule['alert']}` | {rule['labels']['severity']} |" in page


def test_every_metric_is_documented_with_its_labels():
    page = (ROOT / "docs" / "how-to" / "watch.md").read_text(encoding="utf-8")

    documented = dict(re.findall(r"^\| `(bankseg_\w+)` \| ([a-z, ]*?) ?\|", page, re.MULTILINE))
    assert set(documented) == set(CATALOGUE)
    for name, labels in documented.items():
        known = LABELS.get(name) or LABELS.get(f"{name}_bucket", set())
        assert set(filter(None, labels.split(", "))) == known, name


def test_the_alert_on_the_canary_waits_as_long_as_readiness_does():
    rule = next(rule for rule in alerts() if rule["alert"] == "BanksegWorkerSilent")

    assert f"bankseg_canary_age_seconds > {MOST_MISSED * Settings.model_fields['canary_seconds'].default}" in rule["expr"]


def test_the_alert_on_backups_waits_as_long_as_the_doctor_does():
    rule = next(rule for rule in alerts() if rule["alert"] == "BanksegBackupOld")

    assert f"bankseg_backup_age_seconds > {OLDEST_BACKUP_SECONDS} " in rule["expr"]


def test_the_dashboard_lays_its_panels_side_by_side():
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels())


@pytest.mark.parametrize("service", ["web", "worker", "beat", "postgres", "redis", "prometheus"])
def test_every_container_is_locked(service):
    found = compose()["services"][service]

    assert found["read_only"] is True
    assert "/tmp" in found["tmpfs"]  # noqa: S108  # of the container
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in found
    assert found["restart"] == "unless-stopped"
    if service in {"postgres", "redis"}:
        assert found["user"] not in {"root", "0"}


@pytest.mark.parametrize("service", ["web", "worker", "beat", "postgres", "redis"])
def test_every_service_that_can_fall_silent_is_asked(service):
    check = compose()["services"][service]["healthcheck"]

    assert check["test"]
    assert int(check["timeout"].removesuffix("s")) < int(check["interval"].removesuffix("s"))


def test_beat_is_asked_by_its_canary_and_a_worker_by_its_own_name():
    services = compose()["services"]

    assert "/readyz" in str(services["beat"]["healthcheck"]["test"])
    assert "celery@$$HOSTNAME" in str(services["worker"]["healthcheck"]["test"])
    assert "container_name" not in services["worker"]  # or it could not be scaled


def test_the_scraper_and_the_web_share_the_token_as_a_file():
    found = compose()
    scraper = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"][0]

    assert found["services"]["web"]["environment"]["BANKSEG_METRICS_TOKEN_FILE"] == scraper["authorization"]["credentials_file"]
    assert "metrics_token" in found["services"]["prometheus"]["secrets"]
    assert "secrets/metrics_token" in (ROOT / "docs" / "how-to" / "compose.md").read_text(encoding="utf-8")
    assert scraper["static_configs"][0]["targets"] == ["web:8765"]
    for volume in found["services"]["prometheus"]["volumes"]:
        source = volume.partition(":")[0]
        assert not source.startswith("./") or (ROOT / source).is_file()


@pytest.mark.parametrize(("service", "role"), [("web", "web_"), ("worker", ""), ("beat", ""), ("migrate", "owner_"), ("backup", "backup_")])
def test_a_container_holds_the_url_of_its_own_role_alone(service, role):
    found = compose()["services"][service]

    assert found["environment"]["BANKSEG_STORE_URL_FILE"] == f"/run/secrets/{role}store_url"
    assert [name for name in found["secrets"] if name.endswith("store_url")] == [f"{role}store_url"]
    assert not any("password" in name for name in found["secrets"])
    assert "BANKSEG_DEVELOPMENT" not in found["environment"]


def test_the_database_is_made_with_the_roles_and_the_passwords_of_all_that_log_in():
    found = compose()["services"]["postgres"]
    script = (ROOT / "deploy" / "postgres" / "passwords.sh").read_text(encoding="utf-8")

    for role in database_roles.LOGINS:
        assert f"{role}_password" in found["secrets"]
        assert f" {role}" in script
    for volume in found["volumes"][1:]:
        assert (ROOT / volume.partition(":")[0]).is_file()
    assert "password" not in (ROOT / "deploy" / "postgres" / "roles.sql").read_text(encoding="utf-8").lower()

"""A real worker on a real broker."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bankseg.embedded.supervise import embedded_services, worker_running
from bankseg.queue import VISIBILITY_SECONDS, workers_answering
from bankseg.services.canary import MOST_MISSED, heard_ago
from bankseg.settings import Settings
from workers.app import HARD_LIMIT_SECONDS, SOFT_LIMIT_SECONDS, SOFT_SHUTDOWN_SECONDS, make_app


def eventually(claim, within_seconds: float = 60.0) -> bool:
    end = time.monotonic() + within_seconds
    while time.monotonic() < end:
        if claim():
            return True
        time.sleep(0.05)
    return bool(claim())


def group_of(pid: int) -> list[int]:
    """Processes of a child's session that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except (OSError, UnicodeDecodeError):
            continue
        if int(fields[3]) == pid and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def test_a_running_task_is_never_handed_out_a_second_time_by_the_clock(settings):
    conf = make_app(settings).conf

    assert SOFT_LIMIT_SECONDS < HARD_LIMIT_SECONDS < VISIBILITY_SECONDS
    assert conf.broker_transport_options["visibility_timeout"] == VISIBILITY_SECONDS
    assert conf.visibility_timeout == VISIBILITY_SECONDS
    assert conf.result_backend_transport_options == {"visibility_timeout": VISIBILITY_SECONDS}
    assert conf.task_time_limit == HARD_LIMIT_SECONDS
    assert conf.task_soft_time_limit == SOFT_LIMIT_SECONDS


def test_the_celery_settings_are_those_that_were_measured(settings):
    conf = make_app(settings).conf

    assert conf.broker_transport_options == {
        "visibility_timeout": 3600,
        "unacked_restore_interval": 15,
        "unacked_restore_throttle": 1,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
    assert (conf.task_acks_late, conf.task_reject_on_worker_lost, conf.task_ignore_result) == (True, True, True)
    assert (conf.worker_prefetch_multiplier, conf.worker_max_tasks_per_child, conf.worker_max_memory_per_child) == (1, 50, 1_500_000)
    assert conf.worker_soft_shutdown_timeout == SOFT_SHUTDOWN_SECONDS == 25
    assert (conf.task_serializer, conf.result_serializer, list(conf.accept_content)) == ("json", "json", ["json"])
    assert conf.broker_connection_retry_on_startup
    assert not conf.task_create_missing_queues
    assert conf.beat_schedule["reconcile"]["schedule"] == settings.reconcile_seconds
    assert conf.beat_schedule["canary"]["schedule"] == settings.canary_seconds


@pytest.mark.slow
@pytest.mark.faults
def test_services_are_shared_and_a_killed_worker_is_started_again_and_leaves_no_children(settings):
    with embedded_services(settings) as services:
        worker = services.worker
        assert worker is not None
        with embedded_services(settings) as inner:
            assert (inner.worker, inner.broker.child) == (None, None)
        assert worker_running(settings)
        assert "lib_lightgbm" not in Path(f"/proc/{worker.pid}/maps").read_text(encoding="utf-8")
        assert len(group_of(worker.pid)) > settings.worker_concurrency

        os.kill(worker.pid, signal.SIGKILL)
        worker.popen.wait()

        assert eventually(lambda: not group_of(worker.pid))
        assert services.ensure() == ["worker"]
        assert eventually(lambda: bool(workers_answering(settings)))
        again = services.worker
    assert again is not None
    assert not group_of(again.pid)
    assert not worker_running(settings)


@pytest.mark.slow
def test_a_worker_does_the_canarys_task_and_logs_in_the_form_asked_for(settings):
    asked = settings.model_copy(update={"canary_seconds": 1, "log_format": "json"})

    with embedded_services(Settings(**asked.model_dump(exclude_unset=True))) as services:
        assert services.worker is not None
        assert eventually(lambda: heard_ago(settings) is not None)
        assert heard_ago(settings) < MOST_MISSED
        log = services.worker.log

    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    assert any("bankseg.canary" in line["event"] for line in lines)


@pytest.mark.slow
@pytest.mark.faults
def test_a_command_killed_outright_leaves_no_worker(tmp_path):
    script = "import sys, time; from pathlib import Path; from bankseg.settings import Settings; from bankseg.embedded.supervise import embedded_services\n"
    script += "with embedded_services(Settings(home=Path(sys.argv[1]))) as services: print(services.worker.pid, flush=True); time.sleep(120)"
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert group_of(pid)

    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert eventually(lambda: not group_of(pid), within_seconds=120)

"""The services that tests stand on."""

from pathlib import Path

import psycopg
import pytest

from bankseg.embedded.broker import client
from tests.postgres import Server, running_server


def test_a_fresh_database_is_empty_and_its_own(fresh_postgres_url, postgres_url):
    with psycopg.connect(fresh_postgres_url.replace("+psycopg", "")) as connection:
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()

    assert tables == (0,)
    assert fresh_postgres_url != postgres_url


def test_the_server_is_not_run_by_root(postgres_server: Server):
    if postgres_server.process is None:
        pytest.skip("a given server runs as whoever started it")
    status = Path(f"/proc/{postgres_server.process.pid}/status").read_text(encoding="utf-8")
    uid = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1]

    assert uid != "0"


@pytest.mark.slow
def test_the_wheel_of_postgresql_starts_where_no_initdb_is_on_path(monkeypatch, tmp_path):
    monkeypatch.delenv("BANKSEG_TEST_POSTGRES_URL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("tests.postgres.SYSTEM_SERVERS", tmp_path)

    with running_server() as server, psycopg.connect(server.url.replace("+psycopg", "")) as connection:
        version = connection.execute("show server_version_num").fetchone()

    assert version is not None
    assert int(version[0]) >= 150000


def test_the_broker_keeps_what_it_is_given(broker_url):
    with client(broker_url) as broker:
        policy = broker.config_get("maxmemory-policy", "appendonly", "appendfsync")

    assert policy == {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "everysec"}

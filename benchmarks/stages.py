"""Stages of a run beside the plain thing each is made of, one after the other in the same process of its own: one fit, scores, reasons, bulk load, exports, rings.

python benchmarks/stages.py [--clients N] [--json] [STAGE ...]

Every stage runs in a fresh process, so that its peak memory is its own. Ratios above one say how much more we take than the plain thing: LightGBM's own fit and
prediction on a ready matrix, its own TreeSHAP, a bare insert of the same rows into a table without keys, pandas' CSV, and a plain push and pop on the same broker.
"""

import csv
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa

REPEATS = 3
ROUNDS = 100
RINGS = 200
LISTED = 10_000
STAGES = ("training", "scoring", "reasons", "publish_sqlite", "publish_postgresql", "export_csv", "export_parquet", "rings")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Medians of the seconds on the clock and of the processor of repeated calls."""
    wall, cpu = [], []
    for _ in range(REPEATS):
        started, used = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    return statistics.median(wall), statistics.median(cpu)


def compared(ours: Callable[[], object], theirs: Callable[[], object], rows: int) -> dict[str, Any]:
    """One stage's line of the table."""
    baseline, _ = timed(theirs)
    seconds, cpu = timed(ours)
    return {"rows": rows, "seconds": seconds, "cpu_seconds": cpu, "baseline_seconds": baseline, "ratio": seconds / baseline}


def training(clients: int) -> dict[str, Any]:
    """One fit of our booster, and LightGBM's own of as many trees with the same parameters."""
    import lightgbm

    from bankseg.propensity.booster import Matrix, fit, parameters

    rng = np.random.default_rng(1)
    x = rng.normal(size=(clients, 80)).astype(np.float32)
    y = (rng.random(clients) < 1 / (1 + np.exp(3 - x[:, :5].sum(axis=1)))).astype(np.int8)
    settings = parameters(clients, 80, int(y.sum()), seed=1, threads=2)
    plain = {name: value for name, value in settings.items() if name not in {"deterministic", "force_row_wise", "force_col_wise"}}
    return compared(
        lambda: fit(Matrix(x, y, ()), settings, ROUNDS),
        lambda: lightgbm.train(plain, lightgbm.Dataset(x, y, params=plain), num_boost_round=ROUNDS),
        clients,
    )


def scoring(clients: int) -> dict[str, Any]:
    """Calibrated propensities from a snapshot, and LightGBM's prediction of a ready matrix."""
    import lightgbm
    from reasons import book, model

    rng = np.random.default_rng(1)
    propensity, encoding, text = model(rng)
    table = book(rng, encoding, clients)
    booster, ready = lightgbm.Booster(model_str=text), encoding.matrix(table)
    return compared(lambda: propensity.predict(table), lambda: booster.predict(ready, num_threads=1), clients)


def reasons(clients: int) -> dict[str, Any]:
    """Exact reasons of the listed, and LightGBM's own TreeSHAP."""
    import lightgbm
    from reasons import book, model

    rng = np.random.default_rng(1)
    propensity, encoding, text = model(rng)
    listed = book(rng, encoding, min(clients, LISTED))
    booster, ready = lightgbm.Booster(model_str=text), encoding.matrix(listed)
    return compared(lambda: propensity.reasons(listed), lambda: booster.predict(ready, pred_contrib=True, num_threads=1), listed.num_rows)


def published(clients: int) -> pa.Table:
    """Rows as a run publishes them."""
    rng = np.random.default_rng(1)
    texts = {
        "name": "Client of a benchmark",
        "kind": "individual",
        "status": "active",
        "tier": "gold",
        "tier_reason": "",
        "churn_band": "low",
        "segment": "grow",
    }
    filled = {name: pa.array([text] * clients) for name, text in {**texts, "segment_reason": "", "action": "", "currency": "EUR", "risk_band": "low"}.items()}
    lists = {name: pa.array(["[]"] * clients) for name in ("churn_reasons", "best_reasons", "risk_triggers")}
    money = {name: pa.array(rng.integers(0, 10**7, clients)) for name in ("balance_minor", "debt_minor", "value_12m_minor", "clv_minor", "expected_loss_minor")}
    flags = {name: pa.array(np.zeros(clients, bool)) for name in ("value_is_approximate", "is_high_risk", "is_vulnerable")}
    return pa.table(
        {
            "run_id": pa.array(np.ones(clients, np.int32)), "client_id": pa.array([f"C{place:09d}" for place in range(clients)]),
            "rm_id": pa.array([f"rm{place % 200}" for place in range(clients)]), "churn": pa.array(rng.random(clients)), **filled, **lists, **money, **flags,
            "consent_purposes": pa.array(["profiling"] * clients), "propensities": pa.array(['{"cross_sell:savings": 0.0123}'] * clients),
        }
    )  # fmt: skip


def publish_sqlite(clients: int) -> dict[str, Any]:
    """The store's bulk load with its keys and indexes, and a bare insert of the same rows into a table without any."""
    from bankseg.settings import Settings
    from bankseg.storage import bulk, schema
    from bankseg.storage.database import make_engine

    rows = published(clients)
    with tempfile.TemporaryDirectory(prefix="bankseg-stage-") as folder:
        engine = make_engine(Settings(home=Path(folder)).store)
        schema.upgrade(engine)

        def ours() -> None:
            with engine.begin() as connection:
                connection.exec_driver_sql("DELETE FROM published_client")
            bulk.append(engine, "published_client", rows)

        def theirs() -> None:
            with sqlite3.connect(":memory:") as connection:
                connection.execute(f"CREATE TABLE plain ({', '.join(rows.column_names)})")
                values = zip(*(column.to_pylist() for column in rows.columns), strict=True)
                connection.executemany(f"INSERT INTO plain VALUES ({', '.join('?' * rows.num_columns)})", values)

        return compared(ours, theirs, clients)


def publish_postgresql(clients: int) -> dict[str, Any]:
    """The store's bulk load with its keys and indexes, and ADBC's bare ingest of the same rows."""
    import adbc_driver_postgresql.dbapi as adbc

    from bankseg.storage import bulk, schema
    from bankseg.storage.database import make_engine
    from tests.postgres import NoPostgresError, running_server

    rows = published(clients)
    try:
        with running_server() as server:
            url = server.database("bench")
            engine = make_engine(url)
            schema.upgrade(engine)

            def ours() -> None:
                with engine.begin() as connection:
                    connection.exec_driver_sql("TRUNCATE published_client")
                bulk.append(engine, "published_client", rows)

            def theirs() -> None:
                with adbc.connect(url.replace("+psycopg", "")) as connection, connection.cursor() as cursor:
                    cursor.adbc_ingest("plain", rows, mode="replace")
                    connection.commit()

            found = compared(ours, theirs, clients)
            engine.dispose()
            return found
    except NoPostgresError as error:
        return {"skipped": str(error)}


def _exported(clients: int, file_format: str) -> dict[str, Any]:
    from bankseg.delivery.columns import Column
    from bankseg.delivery.writers import Delivery

    rows = published(clients).select(["client_id", "name", "tier", "churn", "balance_minor", "currency"])
    columns = (
        Column("client_id", "client_id"),
        Column("name", "name"),
        Column("tier", "tier"),
        Column("churn", "churn", "number"),
        Column("balance_minor", "balance", "money"),
    )
    listed = rows.to_pylist()
    with tempfile.TemporaryDirectory(prefix="bankseg-stage-") as folder:
        path = Path(folder) / "list"

        def ours() -> None:
            with Delivery(path, file_format, columns) as delivery:  # type: ignore[arg-type]  # one of the formats
                delivery.write_all(listed)

        def theirs() -> None:
            with (Path(folder) / "plain.csv").open("w", newline="") as stream:
                csv.writer(stream).writerows([row["client_id"], row["name"], row["tier"], row["churn"], row["balance_minor"] / 100] for row in listed)

        return compared(ours, theirs, clients)


def export_csv(clients: int) -> dict[str, Any]:
    """A list as CSV, exact amounts and harmless texts, and Python's plain csv writer."""
    return _exported(clients, "csv")


def export_parquet(clients: int) -> dict[str, Any]:
    """A list as Parquet, beside the same plain csv writer."""
    return _exported(clients, "parquet")


def rings(_: int) -> dict[str, Any]:
    """From a ring to a task begun and done by a worker of one process, and a plain push and pop of as many messages on the same broker."""
    from bankseg.domain.errors import ServiceUnavailableError
    from bankseg.embedded.broker import client, start_broker
    from bankseg.queue import CANARY, QUEUE_NAME, _sender
    from bankseg.services.canary import KEY
    from bankseg.settings import Settings

    with tempfile.TemporaryDirectory(prefix="bankseg-stage-") as folder:
        settings = Settings(home=Path(folder))
        try:
            broker = start_broker(settings)
        except ServiceUnavailableError as error:
            return {"skipped": str(error)}
        environment = {**os.environ, "BANKSEG_HOME": folder, "BANKSEG_BROKER_URL": broker.url}
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "workers.app", "worker", "-P", "prefork", "-c", "1", "-l", "ERROR", "-Q", QUEUE_NAME],
            env=environment, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            with broker, client(broker.url) as link:

                def ours() -> None:
                    link.delete(KEY)
                    with _sender(Settings(home=Path(folder), broker_url=broker.url)) as (app, connection):
                        for _ in range(RINGS):
                            app.send_task(CANARY, queue=QUEUE_NAME, connection=connection, retry=False)
                    while link.llen(QUEUE_NAME) or link.get(KEY) is None:
                        time.sleep(0.002)

                def theirs() -> None:
                    for _ in range(RINGS):
                        link.lpush("plain", b"1")
                    for _ in range(RINGS):
                        link.brpop("plain")

                ours()  # the worker is up when the first of them is answered
                found = compared(ours, theirs, RINGS)
                worker.terminate()
                worker.wait(60)
                return found
        finally:
            worker.kill()


def peak_gb() -> float:
    """Peak of this process's own memory."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1e6


def measured(stage: str, clients: int) -> dict[str, Any]:
    """One stage in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--clients", str(clients), "--here", stage], check=False, capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(f"{stage} failed: {done.stderr.strip()[-800:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@click.command()
@click.argument("stages", nargs=-1, type=click.Choice(STAGES))
@click.option("--clients", default=200_000, show_default=True, type=click.IntRange(min=1_000))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--here", is_flag=True, hidden=True)
def main(stages: tuple[str, ...], clients: int, *, as_json: bool, here: bool) -> None:
    """Measure and print."""
    if here:
        sys.path.insert(0, str(Path(__file__).parents[1]))
        found = globals()[stages[0]](clients)
        print(json.dumps({"stage": stages[0], **found, "peak_gb": round(peak_gb(), 2)}))
        return
    table = []
    for stage in stages or STAGES:
        table.append(line := measured(stage, clients))
        if not as_json:
            print(in_words(line), flush=True)
    if as_json:
        print(json.dumps(table))


def in_words(line: dict[str, Any]) -> str:
    """One line of the table for a person."""
    if "skipped" in line:
        return f"{line['stage']:<20} not measured: {line['skipped']}"
    return (
        f"{line['stage']:<20} {line['rows']:>9,} rows  {line['seconds']:8.3f} s  {line['cpu_seconds']:8.3f} s of CPU  {line['peak_gb']:5.2f} GB  "
        f"baseline {line['baseline_seconds']:8.3f} s  ratio {line['ratio']:6.2f}"
    )


if __name__ == "__main__":
    main()

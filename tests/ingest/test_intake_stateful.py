"""Intake against a dictionary: files that are new, repeated, renamed, overlapping, correcting or cut off by a crash, in any order."""

import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.ingest.intake import ACCOUNT_ROWS, CLIENT_ROWS, FileReport, report_of, small_bank

FIRST_EXTRACT = date(2024, 6, 30)
ROWS = st.dictionaries(st.sampled_from([f"T{number}" for number in range(8)]), st.integers(-99_999, 99_999), min_size=1, max_size=5)


class IntakeMachine(RuleBasedStateMachine):
    """One small bank; `known` is what the lake must hold now, in minor units by key."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="bankseg-intake-"))
        self.bank = small_bank(self.folder, buckets=2)
        self.known: dict[str, int] = {}
        self.sent: list[str] = []
        self.contents: set[str] = set()
        self.extract_on = FIRST_EXTRACT

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize()
    def owners(self) -> None:
        self.bank.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx_0.csv": _content({"T0": 100})})
        self.load("tx_0.csv")
        self.known, self.sent, self.contents = {"T0": 100}, ["tx_0.csv"], {_content({"T0": 100})}

    @rule(rows=ROWS)
    def send(self, rows: dict[str, int]) -> None:
        """Some keys are new, some repeat what is known, some correct it."""
        name, content = f"tx_{len(self.sent)}.csv", _content(rows)
        is_known = content in self.contents
        self.bank.write({name: content})
        line = self.load(name)

        changed = {key for key, amount in rows.items() if self.known.get(key) != amount}
        if is_known:
            assert line.state == "already_loaded"
        else:
            assert (line.read, line.accepted, line.duplicates, line.quarantined) == (len(rows), len(changed), len(rows) - len(changed), 0)
            self.known |= rows
        self.sent.append(name)
        self.contents.add(content)

    @rule(again=st.integers(0, 5))
    def send_under_another_name(self, again: int) -> None:
        old, new = self.sent[again % len(self.sent)], f"tx_{len(self.sent)}.csv"
        shutil.copyfile(self.bank.folder / old, self.bank.folder / new)
        assert self.load(new).state == "already_loaded"
        self.sent.append(new)

    @rule(rows=ROWS, broken=st.sampled_from(["X1,A9,2024-05-01,1", "X2,A1,31/12/2024,1", "X3,A1", "X4,A1,2024-05-01,many"]))
    def send_with_a_broken_row(self, rows: dict[str, int], broken: str) -> None:
        name, content = f"tx_{len(self.sent)}.csv", _content(rows) + broken + "\n"
        is_known = content in self.contents
        self.bank.write({name: content})
        line = self.load(name)
        if not is_known:
            assert (line.read, line.quarantined) == (len(rows) + 1, 1)
            self.known |= rows
        self.sent.append(name)
        self.contents.add(content)

    @rule()
    def load_all_again(self) -> None:
        assert {line.state for line in self.bank.load(extract_on=self.extract_on).files} == {"already_loaded"}

    @invariant()
    def lake_is_the_dictionary(self) -> None:
        if self.sent:
            found = self.bank.rows("transactions", "transaction_id, amount_minor", where="recorded_until IS NULL")
            assert found == sorted(self.known.items())

    def load(self, name: str) -> FileReport:
        """Load the folder as of a later day each time, and the line of one file."""
        self.extract_on += timedelta(days=1)
        line = report_of(self.bank.load(extract_on=self.extract_on), name)
        assert line.read == line.accepted + line.quarantined + line.duplicates + line.filtered
        return line


def _content(rows: dict[str, int]) -> str:
    return "id,account,day,amount\n" + "".join(f"{key},A1,2024-05-01,{amount / 100:.2f}\n" for key, amount in sorted(rows.items()))


@pytest.mark.slow
def test_whatever_is_sent_the_lake_holds_the_latest_of_each_key_once() -> None:
    run_state_machine_as_test(
        IntakeMachine,
        settings=settings(max_examples=5, stateful_step_count=7, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)),
    )

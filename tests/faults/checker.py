"""Reads a history and says what was broken: every invariant is a function of its lines alone, so that a false history proves that it looks."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from tests.faults.history import Line

FINAL_RUN_STATES = {"published", "failed", "quarantined"}
ONCE_A_SUBJECT = {"run_started", "run_published", "list_drafted", "list_frozen", "list_released"}
MOST_UNFINISHED_SECONDS = 24 * 3600
Check = Callable[[list[Line]], Iterator[str]]


def violations(lines: list[Line]) -> list[str]:
    """Every broken invariant of a whole history, bank by bank; empty when all hold."""
    found: list[str] = []
    for bank in sorted({line["bank"] for line in lines if "bank" in line}):
        of_bank = [line for line in lines if line.get("bank") == bank]
        if not any(line["kind"] == "final" for line in of_bank):
            found.append(f"{bank}: nobody took a last look, so nothing is proved of it")
            continue
        found += [f"{bank}: {check.__name__}: {broken}" for check in CHECKS for broken in check(of_bank)]
    return found


def nothing_acknowledged_is_lost(lines: list[Line]) -> Iterator[str]:
    """Whatever came back whole is in the store, the lake or the folder at the end."""
    final = final_facts(lines)
    runs, batches = {row["id"] for row in final["runs"]}, {(row["table"], row["sha256"]) for row in final["batches"] if row["state"] == "loaded"}
    lists, files, backups = {row["id"]: row for row in final["lists"]}, final["exports"], final["backups"]
    for line in lines:
        match line:
            case {"kind": "ack", "what": "run", "run_id": run_id} if run_id not in runs:
                yield f"run {run_id} is gone"
            case {"kind": "ack", "what": "import", "table": table, "sha256": sha256} if (table, sha256) not in batches:
                yield f"import of {sha256[:8]} into {table} is gone"
            case {"kind": "ack", "what": "draft" | "release", "list_id": list_id} if list_id not in lists:
                yield f"list {list_id} is gone"
            case {"kind": "ack", "what": "list", "list_id": list_id, "manifest": manifest} if lists.get(list_id, {}).get("manifest_sha256") != manifest:
                yield f"list {list_id} is not the one that was frozen"
            case {"kind": "ack", "what": "list", "list_id": list_id} if lists[list_id]["files_sha256"] != lists[list_id]["recorded_sha256"]:
                yield f"the files of list {list_id} are not those that were frozen"
            case {"kind": "ack", "what": "export", "path": path, "sha256": sha256} if files.get(path) != sha256:
                yield f"export {path} is not the one that was written"
            case {"kind": "ack", "what": "backup", "folder": folder} if backups.get(folder) != "whole":
                yield f"backup {folder} is {backups.get(folder, 'gone')}"


def no_reader_saw_half_a_run(lines: list[Line]) -> Iterator[str]:
    """Every read saw one published run with all its rows, the same rows each time, and never an earlier run after a later one."""
    seen: dict[tuple[int, int], str] = {}
    latest, most_sizes = 0, 1 + len(final_facts(lines)["erasures"])  # each erasure leaves a run a row less
    for line in lines:
        if line["kind"] != "read" or line.get("run_id") is None:
            continue
        run_id = line["run_id"]
        if line["state"] != "published" or line["clients"] != line["n_rows"]:
            yield f"run {run_id} was shown {line['state']} with {line['clients']} of {line['n_rows']} rows"
        if seen.setdefault((run_id, line["n_rows"]), line["digest"]) != line["digest"] or sum(seen_id == run_id for seen_id, _ in seen) > most_sizes:
            yield f"run {run_id} was shown with different rows"
        if run_id < latest:
            yield f"run {run_id} was shown after run {latest}"
        latest = max(latest, run_id)


def each_effect_happened_once(lines: list[Line]) -> Iterator[str]:
    """One audit entry for each change of state, one row for each movement, one batch for each file and table."""
    final = final_facts(lines)
    counted = Counter((action, subject) for action, subject in final["audit"] if action in ONCE_A_SUBJECT)
    for (action, subject), times in counted.items():
        if times > 1:
            yield f"{action} {subject} {times} times"
    published = {f"run {row['id']}" for row in final["runs"] if row["state"] == "published"}
    if published != {subject for action, subject in final["audit"] if action == "run_published"}:
        yield "published runs and their audit entries differ"
    for table, counts in final["lake"].items():
        if counts["rows"] != counts["keys"]:
            yield f"{table} holds {counts['rows']} rows of {counts['keys']} keys"
    for key, times in Counter((row["table"], row["sha256"]) for row in final["batches"]).items():
        if times > 1:
            yield f"{times} batches of {key}"


def files_and_lake_balance(lines: list[Line]) -> Iterator[str]:
    """Read = accepted + quarantined + duplicates + filtered, and the lake holds what was accepted."""
    final, accepted = final_facts(lines), Counter[str]()
    for row in final["batches"]:
        if row["state"] == "loaded" and row["read"] != row["accepted"] + row["quarantined"] + row["duplicates"] + row["filtered"]:
            yield f"{row['file_name']} does not balance"
        accepted[row["table"]] += row["accepted"] if row["state"] == "loaded" else 0
    for table, counts in final["lake"].items():
        if counts["rows"] > accepted[table] or (counts["rows"] < accepted[table] and not final["traces"]):
            yield f"{table}: {counts['rows']} rows where {accepted[table]} were accepted"


def every_run_and_job_ended(lines: list[Line]) -> Iterator[str]:
    """Published, failed or quarantined, with a reason when it is not published; no lease outlives its job."""
    final = final_facts(lines)
    for row in final["runs"]:
        if row["state"] not in FINAL_RUN_STATES:
            yield f"run {row['id']} is {row['state']}"
        elif row["state"] != "published" and not row["error"]:
            yield f"run {row['id']} is {row['state']} without a reason"
    for row in final["jobs"]:
        if row["state"] == "running":
            yield f"job {row['key']} is running, its lease {row['lease_left']:.0f} s from its end"
        if row["state"] in {"failed", "quarantined"} and not row["error"]:
            yield f"job {row['key']} is {row['state']} without a reason"


def no_job_was_tried_too_often(lines: list[Line]) -> Iterator[str]:
    """Attempts <= max, at the end and whenever somebody looked."""
    for line in lines:
        for row in line.get("jobs", ()) if line["kind"] in {"final", "looked"} else ():
            if row["attempt"] > row["max_attempts"]:
                yield f"job {row['key']} had {row['attempt']} attempts"


def the_erased_are_gone(lines: list[Line]) -> Iterator[str]:
    """Nothing of an erased client is in the lake, the files or the store; each erasure has one entry and no name."""
    final = final_facts(lines)
    for places in final["traces"].values():
        if places:
            yield f"an erased client is still in {', '.join(places)}"
    erased = {str(line["number"]) for line in lines if line["kind"] == "ack" and line["what"] == "erased"}
    for row in final["erasures"]:
        times = sum(subject == f"erasure:{row['id']}" and action == "client_erased" for action, subject in final["audit"])
        if (row["state"] == "erased") != (times == 1) or times > 1 or (times and row["is_named"]):
            yield f"erasure {row['id']} is {row['state']} with {times} entries"
    if missing := erased - {str(row["id"]) for row in final["erasures"] if row["state"] == "erased"}:
        yield f"erasures {sorted(missing)} are undone"


def damage_is_told_and_mended(lines: list[Line]) -> Iterator[str]:
    """Damage that was met ended in words or hurt nothing: the run that came out is the one that comes out of whole files."""
    met = {line["number"]: line for line in lines if line["kind"] == "met lake damage"}
    for line in lines:
        if line["kind"] != "fault" or not line["fault"].startswith("lake "):
            continue
        if line["number"] not in met:
            yield f"nobody looked what became of {line['number']}"
        elif met[line["number"]]["told"] == "":
            yield f"{line['number']} ended without words"
        elif not met[line["number"]]["is_equal"]:
            yield f"what {line['number']} was published with does not come out again"


def published_runs_are_whole(lines: list[Line]) -> Iterator[str]:
    """n_rows = n_expected, the rows that are kept are as many, the files have the recorded SHA-256; the pointer is at a published run."""
    final = final_facts(lines)
    for row in final["runs"]:
        if row["state"] != "published":
            continue
        if row["n_rows"] != row["n_expected"] or row["kept_rows"] not in {0, row["n_rows"]}:
            yield f"run {row['id']}: {row['kept_rows']} kept, {row['n_rows']} said, {row['n_expected']} expected"
        if row["result_sha256"] != row["files_sha256"]:
            yield f"run {row['id']}: its files are not those it recorded"
    shown = [row for row in final["runs"] if row["id"] == final["current"]]
    if final["current"] is not None and (not shown or shown[0]["state"] != "published" or shown[0]["kept_rows"] != shown[0]["n_rows"]):
        yield f"the pointer is at run {final['current']}"
    if any(row["state"] != "published" and row["kept_rows"] for row in final["runs"] if row["state"] != "running" and not row["error"]):
        yield "rows of a run that was never published are kept"


def the_audit_chain_verifies(lines: list[Line]) -> Iterator[str]:
    """No entry was changed, lost or put in."""
    broken = final_facts(lines)["broken_audit"]
    if broken is not None:
        yield f"entry {broken}"


def nothing_unfinished_is_left(lines: list[Line]) -> Iterator[str]:
    """No draft on the disk is older than a draft may be."""
    for path, age in final_facts(lines)["unfinished"].items():
        if age > MOST_UNFINISHED_SECONDS:
            yield f"{path} is {age / 3600:.0f} h old"


def the_bank_recovered_from_every_fault(lines: list[Line]) -> Iterator[str]:
    """After each fault somebody saw the work go on."""
    injected = {line["number"] for line in lines if line["kind"] == "fault"}
    recovered = {line["number"] for line in lines if line["kind"] == "recovered"}
    for number in sorted(injected - recovered):
        yield f"fault {number} was not recovered from"


CHECKS: tuple[Check, ...] = (
    nothing_acknowledged_is_lost, no_reader_saw_half_a_run, each_effect_happened_once, files_and_lake_balance, every_run_and_job_ended,
    no_job_was_tried_too_often, the_erased_are_gone, damage_is_told_and_mended, published_runs_are_whole, the_audit_chain_verifies, nothing_unfinished_is_left, the_bank_recovered_from_every_fault,
)  # fmt: skip


def final_facts(lines: list[Line]) -> dict[str, Any]:
    """The last look at the bank."""
    return next(line for line in reversed(lines) if line["kind"] == "final")

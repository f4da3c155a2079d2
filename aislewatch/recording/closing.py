"""The end of an execution: what ran, what was cached, whether all is done, and by which keys."""

import json
import time
from pathlib import Path
from typing import Any

from aislewatch.recording.comparing import show_for_comparison
from aislewatch.recording.origin import MadeBy
from aislewatch.recording.replay import Replay
from aislewatch.recording.store import set_tags
from aislewatch.tracking.provenance import (
    LOCK,
    PARAMS,
    footage_digest,
    is_current,
    lock_digest,
    lock_entries,
    locked_facts,
    output_hashes,
    planned_stages,
    read_params,
    stage_key,
)
from aislewatch.tracking.state import CHANGES, PARENT, PROVENANCE


def close_parent(replay: Replay, finish_file: Path) -> str:
    """Tag every run of the execution with its keys, point to cached runs, end the parent.

    Returns:
        The parent's MLflow status.
    """
    lock = replay.folder / LOCK
    plans, entries = planned_stages(), lock_entries(lock)
    ends = _end_open_runs(replay)
    keys = _keys(replay, entries)
    shared = {"dvc_lock": lock_digest(lock), "data": footage_digest(entries)}
    for run, run_id in replay.runs.items():
        if run != PARENT:
            set_tags(replay.client, run_id, shared | _stage_tags(run, keys, entries))
    values = read_params(replay.folder / PARAMS)
    cached = [
        address
        for address, plan in plans.items()
        if address not in ends and is_current(plan, entries, values)
    ]
    pointers = {}
    made_by = MadeBy(replay.client, replay.experiment, replay.parent_id, lock)
    for address in cached:
        keys[address] = stage_key(locked_facts(entries[address]))
        pointers[f"cached.{address}"] = made_by.stage(address)
    finish = json.loads(finish_file.read_text()) if finish_file.exists() else None
    status, reason = _verdict(finish, ends, _expected(replay.facts["command"], list(plans)), cached)
    own = {"stage_key": stage_key(keys), "outcome": reason}
    set_tags(replay.client, replay.parent_id, shared | pointers | own)
    made = {address: pointers[f"cached.{address}"] for address in cached}
    show_for_comparison(replay, made, entries)
    _keep_state(replay)
    replay.client.set_terminated(replay.parent_id, status, int(time.time() * 1000))
    return status


def _keep_state(replay: Replay) -> None:
    """Store what `aislewatch checkout` needs: the lock it left, parameters, uncommitted code.

    Here, because while a stage runs its own entry is not yet in dvc.lock.
    """
    for name in (LOCK, PARAMS, CHANGES):
        file = replay.folder / name
        if file.exists():
            replay.client.log_artifact(replay.parent_id, str(file), PROVENANCE)


def _keys(replay: Replay, entries: dict[str, Any]) -> dict[str, str]:
    """Key of each stage that began; dvc.lock's word counts once it is about the same work."""
    keys = {}
    for journal, records in replay.journals().items():
        address = journal.split(".")[0]
        facts: dict[str, Any] = next((r["values"] for r in records if r["kind"] == "facts"), {})
        if address in entries:
            locked = locked_facts(entries[address])
            if (locked["cmd"], locked["params"]) == (facts.get("cmd"), facts.get("params")):
                facts = locked
        keys[address] = stage_key(facts)
    return keys


def _end_open_runs(replay: Replay) -> dict[str, str]:
    """Last status of each stage that began; what a kill left open is ended as KILLED in MLflow."""
    last: dict[str, str] = {}
    for journal, records in replay.journals().items():
        open_runs: dict[str, float] = {}
        address = journal.split(".")[0]
        for record in records:
            if record["kind"] == "start":
                open_runs[record["run"]] = record["time"]
            elif record["kind"] == "end":
                open_runs.pop(record["run"], None)
                if record["run"] == "":
                    last[address] = record["status"]
        if "" in open_runs:
            last[address] = "KILLED"
        when = int(max(record["time"] for record in records) * 1000)
        for run in open_runs:
            replay.client.set_terminated(replay.runs[f"{journal}|{run}"], "KILLED", when)
    return last


def _verdict(
    finish: dict[str, Any] | None, ends: dict[str, str], expected: list[str], cached: list[str]
) -> tuple[str, str]:
    failed = sorted(address for address, status in ends.items() if status == "FAILED")
    if failed:
        return "FAILED", f"failed: {', '.join(failed)}"
    killed = sorted(address for address, status in ends.items() if status == "KILLED")
    if killed:
        return "KILLED", f"process died during: {', '.join(killed)}"
    if finish is not None and finish["failed"]:
        return "FAILED", "the flow failed outside its stages"
    done = {address for address, status in ends.items() if status == "FINISHED"} | set(cached)
    missing = [address for address in expected if address not in done]
    if missing:
        return "KILLED", f"process died before: {', '.join(missing)}"
    return "FINISHED", f"{len(ends)} stage(s) ran, {len(cached)} cached"


def _expected(command: list[str], addresses: list[str]) -> list[str]:
    """Stages the command was asked for: those its words name, else all of them."""
    words = set(command[1:])
    named = [a for a in addresses if a in words or a.split("@")[0] in words]
    return named or addresses


def _stage_tags(run: str, keys: dict[str, str], entries: dict[str, Any]) -> dict[str, str]:
    address = run.split(".")[0]
    tags = {"stage_key": keys[address]}
    if run.endswith("|"):
        for path, digest in output_hashes(entries.get(address, {})).items():
            tags[f"dvc.{path}"] = digest
    return tags

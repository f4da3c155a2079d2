"""Closes an execution: runs get their keys, cached stages are pointed to, the parent ends."""

import json
import time
from typing import Any

from aislewatch.recording.client import set_tags
from aislewatch.recording.comparing import show_for_comparison
from aislewatch.recording.judging import FINISHED, KILLED, ORPHANED, ExecutionFacts, verdict
from aislewatch.recording.origin import MadeBy
from aislewatch.recording.plan import read_plan
from aislewatch.recording.replay import Replay, git_tags
from aislewatch.tracking.filenames import BEGINNING, CHANGES, FINISH, HASHES, PARENT, PROVENANCE
from aislewatch.tracking.journal import address_of, journal_files
from aislewatch.tracking.provenance import (
    LOCK,
    PARAMS,
    footage_digest,
    lock_digest,
    lock_entries,
    locked_facts,
    output_hashes,
    stage_key,
)


def close_parent(replay: Replay) -> str:
    """Tag every run of the execution with its keys, point to cached runs, end the parent.

    Returns:
        The parent's MLflow status.
    """
    seen = _evidence(replay)
    lock = replay.folder / LOCK
    keys = {address: _key(seen, address) for address in seen.ends}
    shared = {"dvc_lock": lock_digest(lock), "data": footage_digest(dict(seen.after))}
    for run, run_id in replay.runs.items():
        if run != PARENT:
            set_tags(replay.client, run_id, shared | _stage_tags(run, keys, seen))
    made_by = MadeBy(
        replay.client, replay.experiment, replay.parent_id, git_tags(replay.facts), lock
    )
    cached = [address for address in seen.cached() if address in seen.after]
    made = {address: made_by.stage(address) for address in cached}
    keys |= {address: stage_key(locked_facts(seen.after[address])) for address in cached}
    pointers = {f"cached.{address}": run_id for address, run_id in made.items()}
    status, reason = verdict(seen)
    own = {"stage_key": stage_key(keys), "outcome": reason}
    set_tags(replay.client, replay.parent_id, shared | pointers | own)
    show_for_comparison(replay, made, seen.after)
    _keep_state(replay)
    replay.client.set_terminated(replay.parent_id, status, int(time.time() * 1000))
    return status


def _evidence(replay: Replay) -> ExecutionFacts:
    folder, ends = replay.folder, _end_open_runs(replay)
    hashes, finish = folder / HASHES, folder / FINISH
    return ExecutionFacts(
        plans=read_plan(folder),
        hashes=json.loads(hashes.read_text()) if hashes.exists() else {},
        before=lock_entries(folder / BEGINNING / LOCK),
        after=lock_entries(folder / LOCK),
        ends=ends,
        not_taken_over=_not_taken_over(replay, ends),
        kind=replay.facts.get("kind", "dvc"),
        command=replay.facts["command"],
        finish=json.loads(finish.read_text()) if finish.exists() else None,
    )


def _not_taken_over(replay: Replay, ends: dict[str, str]) -> list[str]:
    """Find the stages that ended well after dvc.lock was written last, which DVC does for each.

    The times are those of files of one file system, so no two clocks are compared.
    """
    lock = replay.folder / LOCK
    written = lock.stat().st_mtime_ns if lock.exists() else 0
    files = journal_files(replay.folder)
    ended = {address_of(file.name): file.stat().st_mtime_ns for file in files}
    return [name for name, end in ends.items() if end == FINISHED and ended[name] > written]


def _keep_state(replay: Replay) -> None:
    """Store what `aislewatch checkout` needs: the lock it left, parameters, uncommitted code.

    Here, because while a stage runs its own entry is not yet in dvc.lock.
    """
    for name in (LOCK, PARAMS, CHANGES):
        file = replay.folder / name
        if file.exists():
            replay.client.log_artifact(replay.parent_id, str(file), PROVENANCE)


def _key(seen: ExecutionFacts, address: str) -> str:
    """Return the key of a stage that began; dvc.lock's if it is about the same work."""
    facts = seen.facts(address, seen.after)
    if address in seen.after and seen.ends[address] == FINISHED:
        locked = locked_facts(seen.after[address])
        if not facts or (locked["cmd"], locked["params"]) == (facts["cmd"], facts["params"]):
            facts = locked
    return stage_key(facts)


def _end_open_runs(replay: Replay) -> dict[str, str]:
    """Return how each stage that began ended last; what a kill left open is ended as KILLED."""
    last: dict[str, str] = {}
    for journal, records in replay.journals().items():
        ends = {record["run"]: record for record in records if record["kind"] == "end"}
        last[address_of(journal)] = _end(ends.get(""))
        when = int(max(record["time"] for record in records) * 1000)
        for run, run_id in replay.runs.items():
            of, _, path = run.partition("|")
            if of == journal and path not in ends:
                replay.client.set_terminated(run_id, KILLED, when)
    return last


def _end(record: dict[str, Any] | None) -> str:
    if record is None:
        return KILLED
    orphaned = record["status"] == FINISHED and record.get("orphan", False)
    return ORPHANED if orphaned else str(record["status"])


def _stage_tags(run: str, keys: dict[str, str], seen: ExecutionFacts) -> dict[str, Any]:
    journal, _, path = run.partition("|")
    address = address_of(journal)
    tags = {"stage_key": keys[address]}
    if not path and seen.ends[address] == FINISHED:
        for out, digest in output_hashes(seen.after.get(address, {})).items():
            tags[f"dvc.{out}"] = digest
    return tags

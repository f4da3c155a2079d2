"""Judges how an execution ended, by what was kept when it began and what DVC took over.

Neither the files as they are now nor dvc.lock as somebody may have checked it out decide: a stage
that ran is judged by its journal, one that did not by dvc.lock at the beginning or at the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from aislewatch.recording.plan import Plan
from aislewatch.tracking.provenance import locked_facts, made_outputs

# Of a stage: ended well; failed; its process died; ended well when its ``dvc`` was gone already.
FINISHED, FAILED, KILLED, ORPHANED = "FINISHED", "FAILED", "KILLED", "ORPHANED"


@dataclass(frozen=True)
class ExecutionFacts:
    """What is known of an execution.

    Args:
        plans: the stages of its dvc.yaml; None where DVC did not understand that.
        hashes: of what no stage makes, when it began.
        before: the stages of dvc.lock when it began.
        after: the same when it was over.
        ends: how each stage that began ended last.
        not_taken_over: stages that ended well, whose outputs DVC did not live to take over.
        kind: ``dvc``, ``flow``, or ``stage`` for one that a person started by hand.
        command: its words.
        finish: what a flow said when it was done; None where nobody did.
    """

    plans: Mapping[str, Plan] | None
    hashes: Mapping[str, str]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    ends: Mapping[str, str]
    not_taken_over: Sequence[str]
    kind: str
    command: Sequence[str]
    finish: Mapping[str, Any] | None

    def facts(self, address: str, entries: Mapping[str, Any]) -> dict[str, Any]:
        """Return what decides a stage's result, as planned, over the outputs that entries state."""
        plan = (self.plans or {}).get(address)
        if plan is None:
            return {}
        made = made_outputs(dict(entries))
        stated = locked_facts(entries[address])["deps"] if address in entries else {}
        known = dict.fromkeys(plan.deps, "unknown") | stated | dict(self.hashes) | made
        if entries.get(address) == self.before.get(address):
            known |= dict.fromkeys(self._parts_changed(plan, made), "unknown")
        deps = {dep: known[dep] for dep in plan.deps}
        return {"cmd": plan.cmd, "deps": deps, "params": plan.params}

    def _parts_changed(self, plan: Plan, made: Mapping[str, str]) -> list[str]:
        """Find dependencies that hold outputs, or lie in one, of which one is another than before.

        The entry of a stage that has not run since states such a folder or file as it was.
        """
        before = made_outputs(dict(self.before))
        changed = {out for out in made.keys() | before if made.get(out) != before.get(out)}
        changed -= set(plan.deps)
        return [dep for dep in plan.deps if any(_overlap(dep, out) for out in changed)]

    def is_current(self, address: str, entries: Mapping[str, Any]) -> bool:
        """Say whether entries of a dvc.lock state a stage just as it was planned."""
        stated = entries.get(address)
        if stated is None or self.plans is None:
            return stated is not None
        return locked_facts(stated) == self.facts(address, entries)

    def cached(self) -> list[str]:
        """Find the stages that did not run because DVC had their results."""
        known = list(self.plans) if self.plans is not None else list(self.after)
        return [name for name in known if name not in self.ends and self._is_cached(name)]

    def _is_cached(self, address: str) -> bool:
        if self.is_current(address, self.after):
            return True
        before, after = self.before.get(address), self.after.get(address)
        # Taken from the run cache meanwhile; or dvc.lock was checked out, and nothing above it ran.
        restored = after is not None and after != before
        if restored or self.plans is None:
            return restored
        return self.is_current(address, self.before) and not self._above(address) & set(self.ends)

    def _above(self, address: str) -> set[str]:
        """Find all stages whose outputs a stage reads, directly or not."""
        plans, found, rest = self.plans or {}, set[str](), [address]
        while rest:
            plan = plans[rest.pop()]
            direct = {other.address for other in plans.values() if _reads(plan, other)} - found
            found |= direct
            rest += direct
        return found

    def expected(self) -> list[str]:
        """Name the stages the command was asked for: those its words name, else all of them."""
        if self.kind == "stage" or self.plans is None:
            return list(self.ends)
        asked = self.command[self.command.index("repro") + 1 :] if "repro" in self.command else []
        words = [word.rpartition("dvc.yaml:")[2] for word in asked]
        live = [address for address, plan in self.plans.items() if not plan.frozen]
        named = [
            address
            for address in live
            if any(fnmatchcase(name, word) for name in _names(address) for word in words)
        ]
        return named or live


def verdict(seen: ExecutionFacts) -> tuple[str, str]:
    """Return MLflow's status of the pipeline's run, and the reason."""
    ends = seen.ends
    failed = sorted(address for address, end in ends.items() if end == FAILED)
    if failed:
        return FAILED, f"failed: {', '.join(failed)}"
    killed = sorted(address for address, end in ends.items() if end in (KILLED, ORPHANED))
    if killed:
        return KILLED, f"process died during: {', '.join(killed)}"
    if seen.finish is not None and seen.finish.get("killed"):
        return KILLED, str(seen.finish["killed"])
    if seen.finish is not None and seen.finish["failed"]:
        return FAILED, "the flow failed outside its stages"
    if seen.finish is None and seen.kind != "stage" and seen.not_taken_over:
        lost = ", ".join(seen.not_taken_over)
        return KILLED, f"DVC died before it took over the outputs of: {lost}"
    cached = seen.cached()
    done = {address for address, end in ends.items() if end == FINISHED} | set(cached)
    missing = [address for address in seen.expected() if address not in done]
    if missing:
        return KILLED, f"process died before: {', '.join(missing)}"
    return FINISHED, f"{len(ends)} stage(s) ran, {len(cached)} cached"


def _names(address: str) -> tuple[str, str]:
    return address, address.split("@")[0]


def _reads(plan: Plan, other: Plan) -> bool:
    """Say whether a stage reads what another makes, or a part of it."""
    return any(_overlap(dep, out) for dep in plan.deps for out in other.outs)


def _overlap(dep: str, out: str) -> bool:
    """Say whether one of two paths is the other, or lies in it."""
    read, made = PurePosixPath(dep), PurePosixPath(out)
    return read.is_relative_to(made) or made.is_relative_to(read)

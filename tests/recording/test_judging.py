"""How an execution ended, from what was kept at its beginning and what DVC took over."""

from dataclasses import replace
from typing import Any

import pytest

from aislewatch.recording.judging import ExecutionFacts, verdict
from aislewatch.recording.plan import Plan

# ingest -> train@a, train@b -> report
PLANS = {
    plan.address: plan
    for plan in (
        Plan("ingest", "in", ["raw", "in.py"], {}, ["frames"], frozen=False),
        Plan("train@a", "train a", ["frames/list", "train.py"], {"lr": 1}, ["a"], frozen=False),
        Plan("train@b", "train b", ["frames/list", "train.py"], {"lr": 1}, ["b"], frozen=False),
        Plan("report", ["one", "two"], ["a", "b"], {"o.toml": {"x": 1}}, ["page"], frozen=False),
        Plan("kept", "kept", ["gone.py"], {}, ["kept"], frozen=True),
    )
}
HASHES = {"in.py": "i1", "train.py": "t1"}


def lock(**changes: str) -> dict[str, Any]:
    """A dvc.lock that states all of the plan; ``changes`` are other hashes."""
    of = dict.fromkeys(("raw", "frames", "frames/list", "a", "b", "page"), "m1") | HASHES | changes
    entries = {}
    for address in ("ingest", "train@a", "train@b", "report"):
        plan = PLANS[address]
        own = {k: v for k, v in plan.params.items() if k != "o.toml"}
        other = {k: v for k, v in plan.params.items() if k == "o.toml"}
        entries[address] = {
            "cmd": plan.cmd,
            "deps": [{"path": dep, "md5": of[dep]} for dep in plan.deps],
            "params": {"params.yaml": own, **other},
            "outs": [{"path": out, "md5": of[out]} for out in plan.outs],
        }
    return entries


ALL_CACHED = ExecutionFacts(
    plans=PLANS,
    hashes=HASHES,
    before=lock(),
    after=lock(),
    ends={},
    not_taken_over=[],
    kind="dvc",
    command=["python", "dvc", "repro"],
    finish=None,
)
TRAINED = {"train@a": "FINISHED", "train@b": "FINISHED"}


RETRAINED = lock() | {"train@a": lock(a="m2")["train@a"]}
OTHER_COMMAND = lock() | {"train@a": {"cmd": "train A"}}
REPORTED = {"report": "FINISHED"}
NOTHING: dict[str, Any] = {"before": {}, "after": {}}
LOST = {"ends": REPORTED, "not_taken_over": ["report"]}

CASES: dict[str, tuple[dict[str, Any], str]] = {
    "nothing to do": ({}, "FINISHED"),
    "everything ran": ({"ends": dict.fromkeys(lock(), "FINISHED"), "before": {}}, "FINISHED"),
    "trained and reported": ({"ends": TRAINED | REPORTED}, "FINISHED"),
    "trained to the same bytes": ({"ends": TRAINED}, "FINISHED"),
    "trained anew, died before the report": ({"ends": TRAINED, "after": RETRAINED}, "KILLED"),
    "code was newer, and nothing ran": ({"hashes": HASHES | {"train.py": "t2"}}, "KILLED"),
    "an older lock checked out": ({"after": lock(raw="m0", frames="m0")}, "FINISHED"),
    "lock removed": ({"after": {}}, "FINISHED"),
    "restored from the run cache": ({"before": OTHER_COMMAND}, "FINISHED"),
    "all of a clone restored": ({"before": {}}, "FINISHED"),
    "no stage locked yet": (NOTHING, "KILLED"),
    "ended well when dvc was gone": ({"ends": {"report": "ORPHANED"}}, "KILLED"),
    "dvc killed while it took over": (LOST, "KILLED"),
    "a flow killed while it took over": (LOST | {"kind": "flow"}, "KILLED"),
    "a flow that was done": (LOST | {"kind": "flow", "finish": {"failed": False}}, "FINISHED"),
    "a flow killed between stages": (NOTHING | {"ends": TRAINED, "kind": "flow"}, "KILLED"),
    "a flow that failed outside": ({"kind": "flow", "finish": {"failed": True}}, "FAILED"),
    "a stage by hand": (NOTHING | LOST | {"kind": "stage"}, "FINISHED"),
    "failed": ({"ends": {"report": "FAILED", "train@a": "KILLED"}}, "FAILED"),
    "a dvc.yaml that DVC refuses": ({"plans": None, "ends": TRAINED}, "FINISHED"),
}


@pytest.mark.parametrize(("changes", "status"), CASES.values(), ids=CASES)
def test_status(changes: dict[str, Any], status: str) -> None:
    found, reason = verdict(replace(ALL_CACHED, **changes))
    assert found == status, reason


# split -> learn, which reads the folder that holds the split
HALVES = {
    plan.address: plan
    for plan in (
        Plan("split", "split", ["split.py"], {}, ["set/split"], frozen=False),
        Plan("learn", "learn", ["set"], {}, ["net"], frozen=False),
    )
}


def halves(folder: str, split: str) -> dict[str, Any]:
    """A dvc.lock of both, in which learn saw ``folder``."""
    return {
        "split": {
            "cmd": "split",
            "deps": [{"path": "split.py", "md5": "s"}],
            "outs": [{"path": "set/split", "md5": split}],
        },
        "learn": {
            "cmd": "learn",
            "deps": [{"path": "set", "md5": folder}],
            "outs": [{"path": "net", "md5": "n"}],
        },
    }


@pytest.mark.parametrize(
    ("after", "status"),
    [
        pytest.param(halves("f1", "s1"), "FINISHED", id="split to the same bytes"),
        pytest.param(halves("f1", "s2"), "KILLED", id="died before it learnt from another split"),
        pytest.param(halves("f2", "s2"), "FINISHED", id="what was learnt from it was cached"),
    ],
)
def test_a_folder_of_outputs_is_no_longer_what_it_was_when_one_changed(
    after: dict[str, Any], status: str
) -> None:
    seen = ExecutionFacts(
        plans=HALVES,
        hashes={"split.py": "s"},
        before=halves("f1", "s1"),
        after=after,
        ends={"split": "FINISHED"},
        not_taken_over=[],
        kind="dvc",
        command=["python", "dvc", "repro"],
        finish=None,
    )
    assert verdict(seen)[0] == status


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["ingest", "train@a", "train@b", "report"]),
        (["train"], ["train@a", "train@b"]),
        (["-f", "train@b"], ["train@b"]),
        (["--glob", "train@*"], ["train@a", "train@b"]),
        (["dvc.yaml:report"], ["report"]),
        (["dvc.yaml"], ["ingest", "train@a", "train@b", "report"]),
    ],
)
def test_what_a_command_was_asked_for(words: list[str], expected: list[str]) -> None:
    command = ["/usr/bin/python", "/usr/bin/dvc", "repro", *words]
    assert replace(ALL_CACHED, command=command).expected() == expected

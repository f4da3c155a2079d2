"""Every valid dvc.yaml is understood as DVC does, as it was when the execution began."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aislewatch.recording.judging import ExecutionFacts
from aislewatch.recording.plan import make_plan, read_plan
from aislewatch.tracking.beginning import keep_beginning
from aislewatch.tracking.filenames import HASHES
from aislewatch.tracking.journal import address_of, journal_name, stage_run
from aislewatch.tracking.provenance import lock_entries
from tests.tiny_pipelines import dvc, make_diamond
from tests.tracked_project import recorders_of

# One of everything that DVC's documentation of dvc.yaml has and a reader of ours would miss.
EVERYTHING = """
vars:
  - more/vars.json
  - more/some.yaml:names
  - greeting: hello
stages:
  several:
    cmd:
      - mkdir -p made
      - echo ${greeting} > made/one.txt
    deps: [code]
    params:
      - a
      - more/other.toml:
          - x.y
          - z
      - more/whole.json:
    outs: [made]
  each:
    foreach: [0.5, x-y]
    do:
      cmd: echo ${item} ${deep.value} > each-${item}.txt
      deps: [made/one.txt]
      outs: ["each-${item}.txt"]
  keyed:
    foreach: ${models}
    do:
      cmd: echo ${key} ${item.lr} > keyed-${key}.txt
      params: ["models.${key}"]
      outs: ["keyed-${key}.txt"]
  crossed:
    matrix:
      name: ${names}
      k: [1, 2]
    cmd: echo ${item.name} ${item.k} > ../crossed-${key}.txt
    wdir: more
    vars: [local.yaml]
    deps: [other.toml]
    params: [local.yaml: [own]]
    outs: ["../crossed-${key}.txt"]
  still:
    cmd: echo still > still.txt
    frozen: true
    outs:
      - still.txt:
          cache: false
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_diamond(tmp_path / "a shop")
    (folder / "dvc.yaml").write_text(EVERYTHING)
    for name in ("more", "code"):
        (folder / name).mkdir()
    (folder / "code/one.py").write_text("pass\n")
    (folder / "params.yaml").write_text("a: 1\nmodels: {u: {lr: 1e-3}, v: {lr: 2}}\n")
    (folder / "more/vars.json").write_text('{"deep": {"value": 7}}')
    (folder / "more/some.yaml").write_text("names: [p, q]\nunused: 1\n")
    (folder / "more/other.toml").write_text("z = 3\n[x]\ny = 2\n")
    (folder / "more/whole.json").write_text('{"k": [1, 2], "l": {"m": 1.5}}')
    (folder / "more/local.yaml").write_text("own: 5\n")
    # A frozen stage is never made; what it would make has to be there.
    (folder / "still.txt").write_text("as it was\n")
    monkeypatch.chdir(folder)
    return folder


def evidence(folder: Path) -> ExecutionFacts:
    return ExecutionFacts(
        plans=read_plan(folder),
        hashes=json.loads((folder / "hashes.json").read_text()),
        before=lock_entries(),
        after=lock_entries(),
        ends={},
        not_taken_over=[],
        kind="dvc",
        command=["dvc", "repro"],
        finish=None,
    )


def test_every_stage_is_planned_as_dvc_locks_it(project: Path, tmp_path: Path) -> None:
    dvc(project, "repro")
    execution = tmp_path / "execution"
    execution.mkdir()
    keep_beginning(execution)
    # What is edited, or lost, from here on does not count.
    (project / "code/one.py").write_text("raise SystemExit\n")
    for name in ("dvc.yaml", "params.yaml", "more/other.toml", "more/local.yaml"):
        (project / name).unlink()
    make_plan(execution)
    seen = evidence(execution)
    assert seen.plans is not None
    assert set(seen.plans) == {*seen.after, "still"} == {
        "several", "each@0.5", "each@x-y", "keyed@u", "keyed@v", "still",
        "crossed@p-1", "crossed@p-2", "crossed@q-1", "crossed@q-2",
    }  # fmt: skip
    assert seen.cached() == [*seen.after]
    # What is frozen is never asked for.
    assert seen.expected() == [address for address in seen.after if address != "still"]
    assert seen.plans["several"].params["more/whole.json"] == {"k": [1, 2], "l": {"m": 1.5}}


def test_a_change_is_seen_whatever_file_it_is_in(project: Path, tmp_path: Path) -> None:
    dvc(project, "repro")
    changes = {
        "more/other.toml": ("z = 3\n[x]\ny = 9\n", {"several"}),
        "more/local.yaml": ("own: 6\n", crossed()),
        "more/vars.json": ('{"deep": {"value": 8}}', {"each@0.5", "each@x-y"}),
        "params.yaml": ("a: 1\nmodels: {u: {lr: 1e-3}, v: {lr: 3}}\n", {"keyed@v"}),
        "code/one.py": ("pass  # once more\n", {"several"}),
    }
    for number, (name, (content, stale)) in enumerate(changes.items()):
        before = (project / name).read_text()
        (project / name).write_text(content)
        execution = tmp_path / str(number)
        execution.mkdir()
        keep_beginning(execution)
        (project / name).write_text(before)
        make_plan(execution)
        seen = evidence(execution)
        assert set(seen.after) - set(seen.cached()) == stale, name


def crossed() -> set[str]:
    return {"crossed@p-1", "crossed@p-2", "crossed@q-1", "crossed@q-2"}


@pytest.mark.parametrize("text", [EVERYTHING, "stages: [", "stages: {a: {cmd: 1, matrix: 3}}", ""])
def test_no_dvc_yaml_crashes_a_stage(
    project: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even one that is being edited: DVC has understood it when it started the stage."""
    (project / "dvc.yaml").write_text(text)
    (project / "more/vars.json").unlink()
    # A store that nobody answers at: what is recorded is not the question here.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with stage_run("each@0.5", {}) as journal:
        journal.metrics({"x": 1.0})
    for recorder in recorders_of(project):
        recorder.kill()
    [execution] = project.glob(".aislewatch/runs/*")
    make_plan(execution)
    assert not read_plan(execution)
    assert (execution / journal_name("each@0.5", 0)).exists()


@pytest.mark.parametrize("address", ["train@0.5", "a/b@c d", "x.0.jsonl", "ü@[1]", "plain"])
def test_a_journal_says_whose_it_is(address: str) -> None:
    assert address_of(journal_name(address, 12)) == address
    assert os.sep not in journal_name(address, 0)


def test_asking_dvc_takes_no_lock_of_the_project(project: Path, tmp_path: Path) -> None:
    execution = tmp_path / "execution"
    execution.mkdir()
    keep_beginning(execution)
    holder = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "several"], stdout=subprocess.DEVNULL
    )
    make_plan(execution)
    assert holder.wait() == 0
    assert read_plan(execution) is not None


def test_a_folder_that_holds_outputs_is_not_hashed_when_an_execution_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It changes while the stages run: its hash of before would say that nothing followed."""
    monkeypatch.chdir(tmp_path)
    for file in (Path("set/split"), Path("work.py")):
        file.parent.mkdir(exist_ok=True)
        file.write_text("as it was")
    split = {"cmd": "split", "deps": [{"path": "work.py"}], "outs": [{"path": "set/split"}]}
    learn = {"cmd": "learn", "deps": [{"path": "set"}, {"path": "work.py"}]}
    Path("dvc.lock").write_text(json.dumps({"stages": {"split": split, "learn": learn}}))
    execution = tmp_path / "execution"
    execution.mkdir()
    keep_beginning(execution)
    assert list(json.loads((execution / HASHES).read_text())) == ["work.py"]

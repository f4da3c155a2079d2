"""Where a study lies: a real PostgreSQL that two commands share; addresses that are refused."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy.engine import make_url

from aislewatch.errors import TrainingError
from aislewatch.tune.best import FINISHED
from aislewatch.tune.storage import open_storage
from aislewatch.tune.worker import Work
from tests.native_stack import NativeStack, serving_postgres
from tests.tiny_clips import start_in, write_project


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a database of a real server, set up as docker/ sets it up."""
    folder = tmp_path_factory.mktemp("server")
    stack = NativeStack(folder)
    with serving_postgres(stack):
        user = f"optuna:{stack.secret('optuna_db_password')}"
        yield f"postgresql://{user}@127.0.0.1:{stack.ports['5432']}/optuna"


def test_two_commands_join_one_study_on_postgresql(tmp_path: Path, postgres: str) -> None:
    """Two clones, begun at once on an empty server; its password is in nothing they leave."""
    projects = [tmp_path / "a", tmp_path / "b"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTUNA_STORAGE", postgres)
        for project in projects:
            write_project(project, tune={"trials": 6, "epochs": 3})
        stages = [start_in(project, "stages.tune") for project in projects]
        outputs = [stage.communicate(timeout=300)[0] for stage in stages]
    assert [stage.returncode for stage in stages] == [0, 0], "\n".join(outputs)
    first, second = [(project / "data/best.json").read_bytes() for project in projects]
    assert first == second
    best = json.loads(first)
    study = optuna.load_study(study_name=f"tune-{best['study']}", storage=postgres)
    assert sum(trial.state in FINISHED for trial in study.trials) in (6, 7)
    assert [t.number for t in study.trials] == list(range(len(study.trials)))
    assert study.trials[best["trial"]].value == best["val_loss"]
    password = make_url(postgres).password
    assert password
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(password.encode() in text for text in written)
    for output in outputs:
        assert password not in output
        assert "***@127.0.0.1" in output
    assert not list(tmp_path.glob("*/.aislewatch/study-*")), "the server alone holds the study"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret@",
        "journal:///x.log",
        "secret",
        "sqlite://",
        "sqlite:////proc/secret.db",
    ],
)
def test_a_wrong_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(TrainingError) as refused:
        open_storage(url, heartbeat_s=1, grace_s=3)
    assert "OPTUNA_STORAGE" in str(refused.value)
    assert "secret@" not in str(refused.value)


def test_a_lost_machines_trial_is_failed_and_taken_again_by_the_other(
    tmp_path: Path, postgres: str
) -> None:
    """Two copies of the project; all processes of one are killed in the middle of its trial."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTUNA_STORAGE", postgres)
        lost, other = [
            write_project(tmp_path / copy, tune={"trials": 2, "epochs": 12}) for copy in "ab"
        ]
        stage = start_in(lost, "stages.tune")
        wait_for_epochs(lost / "runs/tune.0.jsonl")
        os.killpg(stage.pid, signal.SIGKILL)
        stage.communicate()
        time.sleep(Work.grace_s + 1)
        done = start_in(other, "stages.tune")
        output = done.communicate(timeout=300)[0]
    assert done.returncode == 0, output
    best = json.loads((other / "data/best.json").read_text())
    trials = optuna.load_study(study_name=f"tune-{best['study']}", storage=postgres).trials
    failed, *others = trials
    assert failed.state == TrialState.FAIL
    assert [trial.state in FINISHED for trial in others] == [True, True]
    assert failed.params in [trial.params for trial in others], "taken again, as it was drawn"


def wait_for_epochs(journal: Path, timeout_s: float = 120.0) -> None:
    """Wait until the first trial has begun to give its losses."""
    give_up = time.monotonic() + timeout_s
    while not (journal.exists() and '"metrics"' in journal.read_text()):
        assert time.monotonic() < give_up, "no trial began"
        time.sleep(0.05)

"""Old nights go with their bytes; what a registered version or a kept night needs stays."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aislewatch.errors import PipelineError, RegistryError
from aislewatch.register.stored import fetched
from aislewatch.register.versions import Registry
from flows import tidy
from flows.worktree import Worktree, begin_branch, commit_lock, open_worktree, push_branch
from tests.flows.small_shop import git, make_shop
from tests.projects import run
from tests.tiny_registry import add_version

NIGHTS = 4
# Bytes of a night's model, so that what is deleted can be told.
SIZE = 100_000


def dvc(folder: Path, *words: str) -> None:
    run(folder, sys.executable, "-m", "dvc", *words)


def bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def trained(shop: Path, number: int, registered: bool) -> tuple[Worktree, str]:
    """Train, commit and push as a retraining does, on a day of its own."""
    tree, _ = open_worktree(shop, "main")
    day = datetime.now(UTC) - timedelta(days=NIGHTS - number)
    name = begin_branch(tree, day)
    (tree.folder / "data/raw/shop").mkdir(parents=True, exist_ok=True)
    video = tree.folder / "data/raw/shop/a.mp4"
    video.write_text(str(number) * SIZE)
    dvc(tree.folder, "repro", "--quiet", "train")
    digest = ""
    if registered:
        digest = add_version(Registry("aislewatch"), f"weights-{number}").digest
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_COMMITTER_DATE", day.isoformat())
        facts = {"Model-Version": f"1 ({digest})" if digest else ""}
        commit_lock(tree, f"Retraining: {number}", facts, day)
    dvc(tree.folder, "push", "--quiet")
    push_branch(tree, name)
    return tree, name


def kept(folder: Path) -> set[str]:
    """Return which nights' models a cache or a remote holds."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.read_text()[0] for file in files if file.stat().st_size == SIZE}


def test_old_nights_go_with_their_bytes_and_a_champion_comes_back(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(tmp_path, empty_store)
    monkeypatch.chdir(shop)
    remote, cache = tmp_path / "data remote", shop / ".dvc/cache"
    names = [trained(shop, number, registered=number == 0)[1] for number in range(NIGHTS)]
    assert kept(cache) == kept(remote) == {"0", "1", "2", "3"}

    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        with pytest.raises(RegistryError):
            tidy.tidy(shop, 1, remote=True)
    assert kept(cache) == kept(remote) == {"0", "1", "2", "3"}

    before = tidy.cache_bytes(), bytes_of(remote)
    said = tidy.tidy(shop, 2, remote=True)
    assert said[:-1] == [f"dropped {names[1]}"]
    assert said[-1].startswith("3 nights are kept, 0.1 MiB")
    assert before[0] - tidy.cache_bytes() >= SIZE
    assert before[1] - bytes_of(remote) >= SIZE
    assert kept(cache) == kept(remote) == {"0", "2", "3"}
    branches = git(tmp_path / "hub.git", "branch", "--format=%(refname:short)").split()
    assert sorted(branches) == sorted(["main", names[0], *names[2:]])
    assert tidy.tidy(shop, 2, remote=True) == ["3 nights are kept, 0.0 MiB of DVC's cache deleted"]

    git(tmp_path, "clone", "-q", "-b", names[0], str(tmp_path / "hub.git"), "bare")
    dvc(tmp_path / "bare", "pull", "--quiet", "model.txt")
    assert (tmp_path / "bare/model.txt").read_text().startswith("0" * SIZE)
    registry = Registry("aislewatch")
    [version] = registry.versions()
    with fetched(registry, version) as own:
        assert (own / "weights.safetensors").read_text() == "weights-0"


def test_nothing_goes_while_a_retraining_does_or_without_a_remote(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(tmp_path, empty_store)
    monkeypatch.chdir(shop)
    with tidy.alone(shop), pytest.raises(PipelineError, match="another retraining"):
        tidy.tidy(shop, 1, remote=False)
    dvc(shop, "remote", "remove", "far")
    with pytest.raises(PipelineError, match="no DVC remote"):
        tidy.tidy(shop, 1, remote=True)

"""A worktree of the project for retraining, which shares its footage, DVC cache and registry.

It lies in the project's work files, is kept from night to night (so that DVC need not read the
footage again to know it, and a training that was killed goes on), and is only ever what was
committed: whatever a person edits in the checkout meanwhile is neither used nor changed.
"""

import configparser
import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aislewatch.errors import PipelineError
from aislewatch.files import whole_file
from aislewatch.tables import places

HOME = places.WORK / "retrain"
BRANCHES = "retrain/"
LOCK = "dvc.lock"

# A line of the message of a commit that a retraining made; by it the last one is found.
TRAILER = "Retrained-At:"

# A hook is a person's; here it could refuse, ask, or change what is committed.
_GIT = ("git", "-c", "core.hooksPath=/dev/null")
_AUTHOR = ("-c", "user.name=Aislewatch retraining", "-c", "user.email=retraining@localhost")


@dataclass(frozen=True)
class Worktree:
    """Where a retraining works.

    Args:
        project: the checkout of people, not to be touched.
        folder: the worktree.
        base: commit that the retraining begins from.
        learned: when the last retraining was committed; None: never.
    """

    project: Path
    folder: Path
    base: str
    learned: datetime | None


def open_worktree(project: Path, branch: str) -> tuple[Worktree, list[str]]:
    """Bring the worktree to what is committed on ``branch``, with the last training's dvc.lock.

    Where the repository has a remote ``origin``, the branch is the one there. The caller holds the
    project's lock of retraining: nobody else works in the worktree.

    Returns:
        The worktree, and what a person should know, in lines.

    Raises:
        PipelineError: there is no git repository, or no such branch.
    """
    notes = _fetch(project)
    base = _tip(project, branch)
    folder = project / HOME / "tree"
    if _is_ours(folder):
        # A killed git leaves it; only the killed one could have held it.
        Path(git(folder, "rev-parse", "--path-format=absolute", "--git-path", "index.lock")).unlink(
            missing_ok=True
        )
        git(folder, "checkout", "-q", "--force", "--detach", base)
        git(folder, "clean", "-qfd")
    else:
        shutil.rmtree(folder, ignore_errors=True)
        git(project, "worktree", "prune")
        git(project, "worktree", "add", "-q", "--force", "--detach", str(folder), base)
    _share_cache(project, folder)
    return Worktree(project, folder, base, _take_last_lock(folder, base)), notes


def begin_branch(tree: Worktree, now: datetime) -> str:
    """Go to a new branch ``retrain/<date>`` at the base; a second one of a day gets a number."""
    date = f"{BRANCHES}{now:%Y-%m-%d}"
    taken = git(tree.folder, "for-each-ref", "--format=%(refname:lstrip=2)").splitlines()
    ends = {name.removeprefix("origin/") for name in taken}
    number = 1
    while (name := date if number == 1 else f"{date}-{number}") in ends:
        number += 1
    git(tree.folder, "checkout", "-q", "-b", name)
    return name


def commit_lock(tree: Worktree, subject: str, facts: dict[str, str], now: datetime) -> None:
    """Commit dvc.lock, and nothing else, with the facts as lines below the message."""
    lines = [f"{name}: {value}" for name, value in facts.items() if value]
    message = "\n".join([subject, "", *lines, f"{TRAILER} {now.isoformat(timespec='seconds')}"])
    git(tree.folder, "add", "--force", LOCK)
    git(tree.folder, *_AUTHOR, "commit", "-q", "--allow-empty", "-m", message)


def drop_branch(tree: Worktree, name: str) -> None:
    """Remove a branch on which nothing was committed, because the training failed."""
    git(tree.folder, "checkout", "-q", "--detach")
    git(tree.folder, "branch", "-q", "-D", name)


def unpushed(tree: Worktree) -> str:
    """Return the branch of the last retraining if the remote ``origin`` lacks it; else ""."""
    if not has_origin(tree.project):
        return ""
    last = git(tree.folder, "log", "-1", "--format=%H", *_ours(), "--not", "--remotes=origin")
    if not last:
        return ""
    found = git(
        *(tree.folder, "for-each-ref", "--format=%(refname:lstrip=2)"),
        *(f"--points-at={last}", f"refs/heads/{BRANCHES}"),
    )
    return found.splitlines()[0] if found else ""


def push_branch(tree: Worktree, name: str) -> None:
    """Push a branch to ``origin``.

    Raises:
        PipelineError: the remote refuses it, or does not answer; with git's words.
    """
    git(tree.folder, "push", "-q", "origin", f"refs/heads/{name}:refs/heads/{name}")


def has_origin(project: Path) -> bool:
    """Say whether the repository has a remote ``origin``."""
    return "origin" in git(project, "remote").splitlines()


def has_dvc_remote(folder: Path) -> bool:
    """Say whether DVC has a default remote, by its files, without the second DVC takes to start."""
    return _dvc_config(folder).has_option("core", "remote")


def git(folder: Path, *words: str) -> str:
    """Run git in a folder; return what it said.

    Raises:
        PipelineError: it failed; with its own words.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        [*_GIT, "-C", str(folder), *words],
        env=kept | {"GIT_TERMINAL_PROMPT": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip() or f"it ended with status {done.returncode}"
        raise PipelineError(f"`git {' '.join(words)}` failed in {folder}: {said}")
    return done.stdout.strip()


def _fetch(project: Path) -> list[str]:
    if not has_origin(project):
        return []
    try:
        git(project, "fetch", "-q", "origin")
    except PipelineError as error:
        return [f"the git remote was not asked for news: {error}"]
    return []


def _tip(project: Path, branch: str) -> str:
    for name in (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}"):
        with suppress(PipelineError):
            return git(project, "rev-parse", "--verify", "-q", f"{name}^{{commit}}")
    raise PipelineError(
        f"{project} has no commit on a branch {branch!r}: say in the deployment's parameter "
        "`branch` which one a retraining begins from"
    )


def _is_ours(folder: Path) -> bool:
    """Say whether the worktree is whole: a moved project leaves one that git no longer knows."""
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel")).samefile(folder)
    except (PipelineError, OSError):
        return False


def _share_cache(project: Path, folder: Path) -> None:
    """Give the worktree the project's own settings of DVC, and its cache."""
    own, config = _dvc_config(project, "config.local"), _dvc_config(project)
    if not own.has_section("cache"):
        own.add_section("cache")
    cache = config.get("cache", "dir", fallback="cache")
    own.set("cache", "dir", str((project / ".dvc" / cache).resolve()))
    for section in config.sections():
        url = config.get(section, "url", fallback="")
        # A path is relative to the folder of its file, and that is another one here.
        if section.strip("'").startswith("remote ") and url and "://" not in url:
            if not own.has_section(section):
                own.add_section(section)
            own.set(section, "url", str((project / ".dvc" / url).resolve()))
    with whole_file(folder / ".dvc/config.local") as temporary, temporary.open("w") as file:
        own.write(file)
    (folder / ".dvc/config.local").chmod(0o600)  # It may hold the remote's password.


def _dvc_config(folder: Path, *names: str) -> configparser.ConfigParser:
    config = configparser.ConfigParser(interpolation=None)
    files = names or ("config", "config.local")
    config.read([folder / ".dvc" / name for name in files])
    return config


def _take_last_lock(folder: Path, base: str) -> datetime | None:
    """Take dvc.lock from the last retraining, unless the base has one that was committed later."""
    last = git(folder, "log", "-1", "--format=%H %ct", *_ours())
    if not last:
        return None
    commit, seconds = last.split()
    own = git(folder, "log", "-1", "--format=%ct", base, "--", LOCK)
    if int(seconds) >= int(own or 0):
        git(folder, "checkout", "-q", commit, "--", LOCK)
    return datetime.fromtimestamp(int(seconds), UTC)


def _ours() -> list[str]:
    branches = (f"refs/heads/{BRANCHES}*", f"refs/remotes/origin/{BRANCHES}*")
    return [f"--grep=^{TRAILER}", *(f"--glob={branch}" for branch in branches)]

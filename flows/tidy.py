"""Delete what no registered version and no kept night needs: ``python -m flows.tidy --nights 30``.

In the project's root. Kept are the newest nights, and those whose training made a version that is
still registered: the night's commit states the digest. The branches of the others go, here and on
``origin``; then ``dvc gc`` deletes from DVC's cache (with ``--remote`` from its remote, too) what
neither the checkout, nor the retraining's worktree, nor any commit that is left needs. Where the
registry does not answer, nothing is deleted.
"""

import argparse
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aislewatch.config.params import load_params
from aislewatch.errors import PipelineError
from aislewatch.exits import plain_errors
from aislewatch.fsck.dvc_files import cache_folder
from aislewatch.register.versions import Registry
from flows.retrain import alone
from flows.training import DVC
from flows.worktree import BRANCHES, HOME, git, has_dvc_remote, has_origin

_DIGEST = re.compile(r"\((\w+)\)")


@dataclass(frozen=True)
class NightBranch:
    """One branch of a retraining.

    Args:
        name: of the branch, ``retrain/<date>``.
        digest: of the version that its training made; "": none.
    """

    name: str
    digest: str


def main() -> None:
    """Tidy the project that is the working directory, and say what went."""
    parser = argparse.ArgumentParser(prog="flows.tidy", description=__doc__)
    parser.add_argument("--nights", type=int, default=30, help="how many of the newest stay")
    parser.add_argument("--remote", action="store_true", help="delete in DVC's remote as well")
    asked = parser.parse_args()
    if asked.nights < 1:
        parser.error("--nights: at least 1, from which the next retraining goes on")
    with plain_errors("tidy"):
        for line in tidy(Path.cwd(), asked.nights, asked.remote):
            print(line)


def tidy(project: Path, nights: int, remote: bool) -> list[str]:
    """Delete old nights and the bytes that they alone needed.

    Args:
        project: the checkout, which is the working directory.
        nights: how many of the newest stay.
        remote: whether bytes go from DVC's remote, too.

    Returns:
        What was done, in lines.

    Raises:
        PipelineError: a retraining goes on, or git or DVC refuse; with their words.
        RegistryError: MLflow does not answer.
    """
    if remote and not has_dvc_remote(project):
        raise PipelineError(f"{project} has no DVC remote: leave --remote out")
    with alone(project):
        registry = Registry(load_params(project / "params.yaml").register_.name)
        registered = {version.digest for version in registry.versions()}
        if has_origin(project):
            git(project, "fetch", "-q", "--prune", "origin")
        found = list_nights(project)
        tree = project / HOME / "tree"
        if tree.exists():
            git(tree, "checkout", "-q", "--detach")  # a branch that is checked out cannot go
        old = [night for night in found[nights:] if night.digest not in registered]
        for night in old:
            drop(project, night)
        git(project, "worktree", "prune")
        before = cache_bytes()
        collect(tree, remote)
        freed = (before - cache_bytes()) / 2**20
    return [
        *(f"dropped {night.name}" for night in old),
        f"{len(found) - len(old)} nights are kept, {freed:.1f} MiB of DVC's cache deleted",
    ]


def list_nights(project: Path) -> list[NightBranch]:
    """List the nights that are branches here or on ``origin``, the newest first."""
    places = (f"refs/heads/{BRANCHES}", f"refs/remotes/origin/{BRANCHES}")
    form = "%(refname)%09%(contents:trailers:key=Model-Version,valueonly)"
    said = git(project, "for-each-ref", "--sort=-committerdate", f"--format={form}%00", *places)
    found: dict[str, NightBranch] = {}
    for entry in said.split("\0"):
        if not entry.strip():
            continue
        ref, _, version = entry.strip().partition("\t")
        name = BRANCHES + ref.partition(BRANCHES)[2]
        digest = _DIGEST.search(version)
        found.setdefault(name, NightBranch(name, digest[1] if digest else ""))
    return list(found.values())


def drop(project: Path, night: NightBranch) -> None:
    """Delete a night's branch, first on ``origin``: while it is there its data must be, too."""
    refs = git(project, "for-each-ref", "--format=%(refname)").splitlines()
    if f"refs/remotes/origin/{night.name}" in refs:
        git(project, "push", "-q", "origin", "--delete", f"refs/heads/{night.name}")
    if f"refs/heads/{night.name}" in refs:
        git(project, "branch", "-q", "-D", night.name)


def collect(tree: Path, remote: bool) -> None:
    """Have DVC delete what nothing needs, in the project that is the working directory."""
    command = [*DVC, "gc", "--workspace", "--all-commits", "--force", "--quiet"]
    command += ["--cloud"] if remote else []
    # What a killed training had finished is in its worktree alone.
    command += ["--projects", str(tree)] if tree.exists() else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PipelineError(f"`dvc gc` failed: {done.stderr.strip()}")


def cache_bytes() -> int:
    """Return the size of DVC's cache."""
    return sum(file.stat().st_size for file in cache_folder().rglob("*") if file.is_file())


if __name__ == "__main__":
    main()

"""A shop whose training takes no time, with a real git remote, DVC remote and MLflow registry."""

import shutil
import subprocess
from pathlib import Path

from tests.code_closure import ROOT
from tests.projects import set_params

DVC_YAML = """
stages:
  train:
    cmd: python work.py train
    deps: [data/raw, work.py]
    params: [seed]
    outs: [model.txt]
  register:
    cmd: python work.py register
    deps: [model.txt, work.py]
    params: [register]
    outs:
      - registration.json:
          cache: false
"""

# The network is the footage's words; the gate likes all but a video that says "worse".
WORK = """
import json, os, sys
from datetime import UTC, datetime
from pathlib import Path

if sys.argv[1] == "train":
    videos = sorted(Path("data/raw").rglob("*.mp4"))
    words = " ".join(video.read_text() for video in videos)
    if "broken" in words:
        sys.exit("FootageError: data/raw/shop/broken.mp4 cannot be decoded")
    if "killed" in words:
        os.kill(os.getpid(), 9)
    Path("model.txt").write_text(words + Path("params.yaml").read_text()[:0])
else:
    from aislewatch.config.params import load_params
    from aislewatch.files import write_json
    from aislewatch.register.consent import apply_verdict
    from aislewatch.register.decision import Verdict
    from aislewatch.register.versions import Registry
    from tests.tiny_registry import add_version

    words = Path("model.txt").read_text()
    registry = Registry("aislewatch")
    version = add_version(registry, words.replace(" ", "-"))
    verdict = Verdict("worse" not in words, "auc", "as the test has it", {"gate.p_auc": 0.01})
    settings = load_params().register_
    verdict = apply_verdict(registry, version, verdict, settings, datetime.now(UTC))
    registry.set_version_tags(version, verdict.as_tags() | {"gate.p_auc": "0.01"})
    stated = {"name": version.name, "model": "cnn", "digest": version.digest}
    write_json(Path("registration.json"), stated)
"""

IGNORED = """/.aislewatch/
/mlflow.db*
/mlartifacts/
/registration.json
/bundles/
/data/raw/*
__pycache__/
"""


def make_shop(place: Path, store: Path) -> Path:
    """Make the project at ``place / "shop"``, committed and pushed to ``place / "hub.git"``.

    Its DVC remote is ``place / "data remote"``, which .dvc/config names relative to itself, as
    ``dvc remote add`` writes it.
    """
    folder = place / "shop"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc/config").write_text(
        "[core]\n    analytics = false\n    check_update = false\n    remote = far\n"
        "['remote \"far\"']\n    url = ../../data remote\n"
    )
    (folder / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (folder / ".dvcignore").write_text(".aislewatch\n__pycache__\n")
    (folder / ".gitignore").write_text(IGNORED)
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / "work.py").write_text(WORK)
    shutil.copy(ROOT / "params.yaml", folder)
    set_params(folder, {"register": {"promotion": "ask"}})
    shutil.copy(store, folder)
    add_video(folder, "first")
    git(place, "init", "-q", "--bare", "-b", "main", "hub.git")
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "start")
    git(folder, "remote", "add", "origin", str(place / "hub.git"))
    git(folder, "push", "-q", "origin", "main")
    return folder


def add_video(folder: Path, name: str) -> None:
    """Let a camera leave a video: a file that says its own name."""
    file = folder / f"data/raw/shop/{name}.mp4"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(name)


def commit(folder: Path, message: str) -> None:
    """Commit all that git does not ignore."""
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=Ann", "-c", "user.email=a@b", "commit", "-qm", message)


def git(folder: Path, *words: str) -> str:
    """Run git there; return what it said."""
    return subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
    ).stdout.strip()

"""Back up what the servers and the desk keep, into a new folder: ``python backup.py``.

Written whole or not at all: databases first, then the artifacts that their rows name, then the
desk, then which commit and data belong to it, and last the sha256 of each file. Footage and DVC's
models are in DVC's remote, which has a copy of its own.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import time
from pathlib import Path

DATABASES = ("mlflow", "mlflow_auth", "prefect", "optuna")
DESK = "desk.sqlite3"
# What says which data belong to this: the remote's address, and the digest of each output.
POINTERS = (".dvc/config", "dvc.lock", "dvc.yaml", "params.yaml")


def main() -> None:
    """Write the backup and print its folder."""
    backups, project = Path(os.environ["BACKUPS"]), Path(os.environ["PROJECT"])
    os.umask(0o077)  # the databases hold hashes of passwords
    name = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())
    new = backups / f".{name}"
    new.mkdir(parents=True)
    try:
        for database in DATABASES:
            subprocess.run(["pg_dump", "-Fc", "-f", new / f"{database}.dump", database], check=True)
        with tarfile.open(new / "artifacts.tar", "w") as artifacts:
            artifacts.add(os.environ["ARTIFACTS"], ".", filter=today)
        keep_desk(project / "live", new)
        (new / "data").mkdir()
        for pointer in POINTERS:
            if (project / pointer).exists():
                shutil.copy(project / pointer, new / "data" / Path(pointer).name)
        digests = {str(file.relative_to(new)): digest(file) for file in files(new)}
        (new / "sha256.json").write_text(json.dumps(digests, indent=1))
        new.rename(backups / name)
    except BaseException:
        shutil.rmtree(new)
        raise
    print(backups / name)


def keep_desk(live: Path, new: Path) -> None:
    """Copy the desk's database as it is at one moment, and the evidence beside it."""
    if not live.is_dir():
        return
    database = live / DESK
    with tarfile.open(new / "live.tar", "w") as desk:
        if database.exists():
            copy = new / DESK
            source, target = sqlite3.connect(database), sqlite3.connect(copy)
            source.backup(target)
            target.close()
            source.close()
            desk.add(copy, f"./{DESK}")
            copy.unlink()
        desk.add(live, ".", filter=lambda entry: None if DESK in entry.name else today(entry))


def today(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what a restoring set aside."""
    return None if entry.name.startswith("./.before-restore-") else entry


def files(folder: Path) -> list[Path]:
    """List the files below a folder."""
    return sorted(file for file in folder.rglob("*") if file.is_file())


def digest(file: Path) -> str:
    """Return the sha256 of a file."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"backup: {error}; nothing was kept of it, what is older is as it was")

"""Bring back what backup.py kept: ``python restore.py`` for the newest, or ``restore.py FOLDER``.

Nothing is touched before the whole backup has been read and is as it was written, and while
somebody uses one of the databases. Artifacts and desk that are there are set aside, not deleted.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from backup import DATABASES, digest, files

# Whose each database is; both of MLflow's are its server's.
OWNERS = {"mlflow_auth": "mlflow"}


def main() -> None:
    """Check the backup, then restore databases, artifacts and desk."""
    backups = Path(os.environ["BACKUPS"])
    kept = sorted(folder for folder in backups.glob("[0-9]*") if folder.is_dir())
    if not (sys.argv[1:] or kept):
        sys.exit(f"restore: {backups} holds no backup")
    backup = backups / sys.argv[1] if sys.argv[1:] else kept[-1]
    check(backup)
    users = ask(
        f"SELECT datname, count(*) FROM pg_stat_activity WHERE datname IN {DATABASES} GROUP BY 1"
    )
    if users:
        sys.exit(f"restore: in use: {users}; stop mlflow, prefect, workers and reaper first")
    for database in DATABASES:
        owner = OWNERS.get(database, database)
        ask(f"DROP DATABASE IF EXISTS {database}")
        ask(f"CREATE DATABASE {database} OWNER {owner}")
        ask(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
        command = ["pg_restore", "--exit-on-error", "-d", database, backup / f"{database}.dump"]
        subprocess.run(command, check=True)
    bring_back(backup / "artifacts.tar", Path(os.environ["ARTIFACTS"]))
    if (backup / "live.tar").exists():
        bring_back(backup / "live.tar", Path(os.environ["PROJECT"]) / "live")
    print(f"{backup} is restored; which commit's data belong to it: {backup / 'data'}")


def check(backup: Path) -> None:
    """End unless each file of the backup is there and as it was written."""
    try:
        said = json.loads((backup / "sha256.json").read_text())
    except (OSError, ValueError) as error:
        sys.exit(f"restore: {backup} is no whole backup ({error}); nothing was changed")
    found = {str(file.relative_to(backup)): digest(file) for file in files(backup)}
    wrong = sorted(name for name, sha256 in said.items() if found.get(name) != sha256)
    if wrong:
        sys.exit(f"restore: of {backup} these are not as written: {wrong}; nothing was changed")


def ask(statement: str) -> str:
    """Have the administrator say a statement; return the rows."""
    command = ["psql", "-XAt", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", statement]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip() if statement.startswith("SELECT") else ""


def bring_back(archive: Path, folder: Path) -> None:
    """Set aside what a folder holds, in it, and unpack the archive there."""
    folder.mkdir(parents=True, exist_ok=True)
    there = list(folder.iterdir())
    if there:
        # In the folder: a volume's own place cannot be renamed.
        aside = folder / time.strftime(".before-restore-%Y-%m-%dT%H%M%SZ", time.gmtime())
        aside.mkdir()
        for entry in there:
            entry.rename(aside / entry.name)
    # Python's tarfile takes nothing on trust only from 3.11.4 on.
    subprocess.run(["tar", "-x", "--no-same-owner", "-f", archive, "-C", folder], check=True)


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"restore: {error}; correct it, then run this again")

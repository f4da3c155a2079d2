"""Ways to damage a project, and what `aislewatch fsck` then finds and repairs."""

import os
import subprocess
from pathlib import Path

from aislewatch.files import sha256_tree
from aislewatch.findings import Fault
from aislewatch.fsck.dvc_files import ObjectFolder, locked_outputs
from aislewatch.fsck.report import Report, check_all
from tests.projects import ask, environment

STORE = Path(".aislewatch/store")


CACHE = ObjectFolder(Path(".dvc/cache/files/md5"))


REMOTE = ObjectFolder(Path("../remote/files/md5"))


OUTPUTS = ("data", "models", "metrics", "reports/evaluate")


def fsck() -> Report:
    return check_all(lambda done, total: None)


def faults(report: Report) -> dict[str, Fault]:
    return {str(found.path): found.fault for found in report.findings}


def repair(report: Report) -> None:
    """Do as the report says, in the working folder."""
    commands = [found.repair for found in report.findings if found.repair]
    for command in commands + report.afterwards():
        if command.startswith("aislewatch "):
            ask(Path.cwd(), *command.split()[1:])
        else:
            subprocess.run(command, shell=True, env=environment(), check=True)


def flip(path: Path) -> None:
    """Change one bit of this name's bytes; other links to them keep theirs."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.unlink()
    path.write_bytes(content)


def flip_in_place(path: Path) -> None:
    """Change one bit as a failing disk does: under every name, and the times stay."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(content)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-3])


def flip_yaml(path: Path) -> None:
    """Another command in an entry of DVC's run cache."""
    path.write_text(path.read_text().replace("cmd: python", "cmd: pythom", 1))


def plant(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("left by somebody")


HARM = {
    flip: Fault.CHANGED,
    flip_in_place: Fault.CHANGED,
    flip_yaml: Fault.CHANGED,
    cut: Fault.TRUNCATED,
    Path.unlink: Fault.MISSING,
    plant: Fault.STRAY,
}


def harm(deeds: dict) -> dict[str, Fault]:
    """Do them; what is to be found."""
    for path, deed in deeds.items():
        deed(path)
    return {str(path): HARM[deed] for path, deed in deeds.items()}


def linked(path: Path, oid: str) -> dict[str, Fault]:
    """Other names of a file that was flipped in place: where nothing can link there are none."""
    others = [CACHE.path(oid), STORE / path.name]
    return {str(o): Fault.CHANGED for o in others if o.exists() and o.samefile(path)}


def oids() -> dict[str, str]:
    return {str(output.path): output.oid for output in locked_outputs()}


def trees() -> dict[str, str]:
    return {folder: sha256_tree(Path(folder)) for folder in (*OUTPUTS, str(CACHE.root))}


def files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]

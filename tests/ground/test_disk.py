"""A full disk is told as such, whichever library met it, on a file system that is full."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from aislewatch.disk import told_full
from aislewatch.errors import FootageError
from tests.code_closure import ROOT
from tests.projects import environment
from tests.tiny_clips import write_project

PRIVATE = ["unshare", "--map-root-user", "--mount"]

# Each line writes more than there is room for, as our stages write such a file.
WRITERS = """
import json, sqlite3, sys, tempfile
from pathlib import Path
import numpy, pandas, torch
from safetensors.torch import save_file
from aislewatch.disk import told_full
from aislewatch.files import whole_file, write_json
big = torch.rand(100000)
table = pandas.DataFrame({"a": big.numpy()})
def database():
    with sqlite3.connect("x.db") as store:
        store.execute("CREATE TABLE a(b)")
        store.executemany("INSERT INTO a VALUES (?)", [("x" * 1000,)] * 1000)
def picture():
    from matplotlib import pyplot
    pyplot.imshow(big.numpy().reshape(400, 250))
    pyplot.savefig("x.png", dpi=300)
def scratch():
    try:
        Path("x").write_bytes(bytes(10**6))
    except OSError:
        tempfile.tempdir, tempfile._candidate_tempdir_list = None, lambda: ["."]
        tempfile.mkdtemp()
writers = {
    "torch.save": lambda: torch.save({"a": big}, "x.pt"),
    "safetensors": lambda: save_file({"a": big}, "x.safetensors"),
    "parquet": lambda: table.to_parquet("x.parquet"),
    "csv": lambda: table.to_csv("x.csv"),
    "tofile": lambda: big.numpy().tofile("x.yuv"),
    "np.save": lambda: numpy.save("x.npy", big.numpy()),
    "write_json": lambda: write_json(Path("x.json"), "x" * 10**6),
    "sqlite": database,
    "picture": picture,
    "scratch": scratch,
}
for name, write in writers.items():
    try:
        write()
        print(name, "there was room")
    except Exception as error:
        print(name, told_full(error))
    for left in Path().iterdir():
        left.unlink()
"""


@pytest.fixture(scope="module", autouse=True)
def may_mount() -> None:
    if subprocess.run([*PRIVATE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")


def on_full_disk(folder: Path, kib: int, command: list[str], cwd: Path) -> tuple[int, str]:
    """Run a command with a file system of so many KiB mounted at ``folder``; status and output."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = f'mount -t tmpfs -o size={kib}k none "$0" && cd "$1" && shift && exec "$@"'
    env = environment(PYTHONPATH=str(ROOT), AISLEWATCH_EXECUTION=str(cwd / "runs"))
    done = subprocess.run(
        [*PRIVATE, "sh", "-c", mount, str(folder), str(cwd), *command],
        cwd=cwd, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_every_library_s_word_for_it_is_understood(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", WRITERS]
    # The working folder is entered again, to be inside of what was mounted over it.
    status, output = on_full_disk(tmp_path / "full", 200, command, tmp_path / "full")
    assert status == 0, output
    lines = output.strip().splitlines()
    assert len(lines) == 10, output
    for line in lines:
        assert f"the disk of {tmp_path / 'full'} is full" in line
        assert "free some space there" in line


@pytest.mark.parametrize("folder", [".aislewatch/checkpoints", "models", "metrics/curves"])
def test_training_says_that_the_disk_is_full_and_goes_on_afterwards(
    tmp_path: Path, folder: str
) -> None:
    project = write_project(tmp_path)
    command = [sys.executable, "-m", "stages.train", "cnn"]
    fill = ["sh", "-c", 'head -c 1M /dev/zero > "$0/filler" 2> filler.log; "$@"', folder]
    status, output = on_full_disk(project / folder, 100, [*fill, *command], project)
    assert status == 1, output
    assert "Traceback" not in output
    assert "train@cnn: the disk of" in output.splitlines()[-1]
    assert "run the same again" in output
    again = subprocess.run(
        command, cwd=project, env=environment(AISLEWATCH_EXECUTION=str(project / "runs"),
                                              PYTHONPATH=str(ROOT)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert (project / "models/cnn/weights.safetensors").exists()


def test_other_errors_stay_what_they_are() -> None:
    assert told_full(OSError(errno.EACCES, "Permission denied", "x")) is None
    assert told_full(ValueError("100 values and 3 columns")) is None
    assert told_full(FootageError("the disk is full: No space left on device")) is None
    outer = RuntimeError("while saving")
    outer.__cause__ = OSError(errno.ENOSPC, "No space left on device", "/nowhere/at/all/x")
    assert "the disk of" in str(told_full(outer))

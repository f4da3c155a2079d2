"""A command ends in one line where the error is ours, and with a traceback where it is a fault."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aislewatch.errors import LabelError
from aislewatch.exits import plain_errors
from tests.code_closure import ROOT


def test_an_error_of_ours_is_one_line() -> None:
    with pytest.raises(SystemExit) as ended, plain_errors("split"):
        raise LabelError("row 3 has no end")
    assert ended.value.code == "split: row 3 has no end"


def test_a_full_disk_is_one_line_too() -> None:
    with (
        pytest.raises(SystemExit, match=r"^detect: the disk of .* is full"),
        plain_errors("detect"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EIO, errno.ESTALE])
def test_what_the_system_refuses_is_one_line_that_says_what_to_do(number: int) -> None:
    with (
        pytest.raises(SystemExit, match=r"^ingest: data/x: .+ -> .+, and run the same again$"),
        plain_errors("ingest"),
    ):
        raise OSError(number, os.strerror(number), "data/x")


def test_a_limit_of_files_sizes_is_told_by_a_library_that_met_it(tmp_path: Path) -> None:
    """Parquet's writer keeps the system's number, and no name."""
    code = """
import resource, pandas
from aislewatch.exits import plain_errors
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with plain_errors("ingest"):
    pandas.DataFrame({"a": range(100_000)}).to_parquet("a.parquet")
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path,
        env=environment,
    )  # fmt: skip
    assert done.returncode == 1
    assert "raise `ulimit -f`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("fault", [KeyError("lr"), KeyboardInterrupt(), SystemExit(3)])
def test_everything_else_passes_as_it_is(fault: BaseException) -> None:
    with pytest.raises(type(fault)) as passed, plain_errors("train"):
        raise fault
    assert passed.value is fault

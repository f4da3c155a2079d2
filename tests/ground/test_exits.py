"""A command ends in one line where the error is ours, and with a traceback where it is a fault."""

import errno

import pytest

from aislewatch.errors import LabelError
from aislewatch.exits import plain_errors


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


@pytest.mark.parametrize("fault", [KeyError("lr"), KeyboardInterrupt(), SystemExit(3)])
def test_everything_else_passes_as_it_is(fault: BaseException) -> None:
    with pytest.raises(type(fault)) as passed, plain_errors("train"):
        raise fault
    assert passed.value is fault

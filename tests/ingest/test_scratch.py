"""Folders in which videos are worked on: those of killed ingests go, those of others stay."""

import os
import socket
import subprocess
import time
from pathlib import Path

from aislewatch.ingest.scratch import scratch_folder


def test_only_folders_that_nobody_uses_are_removed(tmp_path: Path) -> None:
    """A store may be shared by machines, whose process ids say nothing here."""
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    here = socket.gethostname()
    killed, other, forgotten, earlier = (
        tmp_path / f"scratch-{name}"
        for name in (f"{ended.pid}-{here}-a", f"{ended.pid}-else-b", f"{ended.pid}-else-c", "7-d")
    )
    for folder in (killed, other, forgotten, earlier):
        (folder / "half").mkdir(parents=True)
    days_ago = time.time() - 2 * 24 * 3600
    for folder in (forgotten, earlier):
        os.utime(folder, (days_ago, days_ago))
    with scratch_folder(tmp_path) as first, scratch_folder(tmp_path) as second:
        assert set(tmp_path.iterdir()) == {other, first, second}
    assert list(tmp_path.iterdir()) == [other]

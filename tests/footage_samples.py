"""Small real videos, made by ffmpeg, and small projects."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import yaml
from imageio_ffmpeg import get_ffmpeg_exe

from aislewatch.config.machine import Ingest
from tests.code_closure import ROOT

# The shipped limits, with a shorter patience.
LIMITS = Ingest(
    timeout_s=60.0,
    memory_mib=2048,
    max_duration_s=60.0,
    max_megapixels=2.0,
    max_fps=120.0,
    max_loss_s=0.0,
)


def run_ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg, silently, overwriting its output."""
    command = [get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def make_video(path: Path, *options: str, seconds: float = 1.0, hue: int = 0) -> Path:
    """Make a moving test picture, 96×64 at 10 frames/s; another ``hue`` makes another file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"testsrc2=size=96x64:rate=10:duration={seconds},hue=h={hue}"
    run_ffmpeg("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", *options, path)
    return path


def luma(frames: Path, size: int) -> npt.NDArray[np.uint8]:
    """Read the luminance of a file of packed I420 frames: uint8 (T, size, size)."""
    return np.fromfile(frames, np.uint8).reshape(-1, size * 3 // 2, size)[:, :size]


def wait_until_gone(pids: list[int]) -> None:
    """Wait until these processes have ended; fail after two minutes."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        alive = [pid for pid in pids if psutil.pid_exists(pid) and not _is_zombie(pid)]
        if not alive:
            return
        time.sleep(0.02)
    raise AssertionError(f"still alive: {alive}")


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def make_project(folder: Path, source: str, workers: int = 0, size: int = 32) -> Path:
    """Make a folder with params.yaml in which the ingest stage can run."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["sources"] = {source: "folder"}
    values["frames"] = {"fps": 10, "size": size}
    values["machine"]["ingest_workers"] = workers
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    return folder


def start_stage(
    project: Path, python: Sequence[str] = ("-m", "stages.ingest")
) -> subprocess.Popen[str]:
    """Start ``python -m stages.ingest`` there, as part of an execution that nobody records."""
    execution = project / ".aislewatch/runs/test"
    execution.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, *python],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT), "AISLEWATCH_EXECUTION": str(execution)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_stage(project: Path) -> subprocess.CompletedProcess[str]:
    """Run the stage to its end."""
    stage = start_stage(project)
    output, errors = stage.communicate()
    return subprocess.CompletedProcess(stage.args, stage.returncode, output, errors)

"""Small real videos, made by the ffmpeg that the pipeline itself uses."""

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aislewatch.config import Ingest
from aislewatch.footage.decode import find_ffmpeg

# The shipped limits, with a shorter patience.
LIMITS = Ingest(
    workers=2,
    timeout_s=60.0,
    memory_mib=2048,
    max_duration_s=60.0,
    max_megapixels=2.0,
    max_fps=120.0,
)


def run_ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg, silently, overwriting its output."""
    command = [find_ffmpeg(), "-nostdin", "-loglevel", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def make_video(path: Path, *options: str, seconds: float = 1.0, hue: int = 0) -> Path:
    """A moving test picture of 96×64 at 10 frames/s; another ``hue`` makes another file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"testsrc2=size=96x64:rate=10:duration={seconds},hue=h={hue}"
    run_ffmpeg("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", *options, path)
    return path


def luma(frames: Path, size: int) -> npt.NDArray[np.uint8]:
    """Luminance of a file of packed I420 frames: uint8 (T, size, size)."""
    return np.fromfile(frames, np.uint8).reshape(-1, size * 3 // 2, size)[:, :size]

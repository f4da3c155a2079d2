"""Cameras on loopback that fail in the ways in which real ones do, when they are told to."""

import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from imageio_ffmpeg import get_ffmpeg_exe

from aislewatch.watch.loopback import LoopbackCamera


def make_film(path: Path, seconds: float, size: int = 64, rate: int = 25) -> Path:
    """Render a film that shows something else in every picture, a key frame a second."""
    source = f"testsrc2=duration={seconds}:size={size}x{size}:rate={rate}"
    command = [get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264"]
    coded = ["-preset", "ultrafast", "-bf", "0", "-g", str(rate), "-pix_fmt", "yuv420p"]
    subprocess.run([*command, *coded, "-y", str(path)], check=True, stdin=subprocess.DEVNULL)
    return path


class BrokenCamera(LoopbackCamera):
    """A camera with one trouble, which begins when ``trouble`` is set and ends when it is cleared.

    ``silent``: accepts and sends nothing. ``garbage``: sends random bytes. ``dead``: breaks off.
    ``other``: sends another film, coded anew, as a camera does whose resolution was changed.
    """

    def __init__(self, film: Path, kind: str = "none", other: Path | None = None) -> None:
        self.trouble = threading.Event()
        self.kind, self.other = kind, other
        super().__init__(film)

    def serve(self, out: Any) -> None:
        for piece in self.pieces():
            if self.trouble.is_set():
                break
            self._send(out, piece)
        if self.kind == "other" and self.other is not None:
            self.film, self.kind = self.other, "none"
            self.trouble.clear()
            self.serve(out)
        while self.trouble.is_set():
            if self.kind == "dead":
                raise ConnectionError
            if self.kind == "garbage":
                self._send(out, os.urandom(1316))
            time.sleep(0.05)

    @staticmethod
    def _send(out: Any, piece: bytes) -> None:
        out.write(b"%x\r\n%b\r\n" % (len(piece), piece))

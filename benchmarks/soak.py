"""Watches cameras for an hour: what memory, open files and threads come to, minute by minute.

    python -m benchmarks.soak --seconds 3600

Three cameras of 320×240 at 5 pictures a second: one behind a real RTSP server (where the
distribution's `rtsp-server-perl` is installed, else HTTP), one by HTTP whose process is killed
every 20 s, as if it flapped, and one file played at its own speed.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from imageio_ffmpeg import get_ffmpeg_exe

from aislewatch.watch.loopback import LoopbackCamera
from aislewatch.watch.watched import Watched
from aislewatch.watch.watcher import CameraWatch
from benchmarks.live_parts import Silent, make_model
from benchmarks.rounds import machine
from benchmarks.rtsp_camera import RtspCamera

# Pictures a second, and seconds of the film that the cameras send over and over.
RATE, FILM_S = 5, 60

# Seconds between two ends of the flapping camera's process, and between two lines.
FLAPS_S, LINE_S = 20.0, 60.0


def main() -> None:
    """Watch for as long as was asked for, and print a line a minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="to watch")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        print(f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, {machine()}", flush=True)
        soak(Path(name), chosen.seconds)


def soak(folder: Path, seconds: float) -> None:
    """Print memory, open files and threads as time passes."""
    film = make_film(folder / "film.mp4")
    whole = loop_film(film, folder / "whole.mp4", seconds + 600)
    program = shutil.which("rtsp-server-perl")
    steady = RtspCamera(program, film) if program else LoopbackCamera(film)
    flapping = LoopbackCamera(film)
    cameras = {"steady": steady.address, "flapping": flapping.address, "file": str(whole)}
    lines = [f"- {{name: {name}, address: '{at}', role: aisle}}" for name, at in cameras.items()]
    file = folder / "cameras.yaml"
    file.write_text("\n".join(["watching: {metrics_port: 0}", "cameras:", *lines]))
    watch = CameraWatch(file, [make_model(folder / "model")], folder / "live", Silent())
    watching = threading.Thread(target=watch.run)
    watching.start()
    begun_s = line_s = time.monotonic()
    back_s: list[float] = []
    try:
        while time.monotonic() - begun_s < seconds:
            if (seconds_back := _flap(watch)) is not None:
                back_s.append(seconds_back)
            if time.monotonic() - line_s >= LINE_S:
                line_s += LINE_S
                print(_line(watch, time.monotonic() - begun_s), flush=True)
                p50, p95 = np.quantile(back_s or [np.nan], [0.5, 0.95])
                print(
                    f"  back in p50 {p50:.1f} s, p95 {p95:.1f} s, {len(back_s)} times", flush=True
                )
    finally:
        watch.stop()
        watching.join()
        steady.close()
        flapping.close()


def make_film(path: Path) -> Path:
    """Render a test picture under a sensor's noise."""
    noisy = f"testsrc2=rate={RATE}:size=320x240,noise=alls=6:allf=t"
    coded = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", str(2 * RATE)]
    source = ["-f", "lavfi", "-i", noisy, "-t", str(FILM_S), "-pix_fmt", "yuv420p"]
    _ffmpeg(*source, *coded, str(path))
    return path


def loop_film(film: Path, path: Path, seconds: float) -> Path:
    """Write a film over and over into another, until it has as many seconds."""
    _ffmpeg("-stream_loop", "-1", "-i", str(film), "-t", str(seconds), "-c", "copy", str(path))
    return path


def _ffmpeg(*words: str) -> None:
    command = [get_ffmpeg_exe(), "-v", "error", "-y", *words]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _flap(watch: CameraWatch) -> float | None:
    """End the flapping camera's process; return the seconds until a frame came, if one came.

    It takes ``FLAPS_S``.
    """
    one, theirs = watch.watched.get("flapping"), _camera_processes()
    ended_s, back_s = time.monotonic(), None
    if one is None or one.follower.state != "running" or not theirs:
        time.sleep(FLAPS_S)
        return None
    connections = one.follower.counts.connections
    with suppress(psutil.Error):
        _reader_of(one, theirs).kill()
    while time.monotonic() - ended_s < FLAPS_S:
        time.sleep(0.05)
        counts = one.follower.counts
        is_back = counts.connections > connections and one.follower.state == "running"
        if back_s is None and is_back:
            back_s = time.monotonic() - ended_s
    return back_s


def _reader_of(one: Watched, theirs: list[psutil.Process]) -> psutil.Process:
    """Return the process that reads a camera: the one whose socket goes to its address' port."""
    port = int(one.camera.address.get_secret_value().rpartition(":")[2].partition("/")[0])
    for process in theirs:
        with suppress(psutil.Error):
            if any(link.raddr and link.raddr.port == port for link in process.net_connections()):
                return process
    return theirs[-1]


def _line(watch: CameraWatch, at_s: float) -> str:
    ours, theirs = psutil.Process(), _camera_processes()
    told = ", ".join(
        f"{name} {one.follower.counts.frames} frames "
        f"{one.follower.counts.connections - 1} new connections {one.follower.clips.dropped} lost"
        for name, one in list(watch.watched.items())
    )
    return (
        f"{at_s:6.0f} s: {ours.memory_info().rss >> 20} MiB, {ours.num_fds()} open files, "
        f"{threading.active_count()} threads; {len(theirs)} camera processes of "
        f"{_mean(theirs, 'memory'):.0f} MiB, {_mean(theirs, 'files'):.0f} open files; {told}; "
        f"load {os.getloadavg()[0]:.1f}"
    )


def _camera_processes() -> list[psutil.Process]:
    """List those that were forked by a child of ours, the oldest first; one may end meanwhile."""
    ours = psutil.Process()
    found = []
    for one in ours.children(recursive=True):
        with suppress(psutil.Error):
            if one.ppid() != ours.pid and "perl" not in one.name() and "ffmpeg" not in one.name():
                found.append(one)
    return sorted(found, key=lambda one: one.create_time())


def _mean(processes: list[psutil.Process], what: str) -> float:
    """Return the mean of what each process has of its own: MiB of memory, or open files."""
    found = []
    for one in processes:
        with suppress(psutil.Error):
            memory = what == "memory"
            found.append(one.memory_full_info().uss / (1 << 20) if memory else one.num_fds())
    return sum(found) / len(found) if found else 0.0


if __name__ == "__main__":
    main()

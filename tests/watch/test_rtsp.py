"""A real RTSP server of the distribution: its dead UDP stream is noticed, and frames come back."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from aislewatch.watch.cameras_file import LiveCamera, Watching
from aislewatch.watch.follower import Follower
from aislewatch.watch.windows import ClipWindow
from tests.watch.broken_cameras import make_film

WATCHING = Watching(stall_s=2.0, open_s=6.0, backoff_s=0.1, backoff_most_s=1.0)

# Seconds for a program to start on a machine that runs other tests.
START_S = 60.0


def wait_for(what: Callable[[], object], seconds: float) -> None:
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < seconds, "it never came true"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


class RtspCamera:
    """A camera that sends a film over and over to an RTSP server, and may freeze."""

    def __init__(self, program: str, film: Path) -> None:
        source, self.port = free_port(), free_port()
        ports = ["-c", str(self.port), "-s", str(source), "-l", "1"]
        # RTP takes pairs of ports, the lower one even.
        ports += ["--rtp_start_port", str(free_port() // 2 * 2)]
        self._server = subprocess.Popen([program, *ports])
        wait_for(lambda: answers(source) and answers(self.port), START_S)
        command = [get_ffmpeg_exe(), "-v", "error", "-re", "-stream_loop", "-1", "-i", str(film)]
        command += ["-c", "copy", "-f", "rtsp", f"rtsp://127.0.0.1:{source}/cam"]
        self._sender = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def freeze(self) -> None:
        self._sender.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._sender.send_signal(signal.SIGCONT)

    def close(self) -> None:
        for process in (self._sender, self._server):
            process.kill()
            process.wait()


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[RtspCamera]:
    program = shutil.which("rtsp-server-perl")
    if program is None:
        reason = "no RTSP server: install the apt package `rtsp-server-perl`"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    camera = RtspCamera(program, make_film(tmp_path / "a.mp4", 4.0))
    yield camera
    camera.close()


def test_a_camera_that_freezes_behind_its_server_is_noticed_and_comes_back(
    camera: RtspCamera,
) -> None:
    """The server goes on to accept and to answer: nothing but missing frames tells."""
    shown = LiveCamera(name="a", address=f"rtsp://127.0.0.1:{camera.port}/cam", role="till")
    one = Follower(shown, WATCHING, 10, 64, ClipWindow(8, 1, 10, 64), lambda: None)
    one.start()
    wait_for(lambda: one.state == "running", START_S)
    camera.freeze()
    wait_for(lambda: one.state != "running", WATCHING.stall_s + 3.0)
    assert one.counts.stalls + one.counts.failures >= 1
    camera.thaw()
    wait_for(lambda: one.state == "running", START_S)
    assert one.counts.connections >= 2
    one.stop()
    one.join()

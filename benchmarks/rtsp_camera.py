"""An RTSP camera on loopback, behind a real server of the distribution."""

import signal
import socket
import subprocess
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

from tests.waiting import wait_for

# Seconds for a program to start on a machine that runs other things.
START_S = 60.0


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def answers(port: int) -> bool:
    """Say whether somebody listens on a port of loopback."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


class RtspCamera:
    """A camera that sends a film over and over to an RTSP server, and may freeze.

    Args:
        program: the server, `rtsp-server-perl` of the distribution.
        film: any video; its pictures are sent as they are coded.
    """

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

    @property
    def address(self) -> str:
        """Return where to watch it."""
        return f"rtsp://127.0.0.1:{self.port}/cam"

    def freeze(self) -> None:
        """Send nothing more; the server goes on to answer."""
        self._sender.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Send on."""
        self._sender.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the camera and its server."""
        for process in (self._sender, self._server):
            process.kill()
            process.wait()

"""An RTSP camera on loopback, behind a real server of the distribution."""

import signal
import subprocess
from pathlib import Path

import psutil
from imageio_ffmpeg import get_ffmpeg_exe

from tests.loopback import free_port
from tests.waiting import wait_for

# Seconds for a program to start on a machine that runs other things.
START_S = 60.0


def _listens_at(process: int) -> set[int]:
    """Return the ports at which a process listens."""
    links = psutil.Process(process).net_connections()
    return {link.laddr.port for link in links if link.status == psutil.CONN_LISTEN}


class RtspCamera:
    """A camera that sends a film over and over to an RTSP server, and may freeze or be rebooted.

    The server knows UDP only: asked for TCP, it answers that the request was bad.

    Args:
        program: the server, `rtsp-server-perl` of the distribution.
        film: any video; its pictures are sent as they are coded.
    """

    def __init__(self, program: str, film: Path) -> None:
        self._source, self.port = free_port(), free_port()
        # RTP takes pairs of ports, the lower one even.
        rtp = ["--rtp_start_port", str(free_port() // 2 * 2)]
        ports = ["-c", str(self.port), "-s", str(self._source), "-l", "1"]
        self._server = [program, *ports, *rtp]
        command = [get_ffmpeg_exe(), "-v", "quiet", "-re", "-stream_loop", "-1", "-i", str(film)]
        command += ["-c", "copy", "-f", "rtsp", f"rtsp://127.0.0.1:{self._source}/cam"]
        self._sender = command
        self._running: list[subprocess.Popen[bytes]] = []
        self.power_up()

    @property
    def address(self) -> str:
        """Return where to watch it."""
        return f"rtsp://127.0.0.1:{self.port}/cam"

    def freeze(self) -> None:
        """Send nothing more; the server goes on to answer."""
        self._running[-1].send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Send on."""
        self._running[-1].send_signal(signal.SIGCONT)

    def cut_power(self) -> None:
        """End camera and server, without a word to who watches."""
        for process in reversed(self._running):
            process.kill()
            process.wait()
        self._running.clear()

    def power_up(self) -> None:
        """Start the server, at the same ports, and the camera."""
        server = subprocess.Popen(self._server)
        self._running.append(server)
        # Asked by a connection, the server goes back to RTP's port 20000, whatever it was told.
        wait_for(lambda: {self._source, self.port} <= _listens_at(server.pid), START_S)
        self._running.append(subprocess.Popen(self._sender, stdin=subprocess.DEVNULL))

    def close(self) -> None:
        """End the camera and its server."""
        self.cut_power()

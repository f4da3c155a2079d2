"""Plays films as a camera on this machine would send them: MPEG-TS by HTTP, at their own speed."""

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

from imageio_ffmpeg import get_ffmpeg_exe

HOST = "127.0.0.1"

# Bytes passed on at once: seven packets of MPEG-TS, as its senders do.
PIECE = 7 * 188


class LoopbackCamera:
    """A camera that any number of clients may watch, each from the film's beginning.

    Args:
        film: any video; its pictures are sent as they are coded.
        port: to listen on; 0: any free one.
        speed: times its own.
        loops: whether the film begins anew at its end, as time goes on.
    """

    def __init__(self, film: Path, port: int = 0, speed: float = 1.0, loops: bool = True) -> None:
        self.film, self.speed, self.loops = film, speed, loops
        camera = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "video/mp2t")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                with suppress(ConnectionError):
                    camera.serve(self.wfile)

            def log_message(self, *_: Any) -> None:
                """Say nothing of each request."""

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Return where to watch it."""
        return f"http://{HOST}:{self._server.server_address[1]}/camera.ts"

    def serve(self, out: Any) -> None:
        """Send the film to one client.

        Raises:
            ConnectionError: the client has gone.
        """
        for piece in self.pieces():
            out.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        # So that an end is told from a broken connection.
        out.write(b"0\r\n\r\n")

    def pieces(self) -> Iterator[bytes]:
        """Yield the stream's bytes, at the film's speed."""
        command = [get_ffmpeg_exe(), "-v", "error", "-readrate", str(self.speed)]
        command += ["-stream_loop", "-1"] if self.loops else []
        command += ["-i", str(self.film), "-map", "0:v:0", "-c", "copy"]
        command += ["-f", "mpegts", "-flush_packets", "1", "-"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as sender:
            sent = cast(BufferedReader, sender.stdout)
            try:
                while piece := sent.read1(PIECE):
                    yield piece
            finally:
                sender.kill()

    def close(self) -> None:
        """Stop to listen; who watches now is served until they go."""
        self._server.shutdown()
        self._server.server_close()


def join_films(parts: Sequence[tuple[Path, float, float]], into: Path) -> None:
    """Write parts of films of one coding one after the other into one file, nothing coded anew.

    Args:
        parts: a film, and the seconds in it from which and until which; from the key frame before.
        into: the file.
    """
    listed = into.with_suffix(".txt")
    listed.write_text(_listed(parts))
    command = [get_ffmpeg_exe(), "-v", "error", "-y", "-f", "concat", "-safe", "0"]
    command += ["-i", str(listed), "-map", "0:v:0", "-c", "copy", str(into)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    listed.unlink()


def _listed(parts: Sequence[tuple[Path, float, float]]) -> str:
    return "".join(
        f"file '{film.resolve()}'\ninpoint {begin_s:.3f}\noutpoint {end_s:.3f}\n"
        for film, begin_s, end_s in parts
    )

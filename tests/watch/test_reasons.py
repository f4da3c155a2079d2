"""Why a camera gives no frames is told in plain words, with a remedy and without a secret."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from aislewatch.watch.messages import End, unpack
from aislewatch.watch.opening import Request
from aislewatch.watch.reader import read_camera
from aislewatch.watch.reasons import with_remedy

SECRET = "geheim-1234"


def words_of(address: str) -> str:
    """Read an address in this process, and return the last words of its reader."""
    kept: list[bytes] = []
    link = cast("Connection", SimpleNamespace(send_bytes=kept.append))
    request = Request(address, 10, 64, 5.0, 5.0, 2048, at_own_speed=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aislewatch.watch.reader.confine", lambda *_, **__: None)
        read_camera(link, request)
    [end] = unpack(kept[-1])
    assert isinstance(end, End)
    return end.words


def test_what_is_wrong_is_told_in_plain_words_and_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "page.html").write_text("<html>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        at = f"guard:{SECRET}@127.0.0.1:{server.server_port}"
        told = {
            str(tmp_path / "none.mp4"): "there is no such file -> correct its address",
            str(tmp_path): "its address is a folder -> ",
            str(tmp_path / "text.mp4"): "its file is no film that can be read -> ",
            f"http://{at}/page.html": "what it sends is no film that can be read -> ",
            f"http://{at}/none": "the camera has no such stream -> ",
            f"rtsp://guard:{SECRET}@127.0.0.1:9/": "nothing answers at its port -> ",
            f"rtsp://guard:{SECRET}@host:port/": "its address is not written as one -> ",
            f"http://guard:{SECRET}@camera.invalid/": "its host's name is not known here -> ",
        }
        for address, begins in told.items():
            words = words_of(address)
            assert words.startswith(begins), words
            assert with_remedy(words) == words
            assert SECRET not in words
        server.shutdown()
    assert with_remedy("no frame came").endswith("-> see to its power, network and address")

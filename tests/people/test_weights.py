"""Weights come from a real HTTP server, byte for byte or not at all; or by hand, if they fit."""

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aislewatch.cli.main import main
from aislewatch.errors import ModelError
from aislewatch.people import weights
from aislewatch.people.weights import NANO, SOURCES, Source, add, fetch
from aislewatch.tables import places
from tests.people.tiny_detector import write_tiny

CONTENT = bytes(range(256)) * 9000
RIGHT = hashlib.sha256(CONTENT).hexdigest()


class Answers(BaseHTTPRequestHandler):
    """Gives a file in ways that the path names."""

    def do_GET(self) -> None:
        body = {
            "/right": CONTENT,
            "/moved": b"",
            "/other": CONTENT[:-1] + b"!",
            "/short": CONTENT[:-1000],
            "/torn": CONTENT[:-1000],
            "/long": CONTENT + b"more",
            "/page": b"<html>log in first</html>",
        }.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(302 if self.path == "/moved" else 200)
        if self.path == "/moved":
            self.send_header("Location", "/right")
        stated = len(CONTENT) if self.path == "/torn" else len(body)
        self.send_header("Content-Length", str(stated))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


def source(address: str) -> Source:
    return Source(address, RIGHT, len(CONTENT), "Apache-2.0")


@pytest.mark.parametrize("path", ["right", "moved"])
def test_the_right_file_is_kept_with_its_origin(server: str, path: str, tmp_path: Path) -> None:
    file, address = fetch(tmp_path, [source(f"{server}/{path}")])
    assert file.read_bytes() == CONTENT
    assert address == f"{server}/{path}"
    stated = json.loads((tmp_path / "yolox_nano.origin.json").read_text())
    assert stated == {
        "address": address,
        "licence": "Apache-2.0",
        "sha256": RIGHT,
        "size": len(CONTENT),
    }
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "yolox_nano.LICENSE",
        NANO,
        "yolox_nano.origin.json",
    ]
    assert "Apache License" in (tmp_path / "yolox_nano.LICENSE").read_text()[:100]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("other", "its sha256 is .*: it is another file"),
        ("short", r"it ended after 2303000 of 2304000 bytes"),
        ("torn", r"IncompleteRead|ended after"),
        ("long", "it is longer than the expected 2304000 bytes"),
        ("page", "it ended after 25 of"),
        ("none", "the server answers 404"),
    ],
)
def test_any_other_answer_leaves_nothing(
    server: str, path: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        fetch(tmp_path, [source(f"{server}/{path}")])
    assert "aislewatch pretrained add FILE" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_dead_server_is_told_and_the_next_one_asked(server: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}/right"
    with pytest.raises(ModelError, match=r"the server cannot be reached \(.*refused"):
        fetch(tmp_path, [source(dead)])
    _, address = fetch(tmp_path, [source(dead), source(f"{server}/right")])
    assert address == f"{server}/right"


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weights, "SILENCE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/right"
        with pytest.raises(ModelError, match="timed out"):
            fetch(tmp_path, [source(address)])


def test_what_is_there_is_not_fetched_again_nor_overwritten(server: str, tmp_path: Path) -> None:
    (tmp_path / NANO).write_bytes(CONTENT)
    _, address = fetch(tmp_path, [source("http://127.0.0.1:9/nobody"), source(f"{server}/none")])
    assert address.endswith(("nobody", "none")), "no server was asked"
    (tmp_path / NANO).write_bytes(b"mine")
    with pytest.raises(ModelError, match="is not what would be fetched; it stays as it is"):
        fetch(tmp_path, [source(f"{server}/right")])
    assert (tmp_path / NANO).read_bytes() == b"mine"


def test_the_command_says_what_to_write(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(weights, "SOURCES", (source(f"{server}/right"),))
    main(["pretrained", "fetch"])
    assert "weights: data/detector/yolox_nano.onnx" in capsys.readouterr().out
    assert (places.DETECTOR / NANO).read_bytes() == CONTENT
    monkeypatch.setattr(weights, "SOURCES", (source(f"{server}/none"),))
    (places.DETECTOR / NANO).unlink()
    with pytest.raises(SystemExit, match="the server answers 404"):
        main(["pretrained", "fetch"])


def test_a_file_brought_by_hand_must_be_of_the_family(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["pretrained", "add", str(tiny), "--licence", "ours"])
    assert (places.DETECTOR / "tiny.onnx").read_bytes() == tiny.read_bytes()
    stated = (places.DETECTOR / "tiny.origin.json").read_text()
    assert json.loads(stated)["licence"] == "ours"
    assert str(tiny.parent) not in stated, "no path of this machine is hashed"
    (tmp_path / "no.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"no\.onnx is no ONNX file"):
        add(tmp_path / "no.onnx", places.DETECTOR)
    other = tmp_path / "tiny.onnx"
    write_tiny(other, classes=3)
    with pytest.raises(ModelError, match="is there with another content"):
        add(other, places.DETECTOR)
    with pytest.raises(ModelError, match=r"not named \*\.onnx"):
        add(tmp_path / "weights.pth", places.DETECTOR)
    with pytest.raises(ModelError, match="is missing"):
        add(tmp_path / "none.onnx", places.DETECTOR)
    assert len(list(places.DETECTOR.iterdir())) == 2


def test_the_pinned_digest_is_that_of_the_weights_that_were_measured(nano: Path) -> None:
    content = nano.read_bytes()
    assert SOURCES[0].sha256 == hashlib.sha256(content).hexdigest()
    assert SOURCES[0].size == len(content)
    assert all(source.address.startswith("https://") for source in SOURCES)

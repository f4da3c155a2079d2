"""A device decodes where one is there; where it is not, or fails, the CPU does, and it is told."""

import logging
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.codec.hwaccel import HWAccel

from aislewatch.ingest.keeping import Keeper
from aislewatch.ingest.picture import look_at
from aislewatch.watch import devices, follower, reader
from aislewatch.watch.cameras_file import LiveCamera, Watching
from aislewatch.watch.follower import Follower
from aislewatch.watch.messages import (
    PROCESSOR,
    Begun,
    End,
    Message,
    StoreFrame,
    StreamFacts,
    pack,
    unpack,
)
from aislewatch.watch.opening import Request
from aislewatch.watch.windows import ClipWindow
from tests.waiting import wait_for
from tests.watch.broken_cameras import make_film

SIZE, FPS = 64, 10


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("films") / "a.mp4", 2.0)


class Kept:
    """A link, or a file, that keeps what is written to it."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []

    def send_bytes(self, raw: bytes) -> None:
        self.raw.append(raw)

    def write(self, data: bytes, /) -> None:
        self.raw.append(data)


def read(film: Path, hardware: bool) -> list[Message]:
    request = Request(str(film), FPS, SIZE, 5.0, 5.0, 2048, False, hardware=hardware)
    kept = Kept()
    reader._StreamReader(cast("Connection", kept), request).read()
    return [message for raw in kept.raw for message in unpack(raw)]


def frames(messages: list[Message]) -> list[bytes]:
    return [one.i420 for one in messages if isinstance(one, StoreFrame)]


def test_without_a_device_the_cpu_decodes_the_same_frames(film: Path) -> None:
    """Without the look whether a device can be opened, PyAV refuses to open the stream."""
    device = devices.find_device()
    asked, plain = read(film, hardware=True), read(film, hardware=False)
    [facts] = [one for one in asked if isinstance(one, StreamFacts)]
    assert facts.decoded_by == (device.kind if device else PROCESSOR)
    assert len(frames(plain)) == 20
    assert frames(asked) == frames(plain)


def test_what_a_device_does_not_know_the_cpu_decodes(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # libav's own decoder of H.264 has no way to this kind of device.
    other = devices.Device("drm", HWAccel("drm", allow_software_fallback=True))
    monkeypatch.setattr(reader, "find_device", lambda: other)
    messages = read(film, hardware=True)
    assert [one.decoded_by for one in messages if isinstance(one, StreamFacts)] == [PROCESSOR]
    assert len(frames(messages)) == 20


def test_a_devices_order_of_colours_gives_the_same_frames(film: Path) -> None:
    """Devices hand out NV12: the same values as YUV 4:2:0, U and V by turns."""
    written = {kind: Kept() for kind in ("yuv420p", "nv12")}
    for kind, kept in written.items():
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            keeper = Keeper(
                kept, FPS, (48, 48), lambda picture, stream=stream: look_at(stream, picture)
            )
            for number, picture in enumerate(container.decode(stream)):
                data = picture.to_ndarray()
                if kind == "nv12":
                    data[SIZE:] = _by_turns(data[SIZE:])
                made = av.VideoFrame.from_ndarray(data, kind)
                made.colorspace, made.color_range = picture.colorspace, picture.color_range
                keeper.add_picture(made)
                keeper.add_times((number * 40_000_000, (number + 1) * 40_000_000))
            keeper.end()
    assert len(written["nv12"].raw) == 20
    assert written["nv12"].raw == written["yuv420p"].raw


def _by_turns(planes_HW: np.ndarray) -> np.ndarray:
    u, v = planes_HW.reshape(2, -1)
    return np.stack([u, v], axis=1).reshape(planes_HW.shape)


class Sick:
    """A camera's process, in a thread, on a machine whose device opens and decodes nothing."""

    def __init__(self, _: Callable[..., object], link: Connection, request: Request) -> None:
        # The follower closes its copy of the far end, as it does once a process has its own.
        self.link = Connection(os.dup(link.fileno()))
        threading.Thread(target=self.run, args=(request.hardware,)).start()

    def run(self, hardware: bool) -> None:
        kind = "cuda" if hardware else PROCESSOR
        told: list[Message] = [Begun(), StreamFacts("h264", "", SIZE, SIZE, (1, 90_000), kind)]
        frame = StoreFrame(0, 0.0, bytes(SIZE * SIZE * 3 // 2))
        told += [End("out of memory")] if hardware else [frame, End("")]
        for message in told:
            self.link.send_bytes(pack(message))

    def kill(self) -> None:
        self.link.close()

    def join(self) -> None:
        """Nothing is left to wait for."""

    close = join


def test_a_device_that_decodes_nothing_is_given_up_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(follower, "start", Sick)
    watching = Watching(decode_on="device", backoff_s=0.01, metrics_port=0)
    camera = LiveCamera(name="till", address="http://a/", role="till")
    window = ClipWindow(8, 1, FPS, (SIZE * 3 // 2, SIZE))
    one = Follower(camera, watching, FPS, SIZE, window, lambda: None)
    with caplog.at_level(logging.INFO):
        one.start()
        wait_for(lambda: one.state == "ended")
        one.join()
    assert (one.counts.connections, one.counts.frames, one.decoder.kind) == (2, 1, PROCESSOR)
    assert [record.message for record in caplog.records] == [
        "till: decoded by cuda",
        "till: cuda gave no picture of its stream (out of memory) -> the CPU decodes it until the "
        "next start",
        "till: decoded by cpu (no device is there that can)",
    ]

"""A picture that shows nothing is told of a live camera: once, however often it comes and goes."""

import logging
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from aislewatch.watch.cameras_file import LiveCamera, Watching
from aislewatch.watch.follower import Follower
from aislewatch.watch.messages import StoreFrame
from aislewatch.watch.troubles import Troubles
from aislewatch.watch.watched import Watched
from aislewatch.watch.windows import ClipWindow

SIZE = 64
WATCHING = Watching(metrics_port=0, settle_s=60.0)

Grey = NDArray[np.float64]


def shop() -> Grey:
    """Draw shelves: coarse blocks, with fine detail on them."""
    rng = np.random.default_rng(3)
    coarse = rng.uniform(60, 200, (8, 8)).repeat(8, 0).repeat(8, 1)
    return coarse + rng.uniform(-30, 30, (SIZE, SIZE))


class Camera:
    """A camera that sends a frame a second; times are as the test lets them pass."""

    def __init__(self) -> None:
        camera = LiveCamera(name="till", address="http://a/", role="till")
        window = ClipWindow(8, 1, 10, (SIZE * 3 // 2, SIZE))
        follower = Follower(camera, WATCHING, 10, SIZE, window, lambda: None)
        follower.state = "running"
        self.one, self.troubles = Watched(camera, follower, WATCHING, []), Troubles(60.0)
        self._at_s, self._noise = 0.0, np.random.default_rng(5)

    def show(self, seconds: int, see: Callable[[Grey], Grey], still: bool = False) -> None:
        """Let time pass while the camera sees the shop in one way."""
        room = shop()
        for _ in range(seconds):
            self._at_s += 1.0
            noise = 0.0 if still else self._noise.normal(0, 2, room.shape)
            luma = np.clip(see(room) + noise, 0, 255).astype(np.uint8)
            i420 = luma.tobytes() + bytes([128]) * (SIZE * SIZE // 2)
            self.one.follower.newest = StoreFrame(int(self._at_s), self._at_s, i420)
            self.troubles.look(self.one, SIZE, self._at_s)
            self.troubles.settle(self._at_s)


FAULTS: dict[str, tuple[Callable[[Grey], Grey], bool]] = {
    "dark": (lambda room: room / 15, False),
    "blinded": (lambda room: np.full_like(room, 90), False),
    "frozen": (lambda room: room, True),
    "moved": (lambda room: room[:, ::-1], False),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_comes_and_goes_is_one_message_and_one_at_the_end(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    see, still = FAULTS[kind]
    camera = Camera()
    with caplog.at_level(logging.INFO):
        camera.show(40, lambda room: room)
        assert caplog.records == []
        for _ in range(4):
            camera.show(40, see, still)
            assert camera.one.facts.troubles == {kind}
            camera.show(20, lambda room: room)
            assert camera.one.facts.troubles == set()
        camera.show(70, lambda room: room)
    begun, over = (record.message for record in caplog.records)
    assert begun.startswith(f"till: {kind}: ")
    assert " -> " in begun
    assert over.startswith(f"till: {kind}: over after ")
    assert over.endswith(", 4 times")

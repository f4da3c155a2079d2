"""A real RTSP server over UDP: a dead stream is noticed, and frames come back."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from aislewatch.watch.cameras_file import LiveCamera, Watching
from aislewatch.watch.follower import Follower
from aislewatch.watch.windows import ClipWindow
from benchmarks.rtsp_camera import START_S, RtspCamera
from tests.waiting import wait_for
from tests.watch.broken_cameras import make_film

WATCHING = Watching(stall_s=2.0, open_s=6.0, backoff_s=0.1, backoff_most_s=1.0)


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[RtspCamera]:
    program = shutil.which("rtsp-server-perl")
    if program is None:
        reason = "no RTSP server: install the apt package `rtsp-server-perl`"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    camera = RtspCamera(program, make_film(tmp_path / "a.mp4", 4.0))
    yield camera
    camera.close()


@pytest.fixture
def follower(camera: RtspCamera) -> Iterator[Follower]:
    shown = LiveCamera(name="a", address=camera.address, role="till")
    one = Follower(shown, WATCHING, 10, 64, ClipWindow(8, 1, 10, (96, 64)), lambda: None)
    one.start()
    wait_for(lambda: one.state == "running", START_S)
    yield one
    one.stop()
    one.join()


def test_a_camera_that_freezes_or_is_rebooted_behind_its_server_comes_back(
    camera: RtspCamera, follower: Follower
) -> None:
    """Over UDP nothing but missing frames tells: a server goes on to answer, or says no word."""
    for trouble, over in ((camera.freeze, camera.thaw), (camera.cut_power, camera.power_up)):
        before = follower.counts.connections
        trouble()
        wait_for(lambda: follower.state != "running", WATCHING.stall_s + 3.0)
        assert follower.counts.stalls + follower.counts.failures >= 1
        over()
        wait_for(lambda: follower.state == "running", START_S)
        assert follower.counts.connections > before

"""Breaks cameras on loopback with a shop's real times: how soon it is seen, and frames are back.

    python -m benchmarks.outages --rounds 8

Cameras by HTTP fall silent, send garbage and break off; one behind a real RTSP server over UDP
freezes, another is cut off from its power and starts again (with the distribution's
`rtsp-server-perl`). A last camera has no trouble, and must lose nothing.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from aislewatch.watch.cameras_file import LiveCamera, Watching
from aislewatch.watch.follower import Follower
from aislewatch.watch.loopback import LoopbackCamera
from aislewatch.watch.windows import ClipWindow
from benchmarks.rounds import machine, verdict
from benchmarks.rtsp_camera import START_S, RtspCamera
from tests.waiting import wait_for
from tests.watch.broken_cameras import BrokenCamera, make_film

# Seconds within which a stall is seen at the latest, and 95 of 100 times frames are back.
SEEN_S, BACK_S = 10.0, 15.0

# Seconds that a trouble lasts, and of quiet before the next.
TROUBLE_S, QUIET_S = 15.0, 5.0

SIZE, FPS = 64, 10


@dataclass
class Case:
    """A camera, what breaks and mends it, and what was measured."""

    follower: Follower
    break_it: Callable[[], None]
    mend_it: Callable[[], None]
    seen_s: list[float] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)


def main() -> None:
    """Break all cameras at once, as often as was asked for, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    chosen = parser.parse_args()
    print(f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, {machine()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="outages-") as name:
        film = make_film(Path(name) / "film.mp4", 10.0)
        cameras: list[LoopbackCamera | RtspCamera] = []
        cases = _open_cases(film, cameras)
        cameras.append(LoopbackCamera(film))
        steady = _follow(cameras[-1].address)
        try:
            _wait_until_running([steady, *(case.follower for case in cases.values())])
            for _ in range(chosen.rounds):
                _one_round(list(cases.values()))
        finally:
            for one in (steady, *(case.follower for case in cases.values())):
                one.stop()
                one.join()
            for camera in cameras:
                camera.close()
    _print(cases, steady)


def _open_cases(film: Path, cameras: list[LoopbackCamera | RtspCamera]) -> dict[str, Case]:
    cases = {}
    for kind in ("silent", "garbage", "dead"):
        broken = BrokenCamera(film, kind)
        cameras.append(broken)
        cases[kind] = Case(_follow(broken.address), broken.trouble.set, broken.trouble.clear)
    program = shutil.which("rtsp-server-perl")
    if program is None:
        print("no RTSP server: install the apt package `rtsp-server-perl`")
        return cases
    frozen, rebooted = RtspCamera(program, film), RtspCamera(program, film)
    cameras += [frozen, rebooted]
    cases["frozen, UDP"] = Case(_follow(frozen.address), frozen.freeze, frozen.thaw)
    cases["rebooted, UDP"] = Case(_follow(rebooted.address), rebooted.cut_power, rebooted.power_up)
    return cases


def _follow(address: str) -> Follower:
    camera = LiveCamera(name="a", address=address, role="aisle")
    window = ClipWindow(8, 1, FPS, (SIZE * 3 // 2, SIZE))
    one = Follower(camera, Watching(metrics_port=0), FPS, SIZE, window, lambda: None)
    one.start()
    return one


def _wait_until_running(followers: list[Follower]) -> None:
    wait_for(lambda: all(one.state == "running" for one in followers), START_S)


def _one_round(cases: list[Case]) -> None:
    begun_s: dict[int, float] = {}
    for case in cases:
        case.break_it()
        begun_s[id(case)] = time.monotonic()
    seen: set[int] = set()
    until_s = time.monotonic() + TROUBLE_S
    while time.monotonic() < until_s:
        for case in cases:
            if case.follower.state != "running" and id(case) not in seen:
                seen.add(id(case))
                case.seen_s.append(time.monotonic() - begun_s[id(case)])
        time.sleep(0.02)
    for case in cases:
        if id(case) not in seen:
            case.seen_s.append(float("inf"))
        case.mend_it()
        begun_s[id(case)] = time.monotonic()
    while cases:
        cases = [case for case in cases if not _is_back(case, begun_s[id(case)])]
        time.sleep(0.02)
    time.sleep(QUIET_S)


def _is_back(case: Case, mended_s: float) -> bool:
    frame_at_s = case.follower.counts.frame_at_s or 0.0
    now_s = time.monotonic()
    if frame_at_s < mended_s and now_s - mended_s < START_S:
        return False
    case.back_s.append(frame_at_s - mended_s if frame_at_s >= mended_s else float("inf"))
    return True


def _print(cases: dict[str, Case], steady: Follower) -> None:
    for name, case in cases.items():
        seen, back = (np.quantile(s, [0.5, 1.0]) for s in (case.seen_s, case.back_s))
        print(
            f"{name}: {len(case.back_s)} times, seen p50 {seen[0]:.1f} s, longest {seen[1]:.1f}; "
            f"back p50 {back[0]:.1f} s, longest {back[1]:.1f}"
        )
    seen_s = max(second for case in cases.values() for second in case.seen_s)
    back_s = float(np.quantile([s for case in cases.values() for s in case.back_s], 0.95))
    print(verdict("longest until a stall was seen, seconds", seen_s, SEEN_S, most=True))
    print(verdict("p95 until frames were back, seconds", back_s, BACK_S, most=True))
    lost = steady.counts.connections - 1 + steady.counts.stalls
    print(verdict("connections lost by the camera without a trouble", lost, 0, most=True))


if __name__ == "__main__":
    main()

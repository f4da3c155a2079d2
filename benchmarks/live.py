"""What live cameras cost: beside decoding alone, beside OpenCV and the model in a plain loop.

    python -m benchmarks.live                  # cameras a core, and how late clips are scored
    python -m benchmarks.live --model          # clips a second of the network alone, on any device

OpenCV is measured where it is installed (`pip install opencv-python-headless`); nothing of ours
needs it.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import av
import numpy as np
import psutil
import torch

from aislewatch.watch.cameras_file import LiveCamera, Watching
from aislewatch.watch.follower import Follower
from aislewatch.watch.scorer import LiveModel
from aislewatch.watch.troubles import Troubles
from aislewatch.watch.watched import Watched
from benchmarks.live_parts import FILM_S, RATE, SIZES, make_film, make_model, open_shop
from benchmarks.rounds import machine, verdict

# Of decoding alone, the share of cameras that a core must sustain.
SHARE = 0.8
# Seconds in which it is looked whether a camera is gone.
LOOK_S = 0.5
# Seconds from a clip's last frame to its alert beyond a stride.
BEYOND_S = 0.2


def main() -> None:
    """Measure what was asked for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=4, help="on loopback")
    parser.add_argument("--film", type=Path, help="any film; else noise over a test picture")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", action="store_true", help="the network alone")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="live-") as name:
        folder = Path(name)
        model = make_model(folder / "model")
        print(f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, {machine()}")
        if chosen.model:
            model_rate(model)
        else:
            cameras_a_core(folder, model, chosen.rounds, chosen.film)
            lateness(folder, model, chosen.cameras, chosen.film)


def cameras_a_core(folder: Path, model: LiveModel, rounds: int, film: Path | None) -> None:
    """Print how many cameras a core sustains: decoding alone, ours, and a plain loop."""
    for name, (size, seconds) in SIZES.items():
        source = make_film(folder / f"{name}.mp4", size, film, seconds)
        jobs: dict[str, Callable[[], object]] = {
            "decoding alone": lambda source=source: _decode(source),
            "a camera of ours": lambda source=source: _follow(source, model),
            "ours, with the model": lambda source=source: _follow(source, model, scored=True),
        }
        try:
            import cv2  # noqa: F401
        except ImportError:
            print("OpenCV is not installed: no plain loop")
        else:
            jobs["OpenCV and the model"] = lambda source=source: _plain_loop(source, model)
        cost_s: dict[str, list[float]] = {job: [] for job in jobs}
        with _one_core():
            # By turns, so that a busy moment of the machine meets all of them.
            for _ in range(rounds):
                for job, run in jobs.items():
                    cost_s[job].append(_cost_s(run))
        for job, each_s in cost_s.items():
            most, usual = seconds / min(each_s), seconds / statistics.median(each_s)
            print(f"{name}, {job}: {usual:.1f} cameras a core, {most:.1f} in the best round")
        pairs = zip(cost_s["decoding alone"], cost_s["a camera of ours"], strict=True)
        share = statistics.median(alone_s / ours_s for alone_s, ours_s in pairs)
        print(verdict(f"{name}, share of the same round, median", share, SHARE))


@contextmanager
def _one_core() -> Iterator[None]:
    """Have all that is started run on one core.

    CPU seconds are of one core, too: with a camera's process on the other half of a core, which
    shares its caches and units, both took up to a half longer (2026-12-01).
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _cost_s(job: Callable[[], object]) -> float:
    """Return the CPU seconds that a job takes, those of camera processes included."""
    before_s = _cpu_s()
    job()
    return _cpu_s() - before_s


def _cpu_s() -> float:
    # Camera processes are children of the one that forks them, which has waited for those that
    # have ended.
    forking = [one.cpu_times() for one in psutil.Process().children()]
    waited = sum(one.children_user + one.children_system for one in forking)
    return time.process_time() + waited


def lateness(folder: Path, model: LiveModel, cameras: int, film: Path | None) -> None:
    """Print how long after its last frame a clip is scored, while cameras play on loopback."""
    late_s: list[float] = []

    def note(_: Troubles, one: Watched, *__: float) -> None:
        late_s.append(one.facts.late_s)

    with patch.object(Troubles, "note_lateness", note):
        shop, watch = open_shop(folder, model, cameras, film)
        time.sleep(FILM_S)
        watch.stop()
    for camera in shop:
        camera.close()
    config = model.detector.config
    stride_s = config.n_frames * config.step // 2 / config.fps
    p50, p99 = np.quantile(late_s, [0.5, 0.99])
    print(f"{cameras} cameras, {len(late_s)} clips: last frame to score p50 {p50 * 1000:.0f} ms")
    print(verdict("p99, seconds", float(p99), stride_s + BEYOND_S, most=True))


def model_rate(model: LiveModel) -> None:
    """Print clips a second of the network alone, and the cameras that come to."""
    config = model.detector.config
    stride_s = config.n_frames * config.step // 2 / config.fps
    model.detector.to(model.device)
    for batch in (32, 256, 1024):
        shape = batch, config.n_frames, config.frame_size * 3 // 2, config.frame_size
        yuv_BTKW = torch.randint(0, 256, shape, dtype=torch.uint8)
        rounds = 0
        with torch.inference_mode():
            for _ in range(3):
                model.detector(yuv_BTKW.to(model.device)).cpu()
            begun = time.perf_counter()
            while time.perf_counter() - begun < 3.0:
                model.detector(yuv_BTKW.to(model.device)).cpu()
                rounds += 1
        rate = rounds * batch / (time.perf_counter() - begun)
        print(
            f"{model.device}, batches of {batch} from ordinary memory: {rate:.0f} clips/s, "
            f"{rate * stride_s:.0f} cameras"
        )


def _decode(source: Path) -> None:
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream):
            pass


def _follow(source: Path, model: LiveModel, scored: bool = False) -> None:
    config = model.detector.config
    woken = threading.Event()
    one = Follower(
        LiveCamera(name="a", address=str(source), role="till"),
        Watching(),
        config.fps,
        config.frame_size,
        model.new_window(),
        woken.set,
        at_own_speed=False,
    )
    one.start()
    while not one.is_gone() or one.clips.count:
        clip = one.clips.take()
        if clip is None:
            # As the watcher waits for its cameras.
            woken.wait(LOOK_S)
            woken.clear()
        elif scored:
            model.score([clip])
    one.join()


def _plain_loop(source: Path, model: LiveModel) -> None:
    """Read by OpenCV, scale each tenth of a second's picture, score each clip, as people do."""
    import cv2

    config = model.detector.config
    cv2.setNumThreads(1)
    film, frames, number, size = cv2.VideoCapture(str(source)), [], 0, config.frame_size
    while True:
        is_there, picture = film.read()
        if not is_there:
            break
        due = number * config.fps // RATE != (number - 1) * config.fps // RATE
        number += 1
        if not due:
            continue
        small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        frames.append(cv2.cvtColor(small, cv2.COLOR_BGR2YUV_I420))
        if len(frames) == config.n_frames:
            with torch.inference_mode():
                model.detector(torch.from_numpy(np.stack(frames)[None])).sigmoid().item()
            frames = frames[config.n_frames // 2 :]
    film.release()


if __name__ == "__main__":
    main()

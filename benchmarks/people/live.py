"""What following people costs a live camera: beside decoding and the bare detector.

    python -m benchmarks.people.live --weights data/detector/yolox_nano.onnx FILM

The detector alone looks at as many pictures, and nobody is tracked or cut out.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import av
import psutil

from aislewatch.config.params import load_params
from aislewatch.people.finding import Graphs, fitted
from aislewatch.people.graphs import open_session
from aislewatch.people.watching import find_people
from aislewatch.watch.cameras_file import LiveCamera, Watching
from aislewatch.watch.follower import Follower
from aislewatch.watch.people import PeopleRequest
from aislewatch.watch.windows import ClipWindow
from benchmarks.rounds import machine

# Frames a second of the store, as people are looked for on real footage.
FPS = 10


def main() -> None:
    """Measure both by turns, and print CPU seconds of each and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="of the detector")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("film", type=Path)
    chosen = parser.parse_args()
    params = load_params()
    how = (192, 2, params.track, True, tuple(params.people.regions))
    request = PeopleRequest(chosen.weights.absolute(), *how)
    print(f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, {machine()}")
    alone, ours = [], []
    for _ in range(chosen.rounds):
        begun = _cpu_s()
        looks = _detector_alone(chosen.film, request)
        between = _cpu_s()
        people = _followed(chosen.film, request)
        alone.append(between - begun)
        ours.append(_cpu_s() - between)
    print(f"{looks} looks, {people} squares; CPU s, median of {chosen.rounds}:")
    print(f"decoding and detector alone {statistics.median(alone):.2f}", end=", ")
    print(f"a camera of ours {statistics.median(ours):.2f}", end=", ")
    print(f"share {statistics.median(a / b for a, b in zip(alone, ours, strict=True)):.2f}")


def _detector_alone(film: Path, request: PeopleRequest) -> int:
    """Decode, scale every n-th picture and look at it; count the looks."""
    graphs, looks = Graphs(request.weights, request.square, request.regions), 0
    with av.open(str(film)) as container, tempfile.TemporaryDirectory() as folder:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        size = fitted(stream.width, stream.height, graphs.yolox.side)
        session = open_session(graphs.detector(size, Path(folder)))
        every = max(1, round(float(stream.average_rate or FPS) * request.every / FPS))
        for number, picture in enumerate(container.decode(stream)):
            if number % every == 0:
                small = picture.to_ndarray(format="yuv420p", width=size[0], height=size[1])
                find_people(session, small, graphs.yolox.side, request.track.go_on_score)
                looks += 1
    return looks


def _followed(film: Path, request: PeopleRequest) -> int:
    """Follow the film as a camera, as fast as it goes; count the squares of people."""
    camera = LiveCamera(name="a", address=str(film), role="till")
    shape = 1, Graphs(request.weights, request.square, request.regions).form.frame_bytes
    window = ClipWindow(16, 1, FPS, shape, of_people=True)
    one = Follower(camera, Watching(), FPS, 64, window, lambda: None, False, request)
    one.start()
    while not one.is_gone():
        one.clips.take()
        time.sleep(0.02)
    one.join()
    return len(one.seen)


def _cpu_s() -> float:
    forking = [one.cpu_times() for one in psutil.Process().children()]
    waited = sum(one.children_user + one.children_system for one in forking)
    return time.process_time() + waited


if __name__ == "__main__":
    main()

"""Cameras watched together: the alerts are those of detection, and the file may change at will."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from aislewatch.alerts.clips import Alert
from aislewatch.alerts.rule import rule_at

from aislewatch.config.params import Params, load_params
from aislewatch.detect.detection import Detection, detect
from aislewatch.files import write_json
from aislewatch.models.build import ModelConfig, build, save_model
from aislewatch.models.sizes import network_of
from aislewatch.register.bundle import OPERATING
from aislewatch.watch.live_alerts import LiveChange
from aislewatch.watch.loopback import LoopbackCamera
from aislewatch.watch.scorer import LiveModel, load_live
from aislewatch.watch.watcher import Watched, Watcher
from tests.code_closure import ROOT
from tests.watch.broken_cameras import make_film

SECRET = "geheim-1234"


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("films") / "a.mp4", 6.0)


def save_network(folder: Path, params: Params, seed: int, threshold: float) -> Path:
    torch.manual_seed(seed)
    sizes = network_of(params.model)
    config = ModelConfig(architecture="cnn", model=sizes, frame_size=64, n_frames=8, step=1, fps=10)
    save_model(folder, build(config))
    rule = rule_at(params.alerts, threshold)
    write_json(folder / OPERATING, {"rule": rule.model_dump()})
    return folder


def freeze(folder: Path, params: Params, threshold: float) -> None:
    write_json(folder / OPERATING, {"rule": rule_at(params.alerts, threshold).model_dump()})


@pytest.fixture(scope="module")
def detected(film: Path, params: Params, tmp_path_factory: pytest.TempPathFactory) -> Detection:
    """What detection says of the film, at a threshold that some of its clips reach."""
    out = tmp_path_factory.mktemp("out")
    folder = save_network(out / "model", params, 0, 0.0)
    scores = sorted(clip.score for clip in detect(film, folder, params, out).clips)
    # In the widest gap of those in the middle, so that no rounding decides.
    middle = range(len(scores) // 4, 3 * len(scores) // 4)
    at = max(middle, key=lambda place: scores[place + 1] - scores[place])
    freeze(folder, params, (scores[at] + scores[at + 1]) / 2)
    found = detect(film, folder, params, out)
    assert 0 < sum(clip.score >= found.rule.threshold for clip in found.clips) < len(found.clips)
    return replace(found, json_file=folder)


@pytest.fixture(scope="module")
def model(detected: Detection, params: Params) -> LiveModel:
    return load_live("aislewatch", "1", detected.json_file, params.machine)


class Told:
    """Runs a watcher in a thread, and holds what it told."""

    def __init__(self, folder: Path, cameras: list[dict[str, object]], models: list[LiveModel]):
        self.file = folder / "cameras.yaml"
        self.changes: list[tuple[str, str, LiveChange]] = []
        self.live = folder / "live"
        self.write(cameras)
        self.watcher = Watcher(self.file, models, self.live, self._tell, at_own_speed=False)
        self._thread = threading.Thread(target=self.watcher.run)
        self._thread.start()

    def write(self, cameras: list[dict[str, object]]) -> None:
        watching = {"metrics_port": 0, "stall_s": 2.0, "backoff_s": 0.1, "queue_clips": 4}
        self.file.write_text(yaml.safe_dump({"watching": watching, "cameras": cameras}))

    def _tell(self, one: Watched, model: LiveModel, happened: LiveChange) -> None:
        self.changes.append((one.camera.name, model.version, happened))

    def end(self) -> None:
        self.watcher.stop()
        self.wait()

    def wait(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()

    def alerts(self, name: str, version: str = "1") -> list[Alert]:
        return [
            told.change.alert
            for camera, by, told in self.changes
            if (camera, by, told.session) == (name, version, 0) and told.change.kind == "ended"
        ]


def wait_for(what: Callable[[], object], seconds: float = 30.0) -> None:
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < seconds, "it never came true"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def loopback(film: Path) -> Iterator[LoopbackCamera]:
    camera = LoopbackCamera(film, speed=2.0, loops=False)
    yield camera
    camera.close()


def spans(alerts: list[Alert]) -> list[tuple[float, float, float]]:
    return [(alert.start_s, alert.raised_s, alert.end_s) for alert in alerts]


def test_file_stream_and_detection_raise_the_same_alerts(
    tmp_path: Path, film: Path, loopback: LoopbackCamera, detected: Detection, model: LiveModel
) -> None:
    """A film scored by detect, played as a file, and sent by a camera on loopback."""
    told = Told(
        tmp_path,
        [
            {"name": "file", "address": str(film), "role": "till"},
            {"name": "stream", "address": loopback.address, "role": "aisle"},
        ],
        [model],
    )
    wait_for(lambda: told.watcher.watched["stream"].follower.counts.connections > 1)
    wait_for(lambda: not told.watcher.watched["stream"].follower.clips.count)
    told.end()
    assert detected.alerts, "there is something to compare"
    for name in ("file", "stream"):
        assert spans(told.alerts(name)) == spans(list(detected.alerts)), name
        assert [alert.peak_score for alert in told.alerts(name)] == pytest.approx(
            [alert.peak_score for alert in detected.alerts], abs=1e-5
        )

"""Cameras watched together: the alerts are those of detection, and the file may change at will."""

import json
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path

import av
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from aislewatch.alerts.clips import Alert
from aislewatch.alerts.rule import rule_at
from aislewatch.cli.main import main
from aislewatch.config.params import Params, load_params
from aislewatch.delivery.outbox import Outbox
from aislewatch.detect.detection import Detection, detect
from aislewatch.errors import ConfigError, ModelError
from aislewatch.models.build import ModelConfig
from aislewatch.models.people_form import PeopleForm
from aislewatch.watch.live_alerts import CameraAlerts
from aislewatch.watch.loopback import LoopbackCamera
from aislewatch.watch.scorer import LiveModel, LiveScore, load_live
from aislewatch.watch.windows import LiveClip
from tests.code_closure import ROOT
from tests.tiny_registry import new_registry
from tests.waiting import wait_for
from tests.watch.broken_cameras import make_film
from tests.watch.champions import freeze, register_champion, save_network
from tests.watch.told import Told

SECRET = "geheim-1234"
SHIPPED = load_params(ROOT / "params.yaml")
TWO_IN_A_ROW = SHIPPED.alerts.model_copy(update={"consecutive": 2})
NUMBERS_OF_THE_SIZE = {"input_size": None, "encoder_channels": None}
PARAMS = SHIPPED.model_copy(
    update={
        "alerts": TWO_IN_A_ROW,
        "model": SHIPPED.model.model_copy(update=NUMBERS_OF_THE_SIZE),
    }
)


@pytest.fixture(scope="module")
def params() -> Params:
    return PARAMS


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("films") / "a.mp4", 6.0)


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
    return load_live("aislewatch", "1", detected.json_file, params.machine, detected.json_file)


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
    cameras = [
        {"name": "file", "address": str(film), "role": "till"},
        {"name": "stream", "address": loopback.address, "role": "aisle"},
    ]
    # A machine that stands still for seconds must leave no clip out here.
    with Told(tmp_path, cameras, [model], queue_clips=1000) as told:
        wait_for(lambda: told.of("stream").counts.connections > 1)
        wait_for(lambda: not told.of("stream").clips.count)
    assert detected.alerts, "there is something to compare"
    for name in ("file", "stream"):
        assert spans(told.alerts(name)) == spans(list(detected.alerts)), name
        assert [alert.peak_score for alert in told.alerts(name)] == pytest.approx(
            [alert.peak_score for alert in detected.alerts], abs=1e-5
        )


def test_cameras_come_and_go_while_others_are_watched(
    tmp_path: Path,
    film: Path,
    loopback: LoopbackCamera,
    model: LiveModel,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In any state: one that runs, one where nobody answers. A wrong file changes nothing."""
    steady = LoopbackCamera(film)
    runs = {"name": "runs", "address": steady.address, "role": "aisle"}
    gone = {"name": "gone", "address": f"http://a:{SECRET}@127.0.0.1:9/x", "role": "till"}
    more = {"name": "more", "address": steady.address, "role": "entrance"}
    caplog.set_level("INFO", "aislewatch")
    with Told(tmp_path, [runs, gone], [model]) as told:
        first = told.of("runs")
        wait_for(lambda: first.state == "running")
        wait_for(lambda: told.of("gone").counts.connections > 2)
        # Written in two steps, as editors do: half a file is no reason to stop watching.
        told.file.write_text("cameras: [{name: ")
        wait_for(lambda: "watched as before" in caplog.text)
        assert set(told.watcher.watched) == {"runs", "gone"}
        left = told.of("gone")
        told.write([runs | {"role": "till", "hours": ["08:00-20:00"]}, more])
        wait_for(lambda: set(told.watcher.watched) == {"runs", "more"})
        wait_for(lambda: told.of("more").state == "running")
        wait_for(lambda: left.is_gone() and left.state == "stopped")
        assert told.of("runs") is first, "hours and role change without a new connection"
        assert first.counts.connections == 1
        assert told.watcher.watched["runs"].camera.hours == ["08:00-20:00"]
        metrics = generate_latest(told.watcher.metrics.registry).decode()
    steady.close()
    assert 'aislewatch_camera_state{camera="more",state="running"} 1.0' in metrics
    assert "gone" not in metrics
    assert caplog.text.count("gone: no frames:") == 1, "a camera that fails again is one message"
    kept = "".join(path.read_text() for path in told.live.rglob("*") if path.is_file())
    points = list((told.live / "operating").glob("*.json"))
    assert len(points) == 2, "other hours are another operating point"
    changes = (told.live / "operating/changes.jsonl").read_text().splitlines()
    first, then = map(json.loads, changes)
    assert (first["before"], then["before"]) == (None, first["point"])
    assert "cameras.runs.hours" in then["changed"]
    assert not [key for key in then["changed"] if key.startswith(("model", "rule"))]
    assert '"08:00-20:00"' in kept
    assert SECRET not in kept + metrics + caplog.text


def test_a_zone_that_can_restrict_nothing_is_an_error_that_names_it(
    tmp_path: Path, film: Path, model: LiveModel
) -> None:
    zone = {"name": "drawer", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}
    camera: dict[str, object] = {"name": "till-1", "address": str(film), "role": "till"}
    with pytest.raises(
        ConfigError, match=r"zone drawer of camera till-1 cannot .* version 1 looks"
    ):
        Told(tmp_path, [camera | {"zones": [zone]}], [model])


def test_outside_of_its_hours_a_camera_raises_nothing(
    tmp_path: Path, film: Path, model: LiveModel
) -> None:
    now = datetime.now()
    spans = [(now + timedelta(hours=hours)).strftime("%H:%M") for hours in (1, 2)]
    camera = {"name": "a", "address": str(film), "role": "aisle", "hours": ["-".join(spans)]}
    with Told(tmp_path, [camera], [model]) as told:
        told.wait()
    assert told.changes == []
    assert told.watcher.watched["a"].facts.scored > 5


def test_a_shadow_scores_the_same_clips_and_alerts_by_its_own_rule(
    tmp_path: Path, film: Path, detected: Detection, model: LiveModel
) -> None:
    eager = replace(model, version="2", rule=model.rule.model_copy(update={"threshold": 0.0}))
    with Told(tmp_path, [{"name": "a", "address": str(film), "role": "till"}], [model, eager]) as t:
        t.wait()
    assert spans(t.alerts("a", "1")) == spans(list(detected.alerts))
    assert [(one.start_s, one.end_s) for one in t.alerts("a", "2")] == [(0.0, 6.0)]
    assert t.watcher.watched["a"].facts.alerts == len(detected.alerts), "a shadow's do not count"


def test_scoring_that_is_too_slow_is_told_and_what_is_left_out_counted(
    tmp_path: Path, film: Path, model: LiveModel, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(LiveModel):
        def score(self, clips: Sequence[LiveClip]) -> list[LiveScore]:
            time.sleep(2.0)
            return [LiveScore(0.0, -1, None)] * len(clips)

    camera = LoopbackCamera(film, speed=4.0)
    slow = Slow(**{field.name: getattr(model, field.name) for field in fields(model)})
    with Told(tmp_path, [{"name": "a", "address": camera.address, "role": "till"}], [slow]) as told:
        wait_for(lambda: told.of("a").clips.dropped)
        wait_for(lambda: told.watcher.watched["a"].facts.is_late)
        metrics = generate_latest(told.watcher.metrics.registry).decode()
    camera.close()
    assert 'aislewatch_camera_late{camera="a"} 1.0' in metrics
    assert caplog.text.count("a: late:") == 1


@given(
    runs=st.lists(st.tuples(st.integers(1, 9), st.floats(0, 100)), min_size=1, max_size=5),
    data=st.data(),
)
def test_alerts_never_reach_over_a_lost_connection(
    runs: list[tuple[int, float]], data: st.DataObject
) -> None:
    """Whatever the scores: each alert lies in one connection, on that stream's own clock."""
    rule = rule_at(PARAMS.alerts, 0.5).model_copy(update={"cooldown_s": 3.0})
    alerts, now_s, ended = CameraAlerts(rule), 0.0, []
    for session, (length, away_s) in enumerate(runs):
        now_s += away_s
        for at in range(length):
            now_s += 0.8
            clip = LiveClip(at * 0.8, at * 0.8 + 1.6, now_s, session, ())
            score = LiveScore(data.draw(st.sampled_from([0.1, 0.9])), -1, None)
            ended += alerts.feed(clip, score)
    ended = [one for one in ended + alerts.close() if one.change.kind == "ended"]
    for one in ended:
        length = runs[one.session][0]
        assert -1e-6 <= one.change.alert.start_s < one.change.alert.end_s
        assert one.change.alert.end_s <= (length - 1) * 0.8 + 1.6 + 1e-6


def test_a_version_without_its_detector_is_refused(
    tmp_path: Path, params: Params, detected: Detection
) -> None:
    folder = shutil.copytree(detected.json_file, tmp_path / "people")
    config = ModelConfig.model_validate_json((folder / "config.json").read_bytes())
    form = PeopleForm(detector="0", square=64, every=2, track=params.track, channels=64)
    shown = config.model_copy(update={"people": form})
    (folder / "config.json").write_text(shown.model_dump_json(exclude_defaults=True))
    with pytest.raises(ModelError, match=r"missing, or not .* version 3 of aislewatch was trained"):
        load_live("aislewatch", "3", folder, params.machine, tmp_path)


def test_the_command_watches_a_file_to_its_end(
    tmp_path: Path,
    film: Path,
    detected: Detection,
    empty_store: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By the registered champion, out of a real registry."""
    new_registry(tmp_path, empty_store, monkeypatch)
    register_champion(detected.json_file)
    to = {"name": "room", "kind": "webhook", "address": "http://127.0.0.1:9/"}
    Path("delivery.yaml").write_text(yaml.safe_dump({"ttl_s": 60.0, "targets": [to]}))
    camera = {"name": "a", "address": str(film), "role": "till"}
    port = {"metrics_port": 0}
    Path("cameras.yaml").write_text(yaml.safe_dump({"watching": port, "cameras": [camera]}))
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    main(["watch", "cameras.yaml", "--as-fast-as-it-goes"])
    for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(number, handler)
    assert "champion: aislewatch version 1" in capsys.readouterr().out
    assert caplog.text.count("a: ALERT") == len(detected.alerts)
    folders = sorted(Path("live/evidence").iterdir())
    assert len(folders) == len(detected.alerts)
    kept = [json.loads((folder / "alert.json").read_text()) for folder in folders]
    assert {sent.key for sent in Outbox(Path("live")).waiting("room")} == {f.name for f in folders}
    offsets = sorted(alert["offset_s"] for alert in kept)
    assert offsets == pytest.approx([alert.start_s for alert in detected.alerts], abs=1e-3)
    assert {alert["source"] for alert in kept} == {str(film)}
    for folder in folders:
        timeline = json.loads((folder / "timeline.json").read_text())
        assert len(timeline["scores"]) > 5
        with av.open(str(folder / "original.mp4")) as container:
            pictures = list(container.decode(video=0))
        # The film of 6 s is shorter than 5 s before and 5 s after.
        assert len(pictures) > 100
        seconds = [float(picture.time) for picture in pictures]
        assert seconds == sorted(seconds)
        begin, end = timeline["alert_s"]
        assert seconds[0] - 0.1 <= begin < end <= seconds[-1] + 0.1

"""Live people: a camera's tracks, squares and alerts are those of detection and of the stages."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aislewatch.alerts.clips import Alert
from aislewatch.alerts.rule import rule_at
from aislewatch.config.params import load_params
from aislewatch.config.people import Region, Tracker
from aislewatch.detect.detection import Detection, detect
from aislewatch.files import write_json
from aislewatch.frames.stretches import Stretch
from aislewatch.models.build import build, model_config, save_model
from aislewatch.models.sizes import network_of
from aislewatch.people.squares import squares_of
from aislewatch.people.tracker import Sightings, follow
from aislewatch.register.bundle import DETECTOR, OPERATING
from aislewatch.watch.cameras_file import Zone
from aislewatch.watch.loopback import LoopbackCamera
from aislewatch.watch.messages import StoreFrame
from aislewatch.watch.people import LivePeople
from aislewatch.watch.scorer import LiveModel, LiveScore, load_live
from aislewatch.watch.zones import stands_in
from tests.people.pictures import HEIGHT, WIDTH, Place
from tests.people.shop import film, make_shop, run_both
from tests.waiting import wait_for
from tests.watch.told import Told

SETTINGS = Tracker(begin_score=0.35, go_on_score=0.15, gap=8)
FPS, SIZE = 10, 320
REGIONS: list[Region] = ["person", "upper"]


def visit() -> list[list[Place]]:
    """Somebody stands, another comes and goes, both leave; then one who walks across."""
    stands: list[list[Place]] = [[(4, 20)] for _ in range(40)]
    for at in range(14, 40):
        stands[at].append((48 + (at - 14) // 2, 20))
    walks: list[list[Place]] = [[(2 * at, 20)] for at in range(30)]
    return stands + [[]] * 20 + walks + [[]] * 6


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Detection:
    """What detection says of the film, by an untrained network at a threshold that some reach."""
    shop = make_shop(tmp_path_factory.mktemp("shop"))
    with pytest.MonkeyPatch.context() as patch:
        film(shop, "visit.mp4", visit())
        run_both(shop, patch)
        params, model = load_params(), shop / "model"
        torch.manual_seed(0)
        save_model(model, build(model_config("convlstm", network_of(params.model), params)))
        write_json(model / OPERATING, {"rule": rule_at(params.alerts, 0.1).model_dump()})
        shutil.copyfile(params.people.weights, model / DETECTOR)
        video = shop / "data/raw/shop/normal/visit.mp4"
        found = detect(video, model, params, shop / "out")
        assert len(found.alerts) > 1
        assert len({clip.track for clip in found.clips}) > 2
        return found


@pytest.fixture(scope="module")
def model(found: Detection) -> LiveModel:
    shop = found.video.parents[4]
    params = load_params(shop / "params.yaml")
    return load_live("aislewatch", "1", shop / "model", params.machine, shop / "live")


def spans(alerts: Sequence[Alert]) -> list[tuple[float, float, int]]:
    return [(one.start_s, one.end_s, one.track) for one in alerts]


@pytest.mark.parametrize("kind", ["file", "loopback"])
def test_alerts_of_people_are_those_of_detection(
    tmp_path: Path, found: Detection, model: LiveModel, kind: str
) -> None:
    """With track and box of each, from a camera as from the file."""
    camera = LoopbackCamera(found.video, loops=False)
    address = str(found.video) if kind == "file" else camera.address
    with Told(tmp_path, [{"name": "a", "address": address, "role": "till"}], [model]) as told:
        if kind == "file":
            told.wait()
        else:
            wait_for(lambda: told.of("a").counts.connections > 1, 60.0)
    camera.close()
    alerts = told.alerts("a")
    facts = [(a.start_s, a.raised_s, a.end_s, a.peak_s, a.track) for a in alerts]
    assert facts == [(a.start_s, a.raised_s, a.end_s, a.peak_s, a.track) for a in found.alerts]
    for alert, one, box in zip(alerts, found.alerts, found.boxes, strict=True):
        assert alert.peak_score == pytest.approx(one.peak_score, abs=1e-6)
        assert alert.box is not None
        assert box is not None
        shown = np.array(alert.box) * [WIDTH, HEIGHT, WIDTH, HEIGHT]
        np.testing.assert_allclose(shown, box, atol=0.06)


def test_a_zone_restricts_alerts_to_whom_stands_in_it(
    tmp_path: Path, found: Detection, model: LiveModel
) -> None:
    """The foot point counts: the zone ends below the middle of everybody's box."""
    right = [[0.45, 0.6], [1.0, 0.6], [1.0, 1.0], [0.45, 1.0]]
    zones = [{"name": "shelf", "polygon": right}]
    camera = {"name": "a", "address": str(found.video), "role": "aisle", "zones": zones}
    with Told(tmp_path, [camera], [model]) as told:
        told.wait()
    inside = told.alerts("a")
    assert inside
    assert all(one.box and (one.box[0] + one.box[2]) / 2 >= 0.45 for one in inside)
    assert spans(inside) != spans(found.alerts), "somebody raised one outside of it"
    assert all(one.operating for one in told.watcher.watched.values())


def test_a_foot_point_is_in_a_zone_or_beside_it() -> None:
    horseshoe = Zone(
        name="u",
        polygon=[[0, 0], [1, 0], [1, 1], [0.7, 1], [0.7, 0.4], [0.3, 0.4], [0.3, 1], [0, 1]],
    )
    for box, inside in (
        ((0.0, 0.1, 0.2, 0.9), True),
        ((0.4, 0.1, 0.6, 0.3), True),
        ((0.4, 0.1, 0.6, 0.8), False),
        ((0.8, 0.1, 1.0, 0.8), True),
    ):
        assert stands_in(box, [horseshoe]) == inside


def test_a_window_without_a_person_is_normal_without_a_network(
    model: LiveModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, nothing = model.new_window(), b""
    frames = [StoreFrame(at, at / FPS, nothing) for at in range(40)]
    clips = [clip for frame in frames for clip in window.add(frame)]
    assert clips
    assert not any(clip.views for clip in clips)
    monkeypatch.setattr("aislewatch.watch.scorer.logits_of", None)
    assert model.score(clips) == [LiveScore(0.0, -1, None)] * len(clips)


SEEN = st.lists(st.tuples(st.integers(0, 280), st.floats(0.1, 1.0)), max_size=3)


@given(st.lists(st.lists(SEEN, min_size=1, max_size=40), min_size=1, max_size=3), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_a_stream_has_the_people_of_the_file(
    stretches: list[list[list[tuple[int, float]]]], every: int
) -> None:
    """Frame by frame: who is there, where, and in which square; with gaps in the recording."""
    looks, bounds, instants, first = {}, [], [], 0
    for number, frames in enumerate(stretches):
        bounds.append(Stretch(first, first + len(frames), first + 100 * number))
        for at, seen in enumerate(frames):
            boxes = np.array([[left, 10, left + 30, 70] for left, _ in seen], float).reshape(-1, 4)
            instants.append(first + at + 100 * number)
            looks[instants[-1]] = boxes, np.array([score for _, score in seen], float)
        first += len(frames)
    looked = [
        Sightings(frame, *looks[instants[frame]], np.zeros(len(looks[instants[frame]][0])))
        for bound in bounds
        for frame in range(bound.first, bound.end, every)
    ]
    expected: list[list[tuple[object, ...]]] = [[] for _ in instants]
    for track, way in enumerate(follow(looked, bounds, SETTINGS, every)):
        [bound] = [b for b in bounds if b.first <= way.first < b.end]
        begin, squares = squares_of(way, bound, SIZE, SIZE, FPS, REGIONS)
        for at, square in enumerate(squares):
            box = way.boxes[np.clip(begin + at - way.first, 0, len(way.boxes) - 1)] / SIZE
            expected[begin + at].append((track, tuple(box.tolist()), square.tobytes()))

    live = LivePeople(
        SETTINGS,
        every,
        (SIZE, SIZE),
        FPS,
        REGIONS,
        lambda small: looks[int(small[0])],
        lambda _, squares: np.stack([one.ravel().view(np.uint8) for one in squares]),
    )
    seen = [
        people
        for instant in instants
        for people in live.take(instant, np.array([instant]), np.array([0], np.uint8))
    ] + live.end()
    told = [[(person.track, person.box, person.shown) for person in people] for people in seen]
    assert told == expected

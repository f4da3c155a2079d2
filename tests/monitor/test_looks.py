"""Figures by the hour: scores and alerts, people, hours of the day; whose scores they may be."""

from pathlib import Path

import numpy as np
import pytest

from aislewatch.alerts.clips import ScoredClip
from aislewatch.alerts.rule import rule_at
from aislewatch.config.params import load_params
from aislewatch.errors import FootageError
from aislewatch.files import write_json
from aislewatch.frames.stretches import FrameTimes, Stretch
from aislewatch.models.build import WEIGHTS_FILE
from aislewatch.monitor.footage import chosen_network
from aislewatch.monitor.looks import WatchedVideo, measure, recorded_hour
from aislewatch.tables import places
from tests.code_closure import ROOT

SIZE, FPS = 64, 2
RULE = rule_at(load_params(ROOT / "params.yaml").alerts, 0.8)


def film(folder: Path, seconds: int, at_s: int = 0, **known: object) -> WatchedVideo:
    rng = np.random.default_rng(0)
    frames = rng.integers(16, 236, (seconds * FPS, SIZE * 3 // 2, SIZE), dtype=np.uint8)
    frames.tofile(folder / "film.yuv")
    times = FrameTimes(FPS, (Stretch(0, len(frames), at_s * FPS),))
    name = "till/2026-11-30T22-59.mp4"
    made = WatchedVideo("till", name, folder, "film.yuv", SIZE, times)
    return WatchedVideo(**(vars(made) | known))


def clips(scores: list[float], begin: float) -> list[ScoredClip]:
    return [ScoredClip(begin + 2 * i, begin + 2 * i + 4, score) for i, score in enumerate(scores)]


def test_scores_alerts_and_people_are_counted_by_the_hour(tmp_path: Path) -> None:
    """20 s before a full hour and 20 s behind it, with an alert behind it."""
    calm, alarm = clips([0.1] * 10, 3580), clips([0.9] * 8, 3602)
    seen = film(tmp_path, 40, at_s=3580, clips=[*calm, *alarm], ways=[(0, 20), (0, 40)])
    hours = measure(seen, RULE).hours
    assert hours["hour"].tolist() == [22, 23]
    assert hours["score"].tolist() == pytest.approx([0.1, 0.9])
    assert hours["alerts"].tolist() == pytest.approx([0.0, 180.0])
    assert hours["people"].tolist() == pytest.approx([1.5, 0.0])
    assert hours["light"].between(100, 150).all()


def test_what_nobody_scored_or_looked_for_is_not_known(tmp_path: Path) -> None:
    hours = measure(film(tmp_path, 4), RULE).hours
    assert hours[["score", "alerts", "people"]].isna().all(axis=None)
    assert hours[["light", "contrast", "sharpness", "motion"]].notna().all(axis=None)


@pytest.mark.parametrize(
    ("name", "hour"),
    [
        ("till/2026-11-30T14-05-00.mp4", 14),
        ("till/ch01_20261130_090500.mp4", 9),
        ("till/202611300005.mkv", 0),
        ("till/take-0009.mp4", None),
        ("till/20261130_990500.mp4", None),
        ("till/120261130_0905.mp4", None),
    ],
)
def test_the_hour_is_read_from_a_recorders_name(name: str, hour: int | None) -> None:
    assert recorded_hour(name) == hour


def test_scores_of_another_network_are_no_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FootageError, match="dvc repro evaluate"):
        chosen_network(tmp_path)
    rule = {"rule": RULE.model_dump()}
    write_json(places.SELECTED, {"model": "cnn", "operating": rule})
    for folder, weights in ((places.model_folder("cnn"), b"one"), (tmp_path, b"other")):
        folder.mkdir(exist_ok=True)
        (folder / WEIGHTS_FILE).write_bytes(weights)
    with pytest.raises(FootageError, match="not the network of this checkout"):
        chosen_network(tmp_path)
    (tmp_path / WEIGHTS_FILE).write_bytes(b"one")
    assert chosen_network(tmp_path).name == "cnn"
    assert chosen_network(tmp_path).rule == RULE

"""Detection by a network that is shown people: whose score, where they are, and when nobody is."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image

from aislewatch.alerts.engine import raise_alerts
from aislewatch.alerts.rule import rule_at
from aislewatch.config.params import Params, load_params
from aislewatch.detect.detection import Detection, detect
from aislewatch.errors import ModelError
from aislewatch.files import write_json
from aislewatch.frames.stretches import frame_times
from aislewatch.models.build import build, load_model, model_config, save_model
from aislewatch.models.scoring import source_of
from aislewatch.models.sizes import network_of
from aislewatch.register.bundle import DETECTOR, OPERATING
from aislewatch.score.clips import successive_starts
from aislewatch.score.scored import Dataset
from aislewatch.score.scored import scored as scored_model
from aislewatch.score.scoring import score_model, score_views
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.people import TRACKS
from aislewatch.tables.validate import ANNOTATIONS, VIDEOS
from tests.people.shop import film, make_shop, run_both
from tests.people.tiny_detector import write_tiny

# Somebody stands for 3 s, then the picture is empty for 3 s.
STANDS = [[(32, 16)]] * 30 + [[]] * 30


@pytest.fixture(params=["detector", "cnn"])
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Params]:
    """A project with one film, tracked, and the untrained network in the folder ``model``."""
    make_shop(tmp_path)
    film(tmp_path, "stands.mp4", STANDS)
    run_both(tmp_path, monkeypatch)
    params = load_params()
    model = params.model.model_copy(update={"encoder": request.param})
    params = params.model_copy(update={"model": model})
    torch.manual_seed(0)
    config = model_config("convlstm", network_of(params.model), params)
    save_model(tmp_path / "model", build(config))
    rule = rule_at(params.alerts, 0.1)
    write_json(tmp_path / "model" / OPERATING, {"rule": rule.model_dump()})
    shutil.copyfile(params.people.weights, tmp_path / "model" / DETECTOR)
    return tmp_path, params


def detected(shop: tuple[Path, Params]) -> Detection:
    folder, params = shop
    video = folder / "data/raw/shop/normal/stands.mp4"
    return detect(video, folder / "model", params, folder / "out")


def test_an_alert_has_the_persons_box_and_an_empty_picture_scores_nothing(
    shop: tuple[Path, Params],
) -> None:
    found = detected(shop)
    [alert] = json.loads(found.json_file.read_text())["alerts"]
    boxes = TRACKS.read()
    frame = round(alert["peak_s"] * 10)
    there = boxes[(boxes["track"] == alert["track"]) & (boxes["frame"] == frame)].iloc[0]
    expected = [there[side] for side in ("left", "top", "right", "bottom")]
    assert alert["box"] == pytest.approx(expected, abs=0.06)
    assert alert["end_s"] < 4.0
    last = found.clips[-1]
    assert (last.score, last.track) == (0.0, -1)
    with Image.open(found.picture_file) as picture:
        assert picture.height > 500, "the alert's picture stands below the scores"


def test_detection_scores_as_the_score_stage_does(shop: tuple[Path, Params]) -> None:
    found, catalog = detected(shop), CATALOG.read()
    model = load_model(shop[0] / "model")
    [times] = frame_times(catalog).values()
    starts = successive_starts(times, model.config.n_frames, model.config.step)
    clips = catalog[["video", "frames_file"]].merge(pd.DataFrame({"start": starts}), how="cross")
    scored = score_views(model, clips, source_of(model.config), torch.device("cpu"))
    assert [clip.score for clip in found.clips] == scored["score"].tolist()
    assert [clip.track for clip in found.clips] == scored["track"].tolist()
    assert 0.0 < scored["score"].max() < 1.0


def test_evaluation_raises_the_alerts_that_detection_raises(shop: tuple[Path, Params]) -> None:
    found, catalog = detected(shop), CATALOG.read()
    model = load_model(shop[0] / "model")
    splits = catalog[["video", "frames_file"]].assign(start=0, label=0, split="val", group="a")
    table = score_model(model, splits, catalog, source_of(model.config), torch.device("cpu"))
    nothing = ANNOTATIONS.frame([])
    dataset = Dataset(splits, catalog, nothing, VIDEOS.frame([]))
    [video] = scored_model("convlstm", {}, table, dataset).whole["val"]
    assert video.clips == found.clips
    assert raise_alerts(video.clips, found.rule) == list(found.alerts)
    assert len(found.alerts) == 1


def test_another_detector_is_refused(shop: tuple[Path, Params]) -> None:
    write_tiny(shop[0] / "model" / DETECTOR, classes=3)
    with pytest.raises(ModelError, match="not the detector that the model was trained behind"):
        detected(shop)
    (shop[0] / "model" / DETECTOR).unlink()
    with pytest.raises(ModelError, match="missing"):
        detected(shop)

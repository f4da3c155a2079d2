"""The demo learns what it claims to: the order of movements, which no set of frames tells."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from aislewatch.alerts.rule import rule_at
from aislewatch.config.params import Params, load_params
from aislewatch.detect.detection import detect
from aislewatch.evaluate.intervals import interval, resampled_metrics
from aislewatch.evaluate.metrics import clip_metrics
from aislewatch.files import write_json
from aislewatch.frames.batches import read_batches
from aislewatch.models.build import Detector, build, model_config, save_model
from aislewatch.models.scoring import clip_addresses
from aislewatch.models.sizes import network_of
from aislewatch.register.bundle import OPERATING
from aislewatch.synth.choreography import FPS
from aislewatch.synth.shop import render_shop
from aislewatch.train.adam import Adam
from aislewatch.train.data import load_training_data
from aislewatch.train.loop import Recipe, train
from stages import ingest, segment, split, validate
from tests.footage_stages import run_stages
from tests.train.small_training import ALONE, ignore

# Visits of the demo's shop: a tenth of its footage, enough to learn the order from.
VISITS = 180
EPOCHS = 10
# As one trial of the demo's study found it: the study is not what is tested here.
ADAM = Adam(lr=0.004, beta1=0.9, beta2=0.99, eps=1e-8)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's visits without its long recordings, decoded, labelled and split."""
    folder = tmp_path_factory.mktemp("demo")
    render_shop(folder / "data/raw/synthetic", VISITS, seed=7, progress=lambda done, total: None)
    (folder / "data/assignments.csv").write_text("video,sha256,split\n")
    with pytest.MonkeyPatch.context() as patch:
        # Which visits share footage is not the point; comparing every two takes two minutes.
        patch.setattr("aislewatch.validate.stage.find_copies", lambda videos, workers: [])
        stages = (ingest, validate, segment, split)
        run_stages(folder, {"synthetic": "folder"}, patch, stages, fps=FPS)
    return folder


@pytest.fixture(scope="module")
def params(shop: Path) -> Params:
    return load_params(shop / "params.yaml")


def test_shipped_frames_are_those_of_the_cameras(pytestconfig: pytest.Config) -> None:
    """A store of another rate would repeat pictures, or leave them out."""
    assert load_params(Path(pytestconfig.rootpath) / "params.yaml").frames.fps == FPS


@pytest.fixture(scope="module")
def convlstm(shop: Path, params: Params) -> Detector:
    return trained(shop, params, "convlstm")


def trained(shop: Path, params: Params, architecture: str) -> Detector:
    data = load_training_data(shop / "data/dataset/splits.parquet", shop / "data/dataset/frames")
    config = model_config(architecture, network_of(params.model), params)
    recipe = Recipe(config, params.learning, ADAM, EPOCHS, patience=EPOCHS, seed=0)
    return train(recipe, data, ALONE, ignore)[0]


def predictions_on_test(shop: Path, model: Detector, shuffled: bool = False) -> pd.DataFrame:
    """Score the test clips, with their frames in order or in an order drawn for each clip."""
    splits = pd.read_parquet(shop / "data/dataset/splits.parquet")
    test = splits[splits["split"] == "test"].reset_index(drop=True)
    random, config, logits = np.random.default_rng(5), model.config, []
    addresses = clip_addresses(test)
    parts = [addresses[start : start + 64] for start in range(0, len(addresses), 64)]
    batches = read_batches(
        shop / "data/dataset/frames", parts, config.n_frames, config.step, config.frame_shape
    )
    for yuv_BTKW in batches:
        clips = [clip[random.permutation(len(clip))] if shuffled else clip for clip in yuv_BTKW]
        with torch.no_grad():
            logits.append(model.eval()(torch.from_numpy(np.stack(clips))).sigmoid().numpy())
    return test[["video", "group", "label"]].assign(score=np.concatenate(logits))


def has_learned(predictions: pd.DataFrame, params: Params) -> bool:
    """Tell whether the whole interval of the AUC lies well above chance."""
    settings = params.evaluate
    spread = interval(resampled_metrics(predictions, settings)["auc"], settings.confidence)
    return spread.low > 0.65


def test_order_decides(shop: Path, params: Params, convlstm: Detector) -> None:
    """The ConvLSTM finds thefts; shuffled frames cost it 10 points, and single frames know less."""
    ours = predictions_on_test(shop, convlstm)
    assert ours["video"].nunique() >= 25
    assert has_learned(ours, params)
    auc = clip_metrics(ours)["auc"]
    assert auc > 0.85
    assert clip_metrics(predictions_on_test(shop, convlstm, shuffled=True))["auc"] <= auc - 0.10
    frames = predictions_on_test(shop, trained(shop, params, "cnn"))
    assert clip_metrics(frames)["auc"] <= auc - 0.05


def test_detection_shows_the_alert_of_a_theft(
    shop: Path, params: Params, convlstm: Detector, tmp_path: Path
) -> None:
    """On most of five films of the test side, raised in the theft or just behind it."""
    save_model(tmp_path / "model", convlstm)
    rule = rule_at(params.alerts, 0.5)
    write_json(tmp_path / "model" / OPERATING, {"rule": rule.model_dump()})
    splits = pd.read_parquet(shop / "data/dataset/splits.parquet")
    thefts = splits[(splits["split"] == "test") & (splits["label"] == 1)]["video"].unique()[:5]
    events = pd.read_csv(shop / "data/raw/synthetic/events.csv").set_index("video")
    found = 0
    for video in thefts:
        seen = detect(shop / "data/raw" / video, tmp_path / "model", params, tmp_path / "out")
        start_s, end_s = events.loc[video.removeprefix("synthetic/"), ["start_s", "end_s"]]
        behind_s = end_s + params.evaluate.grace_s
        found += any(start_s <= alert.raised_s <= behind_s for alert in seen.alerts)
    assert found >= 3


def test_no_network_is_taken_to_have_learned_before_it_has(shop: Path, params: Params) -> None:
    """Some fresh weights rank clips better than chance by luck, by a whole interval even."""
    config = model_config("convlstm", network_of(params.model), params)
    for seed in range(5):
        torch.manual_seed(seed)
        assert not has_learned(predictions_on_test(shop, build(config)), params)

"""The demo learns what it claims to: more than chance, and more than single frames can tell."""

from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from aislewatch.config.judging import Evaluate
from aislewatch.config.params import load_params
from aislewatch.evaluate.intervals import interval, resampled_metrics
from aislewatch.evaluate.metrics import clip_metrics
from aislewatch.models.build import build, load_model
from aislewatch.models.scoring import score_clips, set_up_compute
from tests.code_closure import ROOT
from tests.projects import make_project, run, set_params

# Adam as one trial finds it: the study is not what is tested here, and takes a minute.
ONE_TRIAL = {"tune": {"trials": 1, "epochs": 1}, "machine": {"device": "cpu"}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's own footage and parameters, split, with ConvLSTM and CNN-only trained."""
    folder = make_project(tmp_path_factory.mktemp("demo") / "shop", {"synthetic": "folder"})
    (folder / "params.yaml").write_text(
        yaml.safe_dump(yaml.safe_load((ROOT / "params.yaml").read_text()))
    )
    set_params(folder, ONE_TRIAL)
    run(folder, "aislewatch", "synth", "data/raw/synthetic")
    run(folder, "dvc", "repro", "train@convlstm", "train@cnn")
    return folder


def predictions_on_test(shop: Path, model: str) -> pd.DataFrame:
    splits = pd.read_parquet(shop / "data/splits.parquet")
    test = splits[splits["split"] == "test"].reset_index(drop=True)
    device = set_up_compute(load_params(shop / "params.yaml").machine)
    scores = score_clips(load_model(shop / "models" / model), test, shop / "data/frames", device)
    return test[["video", "group", "label"]].assign(score=scores)


def has_learned(predictions: pd.DataFrame, settings: Evaluate) -> bool:
    """Tell whether the whole interval of the AUC lies well above chance."""
    spread = interval(resampled_metrics(predictions, settings)["auc"], settings.confidence)
    return spread.low > 0.65


@pytest.fixture(scope="module")
def settings(shop: Path) -> Evaluate:
    return load_params(shop / "params.yaml").evaluate


def test_the_convlstm_is_better_than_chance_and_than_single_frames(
    shop: Path, settings: Evaluate
) -> None:
    ours, frames = predictions_on_test(shop, "convlstm"), predictions_on_test(shop, "cnn")
    assert ours["video"].nunique() >= 30
    assert has_learned(ours, settings)
    assert clip_metrics(ours)["auc"] > clip_metrics(frames)["auc"]


def test_no_network_is_taken_to_have_learned_before_it_has(shop: Path, settings: Evaluate) -> None:
    """Some fresh weights rank clips better than chance by luck, by a whole interval even."""
    splits = pd.read_parquet(shop / "data/splits.parquet")
    test = splits[splits["split"] == "test"].reset_index(drop=True)
    params = load_params(shop / "params.yaml")
    config = load_model(shop / "models/convlstm").config
    for seed in range(5):
        torch.manual_seed(seed)
        scores = score_clips(
            build(config), test, shop / "data/frames", set_up_compute(params.machine)
        )
        assert not has_learned(test[["video", "group", "label"]].assign(score=scores), settings)

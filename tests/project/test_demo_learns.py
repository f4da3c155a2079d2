"""The demo learns what it claims to: order in time from real labels, nothing from shuffled ones."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from aislewatch.config.judging import Evaluate
from aislewatch.config.params import load_params
from aislewatch.evaluate.intervals import interval, resampled_metrics
from aislewatch.evaluate.metrics import clip_metrics
from aislewatch.models.build import load_model
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
    return test[["video", "label"]].assign(score=scores)


@pytest.fixture(scope="module")
def settings(shop: Path) -> Evaluate:
    return load_params(shop / "params.yaml").evaluate


def test_the_convlstm_is_better_than_chance_and_than_single_frames(
    shop: Path, settings: Evaluate
) -> None:
    ours, frames = predictions_on_test(shop, "convlstm"), predictions_on_test(shop, "cnn")
    assert ours["video"].nunique() >= 30
    auc = clip_metrics(ours)["auc"]
    spread = interval(resampled_metrics(ours, settings)["auc"], settings.confidence)
    assert spread.low > 0.5
    assert auc > clip_metrics(frames)["auc"]


def test_shuffled_labels_teach_nothing(shop: Path, settings: Evaluate, tmp_path: Path) -> None:
    folder = tmp_path / "shuffled"
    shutil.copytree(shop, folder, symlinks=True, ignore=shutil.ignore_patterns(".dvc", "raw"))
    splits = pd.read_parquet(folder / "data/splits.parquet")
    learned = splits["split"] != "test"
    shuffled = np.random.default_rng(0).permutation(splits.loc[learned, "label"].to_numpy())
    splits.loc[learned, "label"] = shuffled
    splits.to_parquet(folder / "data/splits.parquet", index=False)
    run(folder, "python", "-m", "stages.train", "convlstm")
    blind = predictions_on_test(folder, "convlstm")
    auc = clip_metrics(blind)["auc"]
    spread = interval(resampled_metrics(blind, settings)["auc"], settings.confidence)
    assert spread.low <= 0.5, f"test AUC {auc:.3f} from shuffled labels"

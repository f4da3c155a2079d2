"""Training on people: whom a network learns from, and what a clip with several of them scores."""

from pathlib import Path
from typing import Any

import pytest
import torch

from aislewatch.config.params import Params, parse_params
from aislewatch.errors import FootageError, TrainingError
from aislewatch.models.build import NETWORKS, build, load_model, model_config, save_model
from aislewatch.models.features import FeatureInput, mirror_image
from aislewatch.models.input import ClipViews
from aislewatch.models.scoring import score_clips, source_of
from aislewatch.models.sizes import network_of
from aislewatch.score.scoring import score_views
from aislewatch.tables import places
from aislewatch.tables.split import SPLITS
from aislewatch.train.adam import Adam
from aislewatch.train.data import data_for
from aislewatch.train.loop import Recipe, train
from aislewatch.train.losses import focal_loss
from aislewatch.train.processes import Processes
from aislewatch.train.stage import recipe_of
from aislewatch.train.tuned import PAPER
from tests.people_clips import CHANNELS, REGIONS, SQUARE, write_people
from tests.tiny_clips import tiny_params

DEVICE = torch.device("cpu")


def params_of(**changes: Any) -> Params:
    sections: dict[str, dict[str, Any]] = {"model": {}, "people": {}, "learning": {}}
    for section, keys in changes.items():
        sections[section] = keys
    sections["people"] = {"detector": "yolox", "square": SQUARE} | sections["people"]
    sections["model"] = {"hidden_channels": 8, "encoder": "detector"} | sections["model"]
    return parse_params(tiny_params(**sections), "test")


def recipe(params: Params, architecture: str = "convlstm") -> Recipe:
    config = model_config(architecture, network_of(params.model), params)
    return Recipe(config, params.learning, Adam(0.01, 0.9, 0.99, 1e-7), 3, 3, 0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_people(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_theft_teaches_by_its_main_person_alone(folder: Path) -> None:
    data = data_for(recipe(params_of()).config)
    assert data.frames_dir == places.FEATURES
    for clips in (data.train, data.val):
        tracks = clips["frames_file"].str[-1]
        assert set(tracks[clips["label"] == 1]) == {"0"}
        assert sorted(set(tracks[clips["label"] == 0])) == ["0", "1"]
        # Windows in which there is nobody, at frame 100, are left out.
        assert set(clips["start"]) == {0}


@pytest.mark.parametrize("architecture", sorted(NETWORKS))
def test_every_network_learns_from_features_and_scores_the_highest_of_the_people(
    folder: Path, architecture: str
) -> None:
    asked = recipe(params_of(), architecture)
    data = data_for(asked.config)
    model, rows = train(asked, data, Processes(DEVICE), lambda row: None)
    assert rows[-1].val_auc > 0.95
    save_model(folder / "model", model)
    again = load_model(folder / "model")
    assert again.config == model.config
    assert isinstance(again.input, FeatureInput)
    assert float(again.input.mean_C11[0]) != 0.0, "scaled by the training clips"
    test = SPLITS.read()
    test = test[test["split"] == "test"].reset_index(drop=True)
    scored = score_views(again, test, source_of(again.config), DEVICE)
    assert scored[list(test)].equals(test)
    nobody = scored["start"] == 100
    assert set(scored["score"][nobody]) == {0.0}
    assert set(scored["track"][nobody]) == {-1}
    thefts = scored[~nobody & (scored["label"] == 1)]
    assert set(thefts["track"]) == {0}, "the person who does it scores highest"
    other = thefts.assign(frames_file=thefts["video"] + "-1", start=0)
    alone = score_clips(again, other, places.FEATURES, DEVICE)
    assert (thefts["score"].to_numpy() > alone).all()


def test_each_region_is_looked_at_by_networks_of_its_own(folder: Path) -> None:
    """What one region shows moves its own logit alone, and each has a loss of its own."""
    torch.manual_seed(0)
    model = build(recipe(params_of()).config)
    clips = torch.randint(0, 256, (3, 8, 2 * 2 * CHANNELS, 64), dtype=torch.uint8)
    other = clips.view(3, 8, 2, 2, CHANNELS, 64).clone()
    other[:, :, :, 1] = 255 - other[:, :, :, 1]
    seeds = torch.arange(3)
    with torch.inference_mode():
        learning_RB = model.train()(clips, None, seeds)
        changed_RB = model(other.view(clips.shape), None, seeds)
        assert learning_RB.shape == (2, 3)
        torch.testing.assert_close(changed_RB[0], learning_RB[0])
        assert not torch.isclose(changed_RB[1], learning_RB[1]).any()
        labels = torch.tensor([0.0, 1.0, 1.0])
        apart = [focal_loss(logits_B, labels, 2.0) for logits_B in learning_RB]
        torch.testing.assert_close(focal_loss(learning_RB, labels, 2.0), sum(apart) / 2)
        for network in model.network.children():
            for one in network:
                one.dropout.share = 0.0
        torch.testing.assert_close(model.eval()(clips), model.train()(clips, None, seeds).mean(0))


def test_a_cnn_sees_the_first_region_alone(folder: Path) -> None:
    model = build(recipe(params_of(model={"encoder": "cnn"})).config).eval()
    clips = torch.randint(0, 256, (2, 8, SQUARE * 3, SQUARE), dtype=torch.uint8)
    first, second = clips.clone(), clips.clone()
    first[:, :, : SQUARE * 3 // 2] //= 2
    second[:, :, SQUARE * 3 // 2 :] //= 2
    with torch.inference_mode():
        torch.testing.assert_close(model(second), model(clips))
        assert not torch.isclose(model(first), model(clips)).any()


def test_squares_are_seen_by_a_cnn_of_ones_own(folder: Path) -> None:
    asked = recipe(params_of(model={"encoder": "cnn"}))
    assert asked.config.frame_shape == (len(REGIONS) * SQUARE * 3 // 2, SQUARE)
    data = data_for(asked.config)
    assert data.frames_dir == places.SQUARES
    _, rows = train(asked, data, Processes(DEVICE), lambda row: None)
    assert len(rows) == 3


def test_the_papers_settings_keep_the_papers_cnn(folder: Path) -> None:
    config = recipe_of("convlstm_paper", params_of(), PAPER).config
    assert config.model.encoder == "cnn"
    assert config.frame_shape == (len(REGIONS) * SQUARE * 3 // 2, SQUARE)


def test_a_mirrored_view_takes_the_features_of_the_mirrored_square() -> None:
    torch.manual_seed(0)
    layer = FeatureInput(CHANNELS, 5)
    features_BTKP = torch.randint(0, 256, (2, 3, 2 * CHANNELS, 64), dtype=torch.uint8)
    zeros_B, ones_B = torch.zeros(2), torch.ones(2)
    views = ClipViews(zeros_B, zeros_B, ones_B, torch.tensor([1.0, 0.0]), ones_B)
    as_filmed, seen = layer(features_BTKP), layer(features_BTKP, views)
    assert as_filmed.shape == (2, 3, 5, 8, 8)
    swapped = torch.cat(features_BTKP.chunk(2, dim=2)[::-1], dim=2)
    torch.testing.assert_close(seen[0], layer(swapped)[0])
    torch.testing.assert_close(seen[1], as_filmed[1])
    torch.testing.assert_close(layer(mirror_image(features_BTKP)), layer(swapped))


def test_both_mirrorings_score_as_the_mean_of_the_two(folder: Path) -> None:
    config = recipe(params_of(model={"mirrors": True})).config
    torch.manual_seed(0)
    both, one = build(config), build(recipe(params_of()).config)
    one.load_state_dict(both.state_dict())
    clips = torch.randint(0, 256, (3, 8, *config.frame_shape), dtype=torch.uint8)
    with torch.inference_mode():
        expected = (one.eval()(clips) + one(mirror_image(clips))) / 2
        torch.testing.assert_close(both.eval()(clips), expected)
        assert not torch.allclose(both(clips), one(clips))


def test_the_fused_kernels_refuse_features(folder: Path) -> None:
    asked = recipe(params_of())
    fused = Recipe(asked.config, asked.learning, asked.optimizer, 1, 1, 0, precision="bf16_fused")
    with pytest.raises(TrainingError, match="has no kernels for model"):
        train(fused, data_for(asked.config), Processes(DEVICE), lambda row: None)


def test_without_the_track_stages_form_the_error_names_it(folder: Path) -> None:
    (folder / places.PEOPLE_FORM).unlink()
    with pytest.raises(FootageError, match="dvc repro track"):
        recipe(params_of())

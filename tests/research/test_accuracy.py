"""The accuracy benchmark keeps its folds apart, selects inside them, and trains what we ship."""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch

from aislewatch.models.convlstm import ConvLSTMNet
from research import space
from research.engine import Job
from research.folds.make_mnnit import folded
from research.footage import FOLDS_FILE, SIZE, Folded
from research.networks import build
from research.recipe import Recipe
from research.select import FOLDS, PAIRS, inner_score, job_name
from research.side_by_side import run
from research.tables import Clips

TINY = Recipe(
    size=32, frames=3, step=1, encoder=(4, 4), hidden=4, norm=False, epochs=2, batch=4, dropout=0.0
)


def test_no_recording_lies_in_two_folds_and_each_holds_both_labels() -> None:
    with FOLDS_FILE.open() as file:
        rows = list(csv.DictReader(file))
    folds, labels = defaultdict(set), defaultdict(set)
    for row in rows:
        folds[row["recording"]].add(row["fold"])
        labels[row["fold"]].add(row["label"])
    assert len(rows) == 274
    assert all(len(found) == 1 for found in folds.values())
    assert [len(found) for found in labels.values()] == [2] * FOLDS


@pytest.mark.corpus
def test_the_committed_folds_are_what_the_script_makes(corpus: Path) -> None:
    made = folded(corpus)
    assert made.to_csv(index=False) == FOLDS_FILE.read_text()


def some_data(random: np.random.Generator) -> Folded:
    label = np.tile([0.0, 1.0], 25).astype(np.float32)
    clips = Clips(np.arange(50) * 3, np.full(50, 3), label)
    fold = np.repeat(np.arange(FOLDS), 10)
    return Folded(clips, fold, [str(n) for n in range(50)], random.random(50) < 0.1)


def test_what_an_outer_fold_chooses_by_never_depends_on_its_own_clips() -> None:
    random = np.random.default_rng(0)
    data = some_data(random)
    shelf = {
        job_name("convlstm", "start", pair, 0): random.normal(size=(2, 2, 20, 1)) for pair in PAIRS
    }
    for outer in range(FOLDS):
        before = inner_score(outer, "convlstm", "start", 0, shelf, data)
        changed = {}
        for pair in PAIRS:
            name = job_name("convlstm", "start", pair, 0)
            own = data.fold[np.isin(data.fold, pair)] == outer
            # Trainings that saw the outer fold, and all scores of its clips, turned around.
            seen = outer not in pair
            changed[name] = np.where(own[:, None] | seen, -shelf[name], shelf[name])
        assert inner_score(outer, "convlstm", "start", 0, changed, data) == before


def test_training_rows_leave_out_folds_and_contradictions() -> None:
    data = some_data(np.random.default_rng(1))
    rows = data.train_rows({1, 3})
    assert set(data.fold[rows]) == {0, 2, 4}
    assert not data.contradicted[rows].any()
    fewer = data.some_recordings({1, 3}, 0.5, 0)
    assert set(fewer) < set(rows)


def test_changes_that_help_are_combined_best_first_and_never_two_of_one_kind() -> None:
    scores = dict.fromkeys(space.singles("convlstm"), 0.5)
    scores |= {"both inputs": 0.9, "background": 0.8, "mixup": 0.7, "30 frames": 0.6}
    found = space.combinations("convlstm", scores)
    assert list(found) == ["both inputs + mixup", "30 frames + both inputs + mixup"]
    recipe = found["30 frames + both inputs + mixup"]
    assert (recipe.input, recipe.mixup, recipe.frames, recipe.step) == ("both", 0.4, 30, 1)


def test_the_benchmarks_network_is_the_products() -> None:
    ours = build(TINY, 0).eval()
    product = ConvLSTMNet(3, 32, TINY.encoder, TINY.hidden, 3, 0.0).eval()
    pairs = zip(product.state_dict().items(), ours.state_dict().values(), strict=True)
    product.load_state_dict({name: value for (name, _), value in pairs})
    x_BTCHW = torch.randn(2, 3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(ours(x_BTCHW), product(x_BTCHW), atol=1e-6)


@pytest.mark.parametrize("norm", [False, True])
def test_a_network_by_the_products_kernels_is_the_same(norm: bool) -> None:
    network = build(TINY.but(norm=norm), 0)
    x_BTCHW = torch.randn(2, 3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    plain = network(x_BTCHW)
    network.fuse(torch.float32)
    assert torch.allclose(network(x_BTCHW), plain, atol=1e-5)


@pytest.mark.parametrize("changes", [{}, {"mixup": 0.4, "erase": 0.5, "zoom": 0.6, "blur": 0.5}])
def test_a_training_repeats_to_the_bit_on_a_cpu(changes: dict[str, float]) -> None:
    random = np.random.default_rng(2)
    frames = torch.from_numpy(random.integers(0, 255, (30, SIZE * 3 // 2, SIZE), np.uint8))
    clips = Clips(np.arange(10) * 3, np.full(10, 3), np.tile([0.0, 1.0], 5).astype(np.float32))
    job = Job("tiny", TINY.but(before="order", before_epochs=1, **changes), clips, clips, seed=1)
    results = []
    for _ in range(2):
        torch.manual_seed(0)  # what spoils pictures draws noise on the device
        results += run([job], frames, 1, fused=False)
    assert np.isfinite(results[0].losses).all()
    assert np.array_equal(results[0].logits, results[1].logits)

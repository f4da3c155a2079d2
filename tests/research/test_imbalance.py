"""Thefts are thinned and nothing else; what answers rare thefts is switched one by one."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research import imbalance
from research.imbalance import rows, thinned
from tests.tiny_clips import VIDEOS, write_project, write_store


@given(st.lists(st.booleans(), min_size=4, max_size=300), st.integers(1, 100), st.integers(0, 9))
def test_thefts_alone_are_thinned_and_fewer_are_among_more(
    thefts: list[bool], ratio: int, seed: int
) -> None:
    clips = pd.DataFrame({"label": [int(one) for one in thefts], "start": range(len(thefts))})
    kept, fewer = thinned(clips, ratio, seed), thinned(clips, 2 * ratio, seed)
    normal = clips[clips["label"] == 0]
    assert kept[kept["label"] == 0]["start"].tolist() == normal["start"].tolist()
    assert kept["label"].sum() == min(clips["label"].sum(), len(normal) // ratio)
    assert set(fewer["start"]) <= set(kept["start"]) <= set(clips["start"])
    assert thinned(clips, None, seed).equals(clips)


def test_a_network_of_few_thefts_is_scored_on_all_test_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path / "settings")
    write_store(tmp_path, VIDEOS | {"test": 8})
    for file in ("params.yaml", "data/training.json"):
        (tmp_path / "settings" / file).rename(tmp_path / file)
    monkeypatch.chdir(tmp_path)
    learned = []
    train = imbalance.train
    monkeypatch.setattr(
        imbalance, "train", lambda recipe, *rest: learned.append(recipe) or train(recipe, *rest)
    )
    whole, few = rows([None, 8], ["none"])
    assert whole[:4] == ("as it is", "none", 24, 24)
    assert few[:4] == ("1 : 8", "none", 3, 24)
    assert whole[4] > 0.9, "all its thefts teach it which way is which"
    assert 0.0 <= few[4] < whole[4]
    assert {(one.learning.oversample, one.learning.focal_gamma) for one in learned} == {(False, 0)}

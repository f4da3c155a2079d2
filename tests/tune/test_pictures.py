"""The study's pictures: always four, the same bytes, and words where there is nothing to draw."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from PIL import Image

from aislewatch.files import sha256_tree
from aislewatch.report.page import STUDY_PICTURES
from aislewatch.tune import pictures

SPACE = {
    "lr": optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True),
    "batch_size": optuna.distributions.CategoricalDistribution([8, 16, 32]),
    "dropout": optuna.distributions.FloatDistribution(0.0, 0.6),
}


def trials(*losses: float | None, finished: Callable[[int], bool]) -> list[FrozenTrial]:
    """A study of these losses; a trial that is not finished was pruned at its loss."""
    random = np.random.default_rng(0)
    study = optuna.create_study()
    for number, loss in enumerate(losses):
        done = finished(number)
        study.add_trial(
            optuna.create_trial(
                state=TrialState.COMPLETE if done else TrialState.PRUNED,
                value=loss if done else None,
                params={
                    "lr": 10 ** random.uniform(-4, -2),
                    "batch_size": int(random.choice([8, 16, 32])),
                    "dropout": random.uniform(0, 0.6),
                },
                distributions=SPACE,
                intermediate_values={} if loss is None else {1: loss + 0.1, 2: loss},
            )
        )
    return study.trials


LONG = trials(*(0.2 + 0.1 * math.sin(n) for n in range(20)), finished=lambda n: n % 3 == 0)


def test_a_study_is_drawn_the_same_each_time(tmp_path: Path) -> None:
    digests = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        pictures.draw_pictures(LONG, tmp_path / name)
        digests.add(sha256_tree(tmp_path / name))
    assert len(digests) == 1
    assert {file.stem for file in (tmp_path / "a").iterdir()} == set(STUDY_PICTURES)


def test_pictures_can_be_read_in_grey(tmp_path: Path) -> None:
    """The best trial stands out of the others by brightness, not by hue alone."""
    pictures.draw_pictures(LONG, tmp_path)
    for name in STUDY_PICTURES:
        grey = np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"))
        assert (grey < 130).mean() > 0.005, name  # ink
        assert (grey > 240).mean() > 0.5, name  # paper


@pytest.mark.parametrize(
    ("study", "silent"),
    [
        (LONG, 0),
        ([], 4),
        (trials(0.2, 0.1, finished=lambda n: True), 0),
        (trials(0.2, 0.1, finished=lambda n: n == 0), 1),
        (trials(0.2, 0.1, 0.3, finished=lambda n: n == 2), 1),
        (trials(0.2, 0.1, finished=lambda n: False), 2),
        (trials(0.2, 0.2, 0.2, finished=lambda n: True), 1),
        (trials(None, 0.1, finished=lambda n: n == 1), 1),
        (trials(None, None, finished=lambda n: False), 4),
    ],
    ids=[
        *("long", "empty", "two finished", "one of two", "all pruned but one"),
        *("all pruned", "equal losses", "one without a loss", "no loss at all"),
    ],
)
def test_a_short_study_says_what_cannot_be_drawn(
    study: list[FrozenTrial], silent: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    say = pictures._say
    monkeypatch.setattr(pictures, "_say", lambda f, why: (said.append(why), say(f, why)))
    pictures.draw_pictures(study, tmp_path)
    assert len(list(tmp_path.iterdir())) == 4
    assert len(said) == silent, said


def test_failed_and_retried_trials_are_left_out(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    study = optuna.create_study()
    study.add_trials(LONG)
    killed = optuna.create_trial(state=TrialState.FAIL, params={}, distributions={})
    study.add_trial(killed)
    pictures.draw_pictures(study.trials, tmp_path / "a")
    pictures.draw_pictures(LONG, tmp_path / "b")
    for name in ("history", "slice", "importance"):
        assert (tmp_path / f"a/{name}.png").read_bytes() == (
            tmp_path / f"b/{name}.png"
        ).read_bytes()

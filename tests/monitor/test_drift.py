"""The drift decision keeps its level on footage that does not drift, and finds what does."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.stats import binom

from aislewatch.monitor.drift import LEVEL, MIN_BLOCKS, find_drift, permuted

FIGURES = ["light", "motion", "score"]
# Days of reference and of new footage, hours of each, minutes of an hour.
OLD_DAYS, NEW_DAYS, HOURS, MINUTES = 7, 2, 12, 60
# Minutes after which a look at a camera has forgotten what it was (by e).
MEMORY = 10
TIMES = 120


def footage(rng: np.random.Generator, shift: float = 0.0) -> np.ndarray:
    """Draw figures a minute, (days, HOURS, MINUTES, figures): memory, and a rhythm of the day.

    ``shift`` is added to the first figure of the new days, in deviations of a single look.
    """
    days = OLD_DAYS + NEW_DAYS
    keep = np.exp(-1 / MEMORY)
    steps = rng.normal(0, np.sqrt(1 - keep**2), (days * HOURS * MINUTES, len(FIGURES)))
    looks = lfilter([1], [1, -keep], steps, axis=0).reshape(days, HOURS, MINUTES, -1)
    looks += 3 * np.sin(np.linspace(0, np.pi, HOURS))[:, None, None]
    looks[OLD_DAYS:, ..., 0] += shift
    return np.asarray(looks)


def blocks(looks: np.ndarray, camera: str = "till") -> pd.DataFrame:
    hours = pd.DataFrame(looks.mean(axis=2).reshape(-1, len(FIGURES)), columns=FIGURES)
    return hours.assign(
        camera=camera,
        hour=np.tile(np.arange(HOURS), OLD_DAYS + NEW_DAYS),
        new=np.arange(len(hours)) >= OLD_DAYS * HOURS,
    )


def alarms(shift: float, times: int, only: tuple[int, int] = (0, HOURS - 1)) -> int:
    """Count the cases with drift; of the new days only these hours, first and last, are filmed."""
    rng = np.random.default_rng(5)
    made = (blocks(footage(rng, shift)) for _ in range(times))
    seen = (hours[~hours["new"] | hours["hour"].between(*only)] for hours in made)
    return sum(bool(find_drift(hours, FIGURES, permutations=199).drifted) for hours in seen)


@pytest.mark.parametrize("only", [(0, HOURS - 1), (4, 7)], ids=["whole days", "4 hours of each"])
def test_footage_that_does_not_drift_raises_false_alarms_at_the_level_that_is_stated(
    only: tuple[int, int],
) -> None:
    """Of 120, at most as many as a test of exactly this level has in 999 of 1,000 such trials.

    Four hours of two days are the least that is judged at all: 8 blocks.
    """
    found = alarms(shift=0.0, times=TIMES, only=only)
    assert found <= binom.ppf(0.999, TIMES, LEVEL)
    assert found > 0, "a test that never alarms keeps no level"


def test_a_shift_of_one_deviation_is_found_nearly_always() -> None:
    assert alarms(shift=1.0, times=30) >= 28


def test_looks_taken_for_independent_find_drift_where_there_is_none() -> None:
    """The mutant that the blocks are for: it alarms on most footage that does not drift."""
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(20):
        looks = footage(rng)
        looks -= looks.mean(axis=(0, 2), keepdims=True)
        is_new = np.repeat(np.arange(OLD_DAYS + NEW_DAYS) >= OLD_DAYS, HOURS * MINUTES)
        p_F = permuted(looks.reshape(-1, len(FIGURES)), is_new, 99, rng)
        wrong += int(p_F.min() <= LEVEL)
    assert wrong > 10


def test_drift_is_named_with_its_camera_and_figure() -> None:
    rng = np.random.default_rng(3)
    both = pd.concat([blocks(footage(rng)), blocks(footage(rng, 1.5), "door")])
    found = find_drift(both, FIGURES)
    assert [(shift.camera, shift.figure) for shift in found.drifted] == [("door", "light")]
    assert found.drifted[0].describe().startswith("light of camera door rose from ")
    assert find_drift(both, FIGURES) == found
    assert len(found.shifts) == 6


def test_the_rhythm_of_the_day_is_no_drift() -> None:
    """New footage of noon alone, which is brighter, against whole days."""
    alarmed = not_told = 0
    for seed in range(20):
        hours = blocks(footage(np.random.default_rng(seed)))
        noon = hours[~hours["new"] | hours["hour"].between(4, 7)]
        alarmed += bool(find_drift(noon, FIGURES, permutations=199).drifted)
        # The mutant: hours compared as they come.
        values, is_new = noon[FIGURES].to_numpy(), noon["new"].to_numpy()
        not_told += bool(permuted(values, is_new, 199, np.random.default_rng(seed)).min() <= LEVEL)
    assert alarmed <= 5, "74 of 1,500 measured: 4.9 %"
    assert not_told > 10


@pytest.mark.parametrize("new", [0, 1, MIN_BLOCKS - 1])
def test_too_little_footage_is_not_judged_and_said_so(new: int) -> None:
    rng = np.random.default_rng(2)
    hours = pd.DataFrame({"light": rng.normal(0, 1, 20 + new) + np.repeat([0, 9], [20, new])})
    hours = hours.assign(camera="door", hour=-1, new=np.arange(20 + new) >= 20)
    found = find_drift(hours, ["light"])
    assert not found.shifts
    assert f"camera door: {20 if new else 0} blocks of reference and {new} new" in found.unjudged[0]


def test_a_figure_that_is_not_known_everywhere_is_left_out_and_a_constant_one_is_no_drift() -> None:
    hours = blocks(footage(np.random.default_rng(6))).assign(people=0.0)
    hours.loc[3, "score"] = np.nan
    found = find_drift(hours, [*FIGURES, "people"])
    assert {shift.figure for shift in found.shifts} == {"light", "motion", "people"}
    assert not found.drifted

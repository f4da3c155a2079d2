"""Metrics, intervals, choice and ledger: against scikit-learn, by hand, and by simulation."""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from aislewatch.alerts import ScoredClip
from aislewatch.config import Alerts, Evaluate
from aislewatch.errors import ModelError, PipelineError
from aislewatch.evaluation import ledger, plots
from aislewatch.evaluation.events import (
    VideoScores,
    alert_figures,
    events_of,
    poisson_interval,
)
from aislewatch.evaluation.intervals import _weighted_metrics, interval, resampled_metrics
from aislewatch.evaluation.metrics import (
    METRICS,
    clip_metrics,
    confusion,
    labels_and_scores,
    video_scores,
)
from aislewatch.evaluation.mistakes import worst_mistakes
from aislewatch.evaluation.promotion import compare
from aislewatch.evaluation.scored import Scored
from aislewatch.evaluation.selection import Validation, choose
from aislewatch.evaluation.summary import as_json, evaluate_models
from aislewatch.evaluation.table import NAMES, PAPER, print_table, render_table, table_frame

SETTINGS = Evaluate(resamples=400, confidence=0.95, mistakes=6, seed=0)
RULE = Alerts(method="consecutive", threshold=0.8, consecutive=3, window=5)


def simulated(
    n_videos: int, clips: int, rng: np.random.Generator, signal: float = 1.0, spread: float = 1.0
) -> pd.DataFrame:
    """Clips whose scores share a video's own luck: half the videos shoplifting."""
    rows = []
    for video in range(n_videos):
        label = video % 2
        luck = rng.normal(0.0, spread)
        logits = signal * (2 * label - 1) + luck + rng.normal(0.0, 1.0, clips)
        for start, logit in enumerate(logits):
            rows.append((f"v{video:04d}", f"v{video:04d}.yuv", start, "test", label, logit))
    columns = ["video", "frames_file", "start", "split", "label", "score"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(score=1.0 / (1.0 + np.exp(-frame["score"])))


def scored(name: str, val: pd.DataFrame, test: pd.DataFrame) -> Scored:
    both = pd.concat([val.assign(split="val"), test.assign(split="test")], ignore_index=True)
    videos = [
        VideoScores(
            str(video),
            16.0,
            ((0.0, 16.0),) if own["label"].any() else (),
            tuple(
                ScoredClip(0.8 * i, 0.8 * i + 1.6, s) for i, s in enumerate(own["score"].tolist())
            ),
        )
        for video, own in test.groupby("video")
    ]
    facts = {"architecture": "cnn", "input": "diff", "input_size": 32, "parameters": 1000}
    return Scored(name, facts, both, videos)


def five_models(rng: np.random.Generator, n_videos: int = 40) -> list[Scored]:
    """All five on the same clips; the later in the paper's table, the better."""
    found = []
    for quality, name in enumerate(NAMES):
        val, test = (simulated(n_videos, 6, rng, 0.3 + 0.4 * quality) for _ in range(2))
        found.append(scored(name, val, test))
    return found


# --- metrics ---------------------------------------------------------------------------------


def test_metrics_by_hand() -> None:
    clips = pd.DataFrame(
        {
            "video": ["a", "a", "b", "b", "c", "c"],
            "label": [1, 1, 0, 0, 0, 1],
            "score": [0.9, 0.4, 0.6, 0.1, 0.5, 0.7],
        }
    )
    found = clip_metrics(clips)
    # Called: a1 (right), b1 (wrong), c1 (wrong, 0.5 counts as called), c2 (right).
    assert confusion(clips).tolist() == [[1, 2], [1, 2]]
    assert found["accuracy"] == pytest.approx(3 / 6)
    assert found["precision"] == pytest.approx(2 / 4)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(4 / 7)
    assert found["auc"] == pytest.approx(7 / 9)  # of 9 pairs only 0.4 loses, to 0.6 and to 0.5
    assert found["mcc"] == pytest.approx(0.0)
    # Videos a and c hold shoplifting and score 0.65 and 0.6 on average, b 0.35.
    assert found["video_auc"] == 1.0


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_leaves_undefined_what_is_undefined(label: int) -> None:
    clips = pd.DataFrame({"video": ["a", "b"], "label": [label] * 2, "score": [0.1, 0.2]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = clip_metrics(clips)
    assert math.isnan(found["auc"])
    assert math.isnan(found["video_auc"])
    assert math.isnan(found["precision"])  # nothing was called
    assert math.isnan(found["recall"]) == (label == 0)
    assert found["accuracy"] == 1.0 - label


# Coarse scores, so that ties are common.
clip_rows = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(0, 10)), min_size=4, max_size=40
)


@given(clip_rows, st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_weighted_formulas_agree_with_scikit_learn(
    rows: list[tuple[int, int, int]], seed: int
) -> None:
    clips = pd.DataFrame(rows, columns=["video", "label", "score"]).sort_values("video")
    clips = clips.assign(video="v" + clips["video"].astype(str), score=clips["score"] / 10)
    videos = video_scores(clips)
    of_video = np.searchsorted(videos["video"].to_numpy(), clips["video"].to_numpy())
    drawn = np.random.default_rng(seed).integers(0, len(videos), len(videos))
    counts = np.bincount(drawn, minlength=len(videos))[None].astype(np.float64)
    mine = dict(
        zip(
            METRICS,
            _weighted_metrics(clips, counts[:, of_video], videos, counts)[:, 0],
            strict=True,
        )
    )
    # The resample written out: every drawn video with all its clips, under a name of its own.
    parts = [
        clips[clips["video"] == videos["video"][v]].assign(video=f"{i}")
        for i, v in enumerate(drawn)
    ]
    theirs = clip_metrics(pd.concat(parts, ignore_index=True))
    for name in METRICS:
        assert mine[name] == pytest.approx(theirs[name], nan_ok=True), name


# --- intervals -------------------------------------------------------------------------------


def test_intervals_are_seeded_and_hold_the_figure() -> None:
    clips = simulated(40, 6, np.random.default_rng(1))
    first, second = (resampled_metrics(clips, SETTINGS) for _ in range(2))
    other = resampled_metrics(clips, SETTINGS.model_copy(update={"seed": 1}))
    values = clip_metrics(clips)
    for name in METRICS:
        assert np.array_equal(first[name], second[name])
        assert not np.array_equal(first[name], other[name])
        found = interval(values[name], first[name], 0.95)
        assert found.low < found.value < found.high
        assert found.undefined == 0.0


def test_resampling_videos_covers_where_resampling_clips_does_not() -> None:
    """Clustered clips, 40 videos: a 95 % interval must hold the true AUC nearly as often."""
    rng = np.random.default_rng(7)
    truth = clip_metrics(simulated(6000, 6, rng))["auc"]
    quick = SETTINGS.model_copy(update={"resamples": 200})
    by_video = by_clip = 0
    trials = 150
    for _ in range(trials):
        clips = simulated(40, 6, rng)
        alone = clips.assign(video=[f"c{i:05d}" for i in range(len(clips))])
        for frame in (clips, alone):
            found = interval(0.5, resampled_metrics(frame, quick)["auc"], 0.95)
            held = found.low <= truth <= found.high
            by_video += held and frame is clips
            by_clip += held and frame is alone
    assert by_video / trials >= 0.89  # 0.92 over 600 trials: percentile intervals run narrow
    assert by_clip / trials <= 0.80  # 0.69 over 600 trials


def test_paired_difference_is_tighter_than_two_intervals() -> None:
    rng = np.random.default_rng(3)
    clips = simulated(40, 6, rng)
    near = clips.assign(score=(clips["score"] + rng.normal(0, 0.02, len(clips))).clip(0, 1))
    verdict = compare(near, clips, 0.02, SETTINGS)
    spread = (
        verdict.numbers["gate.auc_difference_high"] - verdict.numbers["gate.auc_difference_low"]
    )
    own = interval(0.5, resampled_metrics(clips, SETTINGS)["auc"], 0.95)
    assert 0.0 < spread < 0.2 * (own.high - own.low)


def test_a_model_has_no_lead_over_itself() -> None:
    clips = simulated(30, 4, np.random.default_rng(0))
    found = evaluate_models([scored("cnn", clips, clips)], SETTINGS, RULE).models[0].lead
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("n_videos", "given_"), [(1, False), (2, False), (40, True)])
def test_no_interval_where_resamples_cannot_speak(n_videos: int, given_: bool) -> None:
    """Two videos: half of all resamples hold one class; no interval pretends otherwise."""
    clips = simulated(n_videos, 5, np.random.default_rng(2))
    draws = resampled_metrics(clips, SETTINGS)["auc"]
    found = interval(clip_metrics(clips)["auc"], draws, 0.95)
    assert math.isnan(found.low) != given_
    assert (found.undefined > 0.4) != given_


def test_few_undefined_resamples_are_reported_not_hidden() -> None:
    """One shoplifting video among nine: a third of the resamples miss it."""
    clips = simulated(18, 3, np.random.default_rng(2))
    keep = clips["video"].eq("v0001") | clips["label"].eq(0)
    few = clips[keep].reset_index(drop=True)
    report = evaluate_models([scored("cnn", clips, few)], SETTINGS, RULE)
    assert report.models[0].test["auc"].undefined == pytest.approx((9 / 10) ** 10, abs=0.08)
    assert any("too many for an interval" in warning for warning in report.warnings)
    assert any("Only 10 test videos" in warning for warning in report.warnings)


# --- choice ----------------------------------------------------------------------------------


def test_choice_is_by_auc_then_loss_then_name() -> None:
    nan = math.nan
    assert choose({"a": Validation(0.8, 0.9), "b": Validation(0.9, 2.0)}) == "b"
    assert choose({"a": Validation(0.9, 0.9), "b": Validation(0.9, 0.5)}) == "b"
    assert choose({"b": Validation(0.9, 0.5), "a": Validation(0.9, 0.5)}) == "a"
    assert choose({"a": Validation(nan, 0.9), "b": Validation(nan, 0.5)}) == "b"
    with pytest.raises(ModelError, match="run the train stage"):
        choose({})


def test_test_labels_never_choose() -> None:
    models = five_models(np.random.default_rng(5))
    chosen = evaluate_models(models, SETTINGS, RULE).selected
    for flip in (lambda label: 1 - label, lambda label: 0 * label, lambda label: 0 * label + 1):
        turned = []
        for model in models:
            label = model.predictions["label"]
            is_test = model.predictions["split"] == "test"
            clips = model.predictions.assign(label=label.where(~is_test, flip(label)))
            turned.append(Scored(model.name, model.facts, clips, model.test_videos))
        assert evaluate_models(turned, SETTINGS, RULE).selected == chosen


def test_summary_is_valid_json_even_when_nothing_is_defined() -> None:
    one_class = simulated(4, 3, np.random.default_rng(0)).assign(label=0)
    evaluation = evaluate_models([scored("cnn", one_class, one_class)], SETTINGS, RULE)
    text = json.dumps(as_json(evaluation), allow_nan=False)
    assert json.loads(text)["models"]["cnn"]["test"]["auc"] is None
    assert sum("one class only" in warning for warning in evaluation.warnings) == 2
    assert "–" in render_table(json.loads(text))


# --- alert figures ---------------------------------------------------------------------------


def test_poisson_interval_is_exact() -> None:
    assert poisson_interval(0, 0.95) == (0.0, pytest.approx(3.689, abs=1e-3))
    # Garwood's table: 10 events, 95 %.
    assert poisson_interval(10, 0.95) == pytest.approx((4.795, 18.390), abs=1e-3)


def test_alert_figures_by_hand() -> None:
    def clips(*values: float) -> tuple[ScoredClip, ...]:
        return tuple(ScoredClip(float(i), i + 2.0, s) for i, s in enumerate(values))

    videos = [
        # Found once (0-4 s), and one false alarm long after the event.
        VideoScores("a", 1800.0, ((1.0, 3.0),), clips(*[0.9] * 3, *[0.0] * 9, *[0.9] * 3)),
        VideoScores("b", 10.0, ((0.0, 10.0),), clips(0.9, 0.9, 0.1, 0.9)),
        VideoScores("c", 1812.0, (), clips(*[0.9] * 4)),
        VideoScores("d", 2.0, (), clips(0.9)),
    ]
    found = alert_figures(videos, RULE, 0.95)
    assert (found.shoplifting_alerted, found.shoplifting_videos) == (1, 2)
    assert (found.normal_alerted, found.normal_videos) == (1, 2)
    assert (found.events_found, found.events) == (1, 2)
    assert found.false_alarms == 2
    assert found.normal_hours == pytest.approx((1798 + 0 + 1812 + 2) / 3600)
    assert found.false_alarms_per_hour == pytest.approx(2 / found.normal_hours)
    assert found.too_short == 1


def test_overlapping_events_count_their_time_once() -> None:
    annotations = pd.DataFrame(
        {
            "video": ["a", "a", "a", "b"],
            "label": ["shoplifting", "shoplifting", "normal", "shoplifting"],
            "start_s": [4.0, 1.0, 0.0, 0.0],
            "end_s": [6.0, 5.0, 9.0, 1.0],
        }
    )
    assert events_of(annotations, "a") == ((1.0, 6.0),)
    assert events_of(annotations, "c") == ()


# --- tables ----------------------------------------------------------------------------------


def test_table_stands_beside_the_papers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = as_json(evaluate_models(five_models(np.random.default_rng(0)), SETTINGS, RULE))
    table = table_frame(summary)
    assert table["model"].tolist() == list(PAPER)
    assert table["f1_paper"].tolist() == [0.79, 0.76, 0.84, 0.91, 0.91]
    assert (table["auc_low"] <= table["auc"]).all()
    path = tmp_path / "evaluate.json"
    path.write_text(json.dumps(summary))
    print_table(path)
    printed = capsys.readouterr().out
    assert all(name.split(" (")[0] in printed for name in NAMES.values())
    assert "paper 92" in printed
    assert max(len(line) for line in printed.splitlines()) <= 104
    with pytest.raises(PipelineError, match="run the evaluate stage"):
        print_table(tmp_path / "nothing.json")


def test_dvc_plots_have_a_column_a_model() -> None:
    test = {model.name: model.side("test") for model in five_models(np.random.default_rng(0))}
    roc, pr = plots.roc_table(test), plots.pr_table(test)
    assert list(roc) == ["fpr", *NAMES]
    assert list(pr) == ["recall", *NAMES]
    for name, clips in test.items():
        assert roc[name].is_monotonic_increasing
        assert pr[name].is_monotonic_decreasing
        area = float(np.trapezoid(roc[name], roc["fpr"]))
        assert area == pytest.approx(clip_metrics(clips)["auc"], abs=0.02)
    predicted = plots.confusion_table(test)
    for name, clips in test.items():
        labels, scores = labels_and_scores(clips)
        right = sk.accuracy_score(labels, scores >= 0.5)
        assert (predicted[name] == predicted["actual"]).mean() == pytest.approx(right)


# --- mistakes and ledger ---------------------------------------------------------------------


def test_worst_mistakes_are_the_worst_and_from_different_videos() -> None:
    clips = simulated(40, 6, np.random.default_rng(9))
    found = worst_mistakes(clips, 6, fps=10)
    assert len(found) == 6
    assert len({mistake.video for mistake in found}) == 6
    distances = [abs(mistake.score - mistake.label) for mistake in found]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] == (clips["score"] - clips["label"]).abs().max()
    assert all((mistake.score >= 0.5) != bool(mistake.label) for mistake in found)


def test_no_mistakes_is_an_answer() -> None:
    clips = simulated(4, 3, np.random.default_rng(0))
    assert worst_mistakes(clips.assign(score=clips["label"].astype(float)), 6, fps=10) == []


def test_ledger_counts_every_use(tmp_path: Path) -> None:
    assert ledger.read_test_uses(tmp_path) == []
    assert ledger.record_test_use("evaluate", "a" * 64, "s" * 64, tmp_path) == 1
    assert ledger.record_test_use("register", "b" * 64, "s" * 64, tmp_path) == 2
    assert ledger.record_test_use("evaluate", "a" * 64, "t" * 64, tmp_path) == 1
    uses = ledger.read_test_uses(tmp_path)
    assert [use["stage"] for use in uses] == ["evaluate", "register", "evaluate"]
    assert {use["split"] for use in uses} == {"s" * 64, "t" * 64}
    page = (tmp_path / "test_uses.html").read_text()
    assert page.count("<tr>") == 4  # a heading and three uses
    assert "ssssssssssss</code>: 2 uses" in page

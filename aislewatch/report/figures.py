"""Draws the report's pictures: what was learned, how well, how sure. Same input, same bytes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter
from scipy import stats

from aislewatch.models.rows import BY_NAME, Row, in_order
from aislewatch.pictures import NEUTRAL, SCORE, SHOPLIFTING_COLOUR, picture
from aislewatch.report.points import CLASSES, confusion, det_points, pr_points, roc_points
from aislewatch.score.calibration import reliability, uncalibrated
from aislewatch.score.predictions import labels_and_scores

# Rates at the ticks of the DET plot; what is rarer is drawn at its edge.
DET_TICKS = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95])

# Share from which a cell of the confusion matrix is so dark that white is the better ink.
DARK = 0.6


def learning_curves(curves: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Draw a panel a model: training and validation loss by epoch.

    Args:
        curves: by model: ``epoch``, ``train_loss``, ``val_loss``.
        path: PNG to write.
    """
    with picture(path, 2.2 * len(curves) + 0.6, 2.6) as figure:
        panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
        for panel, (name, curve) in zip(panels, curves.items(), strict=True):
            for column, colour, dashes in (
                ("train_loss", NEUTRAL, (0, (4, 2))),
                ("val_loss", SHOPLIFTING_COLOUR, "solid"),
            ):
                label = column.replace("_loss", "").replace("val", "validation")
                panel.plot(
                    curve["epoch"], curve[column], color=colour, linestyle=dashes, label=label
                )
            panel.set_title(BY_NAME[name].title.replace(" (", "\n("), fontsize=9)
            panel.set_xlabel("epoch")
            panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        panels[0].set_ylabel("focal loss a clip")
        panels[0].legend(fontsize=8)


def confusion_matrices(predictions: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Draw a matrix a model: test clips by actual and predicted class, shaded by row."""
    with picture(path, 2.3 * len(predictions) + 0.6, 3.4) as figure:
        panels = figure.subplots(1, len(predictions), sharey=True, squeeze=False)[0]
        for panel, (name, clips) in zip(panels, predictions.items(), strict=True):
            _confusion_panel(panel, clips)
            panel.set_title(BY_NAME[name].title.replace(" (", "\n("), fontsize=9)
        panels[0].set_ylabel("actual")


def _confusion_panel(panel: Axes, clips: pd.DataFrame) -> None:
    counts = confusion(clips)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    panel.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    panel.grid(visible=False)
    for row in range(2):
        for column in range(2):
            panel.text(
                column,
                row,
                f"{counts[row, column]}\n{shares[row, column]:.0%}",
                ha="center",
                va="center",
                color="white" if shares[row, column] > DARK else "black",
            )
    panel.set_xticks(range(2), CLASSES, fontsize=8)
    panel.set_yticks(range(2), CLASSES, fontsize=8, rotation=90, va="center")
    panel.set_xlabel("predicted")


def curves(predictions: Mapping[str, pd.DataFrame], selected: str, path: Path) -> None:
    """Draw ROC, precision-recall and DET curves on test; the chosen model's are thicker."""
    with picture(path, 13.0, 4.4) as figure:
        roc, pr, det = figure.subplots(1, 3)
        for name, clips in predictions.items():
            look = {
                "color": BY_NAME[name].colour,
                "linestyle": (0, BY_NAME[name].dashes or None),
                "linewidth": 2.4 if name == selected else 1.4,
            }
            points = roc_points(clips)
            roc.plot(points["fpr"], points["tpr"], label=BY_NAME[name].title, **look)
            points = pr_points(clips)
            pr.plot(points["recall"], points["precision"], **look)
            points = det_points(clips)
            det.plot(stats.norm.ppf(points["fpr"]), stats.norm.ppf(points["fnr"]), **look)
        roc.plot([0, 1], [0, 1], color=NEUTRAL, linewidth=0.8)
        prevalence = float(next(iter(predictions.values()))["label"].mean())
        pr.axhline(prevalence, color=NEUTRAL, linewidth=0.8)
        _share_axes(roc, "normal clips called shoplifting", "shoplifting clips found", "ROC")
        _share_axes(pr, "shoplifting clips found (recall)", "precision", "Precision and recall")
        _det_axes(det)
        pr.annotate("chance", (0.02, prevalence), va="bottom", fontsize=8, color=NEUTRAL)
        roc.annotate("chance", (0.75, 0.70), fontsize=8, color=NEUTRAL)
        roc.legend(loc="lower right", fontsize=8, handlelength=3.5)


def _det_axes(axes: Axes) -> None:
    """Scale by normal deviates (Martin et al. 1997), so that equal steps are equal gains."""
    places = stats.norm.ppf(DET_TICKS)
    axes.plot(places[[0, -1]], -places[[0, -1]], color=NEUTRAL, linewidth=0.8)
    axes.set_xticks(places, [f"{share:.0%}" for share in DET_TICKS], fontsize=8)
    axes.set_yticks(places, [f"{share:.0%}" for share in DET_TICKS], fontsize=8)
    axes.set(xlim=places[[0, -1]], ylim=places[[0, -1]], title="DET: lower left is better")
    axes.set(xlabel="normal clips called shoplifting", ylabel="shoplifting clips missed")


def reliability_diagram(clips: pd.DataFrame, found: Mapping[str, Any], path: Path) -> None:
    """Draw the share of shoplifting against the score, before and after calibration; dots by clips.

    Args:
        clips: the chosen model's test clips.
        found: that model's part of ``metrics/evaluate.json``.
        path: PNG to write.
    """
    labels, scores = labels_and_scores(clips)
    raw = uncalibrated(scores, found["temperature"])
    with picture(path, 5.6, 4.4) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=NEUTRAL, linewidth=0.8)
        for values, gap, look in (
            (
                raw,
                _number(found["before_calibration"]["ece"]),
                (NEUTRAL, (0, (4, 2)), "s", "as trained"),
            ),
            (scores, _number(found["calibration"]["ece"]), (SCORE, "solid", "o", "calibrated")),
        ):
            bins = reliability(labels, values)
            colour, dashes, marker, words = look
            label = f"{words}, gap {gap:.3f}"
            axes.plot(bins.score, bins.share, color=colour, linestyle=dashes, label=label)
            sizes = 12 + 240 * bins.clips / bins.clips.sum()
            axes.scatter(bins.score, bins.share, s=sizes, color=colour, marker=marker, alpha=0.7)
        _share_axes(axes, "score of a clip", "share of shoplifting among them", "Reliability")
        axes.legend(loc="upper left", fontsize=8)


def _share_axes(axes: Axes, x: str, y: str, title: str) -> None:
    axes.set(xlabel=x, ylabel=y, title=title, xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))


def forest(summary: Mapping[str, Any], confidence: float, path: Path) -> None:
    """Draw every model's test AUC with its interval, and the chosen model's lead over each.

    Args:
        summary: ``metrics/evaluate.json``.
        confidence: of its intervals.
        path: PNG to write.
    """
    models = in_order(summary["models"])
    with picture(path, 10.0, 0.42 * len(models) + 1.4) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        sides = ("test", "test_low", "test_high")
        _forest_panel(
            left, [(row, [found[side]["auc"] for side in sides]) for row, found in models]
        )
        left.axvline(0.5, color=NEUTRAL, linewidth=0.8)
        left.set_title("Test AUC of clips; the line is chance", fontsize=10)
        left.set_xlabel("ROC-AUC")
        leads = [(row, found["auc_lead_of_selected"]) for row, found in models]
        parts = ("value", "low", "high")
        _forest_panel(right, [(row, [lead[part] for part in parts]) for row, lead in leads])
        right.axvline(0.0, color=NEUTRAL, linewidth=0.8)
        right.set_title("Lead of the chosen model, paired; the line is none", fontsize=10)
        right.set_xlabel("difference of ROC-AUC")
        figure.supxlabel(
            f"bars: {confidence:.0%} intervals by resampling groups of recordings", fontsize=8
        )
        left.set_yticks(
            range(len(models)),
            [row.title + " *" * (row.name == summary["selected"]) for row, _ in models],
        )
        left.invert_yaxis()


def _forest_panel(axes: Axes, figures: Sequence[tuple[Row, Sequence[float | None]]]) -> None:
    """Draw a bar a row: value, low and high end; None where undefined."""
    for place, (row, numbers) in enumerate(figures):
        value, low, high = map(_number, numbers)
        axes.plot([low, high], [place, place], color=row.colour, linewidth=2.5)
        axes.plot([value], [place], color=row.colour, marker="o", markeredgecolor="white")
    axes.margins(y=0.25 / max(1, len(figures) - 1) + 0.05)
    axes.grid(visible=False, axis="y")


def _number(value: float | None) -> float:
    return math.nan if value is None else value

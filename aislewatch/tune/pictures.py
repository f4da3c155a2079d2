"""The study in four pictures: how it went, what mattered, where the good settings lie.

Optuna's own plots leave out the pruned trials, which are most of them, and cut labels off; these
are drawn from the same trials, its importances included. Same trials, same bytes. Every picture is
always there: where a study is too short for one, it says so.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import optuna
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, PercentFormatter
from optuna.trial import FrozenTrial, TrialState

from aislewatch.pictures import NEUTRAL, SCORE, SHOPLIFTING_COLOUR, picture
from aislewatch.tune.points import TrialPoint, best_point, range_of, trial_points

NAMES: Mapping[str, str] = {
    "lr": "learning rate",
    "one_minus_beta1": "1 - β1",
    "one_minus_beta2": "1 - β2",
    "eps": "ε",
    "weight_decay": "weight decay",
    "batch_size": "batch size",
    "dropout": "dropout",
    "focal_gamma": "focal γ",
}
LOSS = "validation loss"
# Inches a panel of a parameter.
PANEL = 1.9


def draw_pictures(trials: Sequence[FrozenTrial], folder: Path) -> None:
    """Write history.png, importance.png, slice.png and parallel.png.

    Args:
        trials: of one study, in its order; those without any loss are left out.
        folder: where the files go.
    """
    tried = trial_points(trials)
    names = [name for name in NAMES if all(name in one.params for one in tried)] if tried else []
    width = max(4.0, PANEL * len(names) + 1.0)
    with picture(folder / "history.png", 7.0, 3.2) as figure:
        _history(figure, tried)
    with picture(folder / "importance.png", 7.0, 0.35 * max(4, len(names)) + 1.0) as figure:
        _importance(figure, trials)
    with picture(folder / "slice.png", width, 2.9) as figure:
        _slice(figure, tried, names)
    with picture(folder / "parallel.png", width, 3.4) as figure:
        _parallel(figure, tried, names, trials)


def _say(figure: Figure, why: str) -> None:
    figure.text(0.5, 0.5, why, ha="center", va="center", color=NEUTRAL, wrap=True)


def _scatter(axes: Axes, tried: Sequence[TrialPoint], x: Sequence[float]) -> None:
    """Draw finished trials filled, pruned ones hollow, the best as a star."""
    best = best_point(tried)
    for complete, marker, face, label in (
        (False, "v", "white", "pruned, least loss until then"),
        (True, "o", SCORE, "finished"),
    ):
        drawn = [n for n, one in enumerate(tried) if one.complete is complete]
        if drawn:
            at, losses = [x[n] for n in drawn], [tried[n].loss for n in drawn]
            edge = face if complete else NEUTRAL
            axes.scatter(at, losses, s=34, marker=marker, c=face, ec=edge, label=label)
    if best is not None:
        place = x[list(tried).index(best)]
        star = axes.scatter(
            [place], [best.loss], s=150, marker="*", c=SHOPLIFTING_COLOUR, ec="black"
        )
        star.set(label="best", zorder=3)


def _history(figure: Figure, tried: Sequence[TrialPoint]) -> None:
    if not tried:
        _say(figure, "No trial had a loss, so there is no history.")
        return
    axes = figure.subplots()
    complete = [one for one in tried if one.complete]
    if complete:
        least = np.minimum.accumulate([one.loss for one in complete])
        places = [*(one.place for one in complete), tried[-1].place]
        axes.step(
            places, [*least, least[-1]], where="post", color="black", lw=1, label="best so far"
        )
    _scatter(axes, tried, [one.place for one in tried])
    axes.set(xlabel="trial", ylabel=LOSS, title="How the study went")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=8)


def _importance(figure: Figure, trials: Sequence[FrozenTrial]) -> None:
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    if len({trial.value for trial in complete}) < 2:
        _say(
            figure,
            f"What mattered cannot be told: it takes finished trials of unlike loss,\nand "
            f"{len(complete)} of this study's {len(trials)} trials finished.",
        )
        return
    study = optuna.create_study()
    study.add_trials(complete)
    found = optuna.importance.PedAnovaImportanceEvaluator().evaluate(study)
    whole = sum(found.values())
    if not np.isfinite(whole) or whole <= 0:
        _say(
            figure,
            f"What mattered cannot be told: among {len(complete)} finished trials\n"
            "no setting stands out.",
        )
        return
    axes = figure.subplots()
    ranked = sorted(found.items(), key=lambda pair: pair[1])
    shares = [value / whole for _, value in ranked]
    bars = axes.barh([NAMES.get(name, name) for name, _ in ranked], shares, color=SCORE)
    axes.bar_label(bars, [f"{share:.0%}" for share in shares], padding=3, fontsize=8)
    axes.grid(visible=False, axis="y")
    axes.set(xlim=(0, 1.1 * max(shares)), xlabel="share of importance (PED-ANOVA)")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_title(f"What mattered among {len(complete)} finished trials")


def _slice(figure: Figure, tried: Sequence[TrialPoint], names: Sequence[str]) -> None:
    if not tried:
        _say(figure, "No trial had a loss, so there is nothing to slice.")
        return
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for panel, name in zip(panels, names, strict=True):
        _scatter(panel, tried, [one.params[name] for one in tried])
        if name not in ("batch_size", "dropout", "focal_gamma"):
            panel.set_xscale("log")
            panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_xlabel(NAMES[name])
        panel.tick_params(labelsize=7, which="both")
    panels[0].set_ylabel(LOSS)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)


def _parallel(
    figure: Figure, tried: Sequence[TrialPoint], names: Sequence[str], trials: Sequence[FrozenTrial]
) -> None:
    best = best_point(tried)
    if best is None:
        _say(figure, "No trial finished, so no settings can be compared.")
        return
    axes = figure.subplots()
    losses = [one.loss for one in tried]
    low, high = min(losses), max(losses)
    for one in sorted(tried, key=lambda one: -one.loss):
        bad = (one.loss - low) / (high - low) if high > low else 0.0
        # Darker and thicker is better, so that it can be read without colour.
        colour, width = (
            (str(0.25 + 0.55 * bad), 1.8 - 1.2 * bad)
            if one is not best
            else (SHOPLIFTING_COLOUR, 3)
        )
        [drawn] = axes.plot([*(one.shares[name] for name in names), bad], color=colour, lw=width)
        drawn.set_linestyle("solid" if one.complete else (0, (2, 2)))
    ends = [range_of(trials, name) for name in names] + [(f"{low:.3g}", f"{high:.3g}")]
    titles = [NAMES[name] for name in names] + [LOSS]
    for at, ((bottom, top), title) in enumerate(zip(ends, titles, strict=True)):
        axes.vlines(at, 0, 1, color="black", linewidth=0.8)
        axes.annotate(top, (at, 1.03), ha="center", fontsize=8)
        axes.annotate(f"{bottom}\n{title}", (at, -0.03), ha="center", va="top", fontsize=8)
    axes.set(xlim=(-0.4, len(names) + 0.4), ylim=(-0.2, 1.12))
    axes.set_axis_off()
    axes.set_title("Settings of every trial; orange: the best; darker: lower loss; dashed: pruned")

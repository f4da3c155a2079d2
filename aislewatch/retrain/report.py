"""Writes what a manager reads of a retraining, as markdown that Prefect and MLflow show."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from aislewatch.retrain.news import Decision
from aislewatch.retrain.outcome import Outcome
from aislewatch.tables import places

# Pictures of the evaluation's report, with what they show.
PICTURES = {
    "timelines.png": "Scores and alerts over whole test videos",
    "mistake-01.webp": "Worst mistakes",
    "mistake-02.webp": "",
    "mistake-03.webp": "",
}

# Bytes of a picture from which it is left out: the page would be slow to open. The demo's
# timelines have 0.1 MB.
MOST_BYTES = 2**20

# The gate's figures of both models on today's test footage, as people read them.
FIGURES = {
    "auc": "ROC-AUC by video",
    "recall": "share of events found",
    "alarms": "false alarms per camera-hour",
}

# Its other numbers.
NUMBERS = {
    "gate.auc_difference": "ROC-AUC by video, new minus old",
    "gate.auc_difference_low": "at least (one-sided bound)",
    "gate.p_auc": "p: better by chance",
    "gate.recall_difference": "events found, new minus old",
    "gate.recall_difference_low": "at least (one-sided bound)",
    "gate.p_recall": "p: more are found by chance",
    "gate.alarms_difference": "false alarms an hour, new minus old",
    "gate.alarms_difference_high": "at most (one-sided bound)",
    "gate.p_alarms": "p: fewer by chance",
    "gate.normal_hours": "hours of normal test footage",
    "gate.alert_share": "share of normal footage under an alert",
}


def headline(outcome: Outcome | None) -> str:
    """Say in a line what a retraining came to."""
    if outcome is None:
        return "trained; the pipeline registers nothing"
    old = f"version {outcome.before}" if outcome.before else "none"
    return {
        "promoted": f"version {outcome.version} is champion now (before: {old})",
        "asks": f"version {outcome.version} waits for people until {outcome.until} "
        f"(champion: {old})",
        "left": f"version {outcome.version} stays challenger (champion: {old})",
        "same": f"the champion stays: version {outcome.version} has these very weights",
    }[outcome.fate]


def decision_text(decision: Decision, seconds: float, notes: Sequence[str]) -> str:
    """Describe why there is, or is not, anything to learn from."""
    verdict = "There is something to learn from" if decision.learn else "Nothing to learn from"
    lines = [f"**{verdict}** (looked for {seconds:.1f} s)", ""]
    lines += [f"- {reason}" for reason in decision.reasons]
    lines += ["", "As it was:", "", *(f"- {line}" for line in decision.otherwise)]
    return "\n".join(lines + _noted(notes))


def result_text(
    decision: Decision,
    outcome: Outcome | None,
    links: Mapping[str, str],
    notes: Sequence[str],
    folder: Path,
) -> str:
    """Describe a retraining on a page.

    Args:
        decision: why there was one.
        outcome: what it came to.
        links: addresses by what is found there.
        notes: what a person should know besides.
        folder: project whose report has the pictures.
    """
    lines = [f"**{headline(outcome)}**", "", "Why there was a training:", ""]
    lines += [f"- {reason}" for reason in decision.reasons]
    if outcome is not None:
        lines += ["", f"Why this version fares so: {outcome.verdict}."]
        if outcome.fate == "asks":
            lines += ["", *_answers(outcome)]
        lines += _against(outcome) + _own(outcome)
    lines += ["", *(f"- {name}: {address}" for name, address in links.items() if address)]
    return "\n".join(lines + _noted(notes) + _pictures(folder / places.EVALUATION_REPORT))


def _answers(outcome: Outcome) -> list[str]:
    number = outcome.version
    return [
        f"It becomes champion if somebody approves it until {outcome.until}:",
        "",
        "```",
        f'aislewatch models approve {number} --why "..."',
        f'aislewatch models decline {number} --why "..."',
        "```",
    ]


def _against(outcome: Outcome) -> list[str]:
    rows = [
        f"| {words} | {_bounded(outcome, 'champion', name)} | "
        f"{_bounded(outcome, 'challenger', name)} |"
        for name, words in FIGURES.items()
        if f"gate.challenger_{name}" in outcome.numbers
    ]
    heads = ["", "| on the same test footage | old | new |", "|---|---|---|"]
    more = [
        f"| {words} | {outcome.numbers[name]:.4g} |"
        for name, words in NUMBERS.items()
        if name in outcome.numbers
    ]
    return [
        *(heads + rows if rows else []),
        *(["", "| the gate | |", "|---|---|", *more] if more else []),
    ]


def _bounded(outcome: Outcome, who: str, name: str) -> str:
    value, low, high = (
        outcome.numbers.get(f"gate.{who}_{name}{end}") for end in ("", "_low", "_high")
    )
    bounds = "" if low is None else f" ({_number(low)} to {_number(high)})"
    return _number(value) + bounds


def _own(outcome: Outcome) -> list[str]:
    rows = [
        f"| {name} | {_number(value)} | {_number(low)} to {_number(high)} |"
        for name, (value, low, high) in outcome.figures.items()
    ]
    heads = [f"| {outcome.model} on test | | interval |", "|---|---|---|"]
    return ["", *heads, *rows] if rows else []


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _noted(notes: Sequence[str]) -> list[str]:
    return ["", "To know besides:", "", *(f"- {note}" for note in notes)] if notes else []


def _pictures(report: Path) -> list[str]:
    lines = []
    for name, words in PICTURES.items():
        file = report / name
        if file.exists() and file.stat().st_size < MOST_BYTES:
            data = base64.b64encode(file.read_bytes()).decode()
            kind = file.suffix.removeprefix(".")
            lines += ["", words, "", f"![{name}](data:image/{kind};base64,{data})"]
    return lines

"""What there is to learn from: each kind of news in words, once, and no news in what is none."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aislewatch.retrain.news import (
    Manifest,
    ToldDrift,
    decide,
    differences,
    footage_differences,
    read_drift,
)

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
WAS: Manifest = {"shop/a.mp4": (1, 1), "shop/labels.csv": (1, 1), "desk/labels.csv": (1, 1)}


def look(
    said: list[str] | None = None,
    drift: ToldDrift | None = None,
    promoted: datetime | None = NOW - DAY,
    learned: datetime | None = NOW - DAY,
) -> tuple[bool, str]:
    decision = decide(said or [], drift, promoted, learned, 90.0, NOW)
    return decision.learn, decision.headline + " / " + "; ".join(decision.otherwise)


def test_without_news_it_says_what_was_looked_at() -> None:
    assert look() == (
        False,
        "nothing to learn from / footage, labels, verdicts, parameters and code are as they were; "
        "no drift is known; the champion is of 2026-02-28",
    )
    assert look(["code changed: aislewatch/train"])[0]


@pytest.mark.parametrize(("hours_after", "learns"), [(-1, False), (0, False), (1, True)])
def test_drift_counts_once(hours_after: int, learns: bool) -> None:
    drift = ToldDrift("camera 2 is darker", NOW - DAY + timedelta(hours=hours_after))
    assert look(drift=drift)[0] == learns
    assert look(drift=drift, learned=None)[0], "and always where nothing was learned"


def test_an_old_champion_is_looked_at_again_once_in_its_age() -> None:
    assert not look(promoted=NOW - 89 * DAY, learned=None)[0]
    assert look(promoted=NOW - 90 * DAY, learned=NOW - 91 * DAY)[0]
    assert not look(promoted=NOW - 200 * DAY, learned=NOW - 80 * DAY)[0]


def test_no_champion_is_a_reason_only_before_the_first_training() -> None:
    assert look(promoted=None, learned=None)[0]
    assert not look(promoted=None)[0]


def test_footage_labels_and_verdicts_are_told_apart() -> None:
    now: Manifest = {
        **{f"shop/{name}.MP4": (2, 2) for name in "bcdef"},
        "shop/labels.csv": (1, 2),
        "desk/labels.csv": (2, 2),
    }
    assert footage_differences(WAS, now) == [
        "new videos: 5 (shop/b.MP4, shop/c.MP4, shop/d.MP4 and 2 more)",
        "changed files of labels: 1 (shop/labels.csv)",
        "changed verdicts of people: 1 (desk/labels.csv)",
        "gone videos: 1 (shop/a.mp4)",
    ]
    assert footage_differences(WAS, WAS) == []
    assert footage_differences(None, now) == []


STATUS: dict[str, Any] = {
    "ingest": [
        {"changed deps": {"data/raw": "modified", "params.yaml": {"frames.fps": "modified"}}},
        {"changed outs": {"data/dataset/frames": "deleted"}},
    ],
    "split": [
        {"changed deps": {"data/dataset/frames": "deleted", "data/assignments.csv": "modified"}}
    ],
    "train@cnn": ["changed command", {"changed deps": {"aislewatch/train": "modified"}}],
    "register": [
        "always changed",
        {"changed deps": {"models": "deleted", "data/scores": "modified"}},
        {"changed outs": {"registration.json": "deleted"}},
    ],
}


def test_what_dvc_reports_is_told_by_kind_without_what_follows_from_it() -> None:
    made = {"data/dataset/frames", "registration.json", "models/cnn", "data/scores/cnn"}
    assert differences(STATUS, made, ["new videos: 1 (shop/b.mp4)"]) == [
        "new videos: 1 (shop/b.mp4)",
        "parameters changed: frames.fps",
        "code changed: aislewatch/train",
        "inputs changed: data/assignments.csv",
        "commands of stages changed: train@cnn",
    ]
    assert differences(STATUS, made, [])[0] == "footage or labels changed"
    only_made = {"split": STATUS["split"][:0], "register": STATUS["register"]}
    assert differences(only_made, made, ["touched"]) == [], "DVC judges, by content"


def test_a_damaged_word_of_the_monitor_is_told(tmp_path: Path) -> None:
    file = tmp_path / "drift.json"
    assert read_drift(file) is None
    file.write_text(json.dumps({"drift": False, "why": "", "at": "2026-03-01T00:00:00+00:00"}))
    assert read_drift(file) is None
    file.write_text(json.dumps({"drift": True, "why": "dark", "at": "2026-03-01T00:00:00Z"}))
    assert read_drift(file) == ToldDrift("dark", datetime(2026, 3, 1, tzinfo=UTC))
    for damaged in ("{", "[]", "{}", '{"drift": true, "why": "", "at": "2026-03-01T00:00:00"}'):
        file.write_text(damaged)
        with pytest.raises(ValueError, match=r"."):
            read_drift(file)

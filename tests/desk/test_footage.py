"""Missed thefts are reported on kept footage; samples tell what was missed."""

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from aislewatch.desk.evidence import duration
from aislewatch.desk.footage import pieces
from aislewatch.desk.numbers import DAY_S
from aislewatch.desk.publish import publish
from aislewatch.desk.recall import estimate, live_recall
from aislewatch.desk.samples import draw
from aislewatch.desk.schema import CLIPS, SAMPLED
from tests.desk.desks import Shop, open_shop, token
from tests.desk.evidence_folders import FPS, NOON, write_evidence, write_film
from tests.desk.two_alerts import verdict

MIDNIGHT = NOON // DAY_S * DAY_S


def keep(live: Path, camera: str, at: float, length_s: int, scores: list[float]) -> Path:
    """Keep footage of a camera with a score a window of 2 s, threshold 0.8."""
    name = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    path = live / f"footage/{camera}/{name}.mp4"
    write_film(path, length_s * FPS, seed=int(at) % 1000)
    told = [{"start_s": 2.0 * i, "end_s": 2.0 * i + 2, "score": s} for i, s in enumerate(scores)]
    path.with_suffix(".json").write_text(json.dumps({"threshold": 0.8, "scores": told}))
    return path


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A desk with 40 s of kept footage, and an alert in it."""
    shop = open_shop(tmp_path / "live")
    keep(shop.desk.live, "till", NOON - 10, 20, [0.1, 0.7, 0.75, 0.5, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1])
    keep(shop.desk.live, "till", NOON + 10, 20, [0.65, 0.79, 0.79, 0.66, 0.7] * 2)
    write_evidence(shop.desk.live, "till", NOON)
    shop.look()
    return shop


def test_a_missed_theft_is_found_on_kept_footage_and_learned_from(
    shop: Shop, tmp_path: Path
) -> None:
    client = shop.client("gus")
    assert "<option>till</option>" in client.get("/missed").text
    form = {"csrf": token(client), "camera": "till", "at": "2026-11-30T12:00:10"}
    where = client.post("/missed", data=form).headers["location"]
    clip = where.removeprefix("/clips/")
    # Two seconds on both sides, out of two files.
    for name in ("clip.mp4", "original.mp4"):
        assert duration(shop.desk.live / "cut" / clip / name) == pytest.approx(4.0, abs=0.15)
    assert verdict(client, clip, "theft", start_s=1.0, end_s=2.5) == 303
    done = publish(shop.desk.database, shop.desk.live, tmp_path / "raw", NOON)
    assert done.thefts == 1
    assert clip in client.get("/?kind=missed").text
    # The same again is the same clip.
    assert client.post("/missed", data=form).headers["location"] == where
    for wrong in ({"at": "2026-11-29T12:00:00"}, {"at": "noon"}, {"camera": "../till"}):
        assert client.post("/missed", data=form | wrong).status_code == 400
    said = client.post("/missed", data=form | {"at": "2027-01-01T00:00:00"}).text
    assert "is kept at 2027-01-01 00:00:00 UTC; its oldest file begins at 2026-11-30 1" in said


def test_samples_are_drawn_once_a_camera_and_day_and_never_of_an_alert(shop: Shop) -> None:
    assert draw(shop.desk, MIDNIGHT) == 8
    assert draw(shop.desk, MIDNIGHT) == 0
    assert draw(shop.desk, MIDNIGHT - DAY_S) == 0
    with shop.desk.database.reading() as connection:
        rows = list(connection.execute(select(CLIPS).where(CLIPS.c.kind != "alert")))
        sampled = connection.execute(select(SAMPLED)).one()
    kinds = [row.kind for row in rows]
    assert (kinds.count("audit"), kinds.count("near")) == (4, 4)
    # 20 windows of 2 s; the alert lies in one of them.
    assert (sampled.windows, sampled.seconds) == (19, pytest.approx(38))
    assert all(row.end <= NOON + 0.1 or row.begin >= NOON + 2 for row in rows)
    assert all(0.64 <= row.score < 0.8 for row in rows if row.kind == "near")
    # A reviewer of the audit is not told what the model said.
    assert all(row.score is None for row in rows if row.kind == "audit")
    assert len({row.begin for row in rows}) == 8


def test_recall_is_estimated_from_the_audit(shop: Shop) -> None:
    draw(shop.desk, MIDNIGHT)
    client = shop.client("gus")
    with shop.desk.database.reading() as connection:
        ids = {
            kind: list(connection.execute(select(CLIPS.c.id).where(CLIPS.c.kind == kind)).scalars())
            for kind in ("alert", "audit")
        }
    verdict(client, ids["alert"][0], "theft")
    for clip, word in zip(ids["audit"], ("theft", "not theft", "not theft", "unsure"), strict=True):
        verdict(client, clip, word)
    with shop.desk.database.reading() as connection:
        found = live_recall(connection)
    assert (found.audited.hits, found.audited.tries, found.windows) == (1, 3, 19)
    assert found.value == pytest.approx(1 / (1 + 19 / 3))
    assert found.low < 0.14 < found.high
    assert found.an_hour == pytest.approx(3600 / 40)
    page = client.get("/numbers").text
    assert "Recall" in page
    assert "14 %" in page


@dataclass
class Day:
    """A camera's day of which an audit was drawn."""

    windows: int
    seconds: float = 0.0


@pytest.mark.parametrize(
    # Stretches without alert of each camera-day, and the share of them with a missed theft.
    ("windows", "shares"),
    [((200, 200, 200), (0.02, 0.02, 0.02)), ((8000, 300, 40), (0.002, 0.05, 0.3))],
    ids=["days alike", "a camera of which little is kept is the worst"],
)
def test_the_interval_of_recall_holds_the_truth_as_often_as_it_says(
    windows: tuple[int, ...], shares: tuple[float, ...]
) -> None:
    """300 months of ten days of each camera; four clips a camera-day are audited."""
    rng = np.random.default_rng(0)
    days: Any = {
        (str(camera), day * DAY_S): Day(n) for camera, n in enumerate(windows) for day in range(10)
    }
    held, plainly = 0, 0
    for _ in range(300):
        rows, missed = [], 0
        for camera, day in days:
            row = {"camera": camera, "begin": day, "end": day}
            n = days[camera, day].windows
            thefts = rng.binomial(n, shares[int(camera)])
            missed += thefts
            words = ["theft"] * rng.hypergeometric(thefts, n - thefts, 4)
            words += ["not theft"] * (4 - len(words))
            rows += [row | {"kind": "audit", "verdict": word} for word in words]
        alerts = rng.permutation(["theft"] * 120 + ["not theft"] * 60).tolist()
        rows += [row | {"kind": "alert", "verdict": word} for word in alerts[:90]]
        rows += [row | {"kind": "alert", "verdict": None}] * 90
        found = estimate(rows, days)
        held += found.low <= 120 / (120 + missed) <= found.high
        plain = replace(found, weighted=found.audited)
        plainly += plain.low <= 120 / (120 + missed) <= plain.high
    assert held / 300 >= 0.95
    # Without weights, an hour of one camera would stand for as much as a day of another.
    assert (plainly / 300 < 0.9) == (len(set(windows)) > 1)


def test_kept_footage_is_deleted_when_it_is_old(shop: Shop) -> None:
    (first, *_) = pieces(shop.desk.live, "till", NOON - 10, NOON)
    os.utime(first.path, (NOON, NOON))
    left = shop.desk.live / "cut" / "left-behind"
    left.mkdir(parents=True)
    os.utime(left, (NOON, NOON))
    shop.clock.at = NOON + 72 * 3600 + 100
    shop.look()
    assert not first.path.exists()
    assert not first.path.with_suffix(".json").exists()
    assert not left.exists()

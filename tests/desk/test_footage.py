"""Missed thefts are reported on kept footage; samples tell what was missed."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from aislewatch.desk.evidence import duration
from aislewatch.desk.footage import pieces
from aislewatch.desk.numbers import DAY_S, Recall, Share, live_recall
from aislewatch.desk.publish import publish
from aislewatch.desk.samples import draw
from aislewatch.desk.schema import CLIPS, SAMPLED
from tests.desk.desks import Shop, open_shop, token
from tests.desk.evidence_folders import FPS, NOON, write_evidence, write_film
from tests.desk.test_reviewing import verdict

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
    assert found.alerts_an_hour == pytest.approx(3600 / 38)
    page = client.get("/numbers").text
    assert "Recall" in page
    assert "14 %" in page


def test_the_interval_of_recall_holds_the_truth_as_often_as_it_says() -> None:
    """2,000 shops of 200 windows with 4 thefts missed and 12 caught, of which 40 are audited."""
    import numpy as np

    rng = np.random.default_rng(0)
    audits = rng.hypergeometric(4, 196, 40, size=2000)
    alerts = rng.binomial(16, 0.75, size=2000)
    held = 0
    for missed, caught in zip(audits.tolist(), alerts.tolist(), strict=True):
        found = Recall(Share(missed, 40, 0.975), 200, Share(caught, 16, 0.975), 16, 1.0)
        held += found.low <= 12 / 16 <= found.high
    assert held / 2000 >= 0.95


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

"""Alerts are listed, judged, undone; nobody's verdict is lost or made up."""

from pathlib import Path

import pytest
from sqlalchemy import select

from aislewatch.desk import log
from aislewatch.desk.drawing import against
from aislewatch.desk.schema import CLIPS, LOG, SEEN
from tests.desk.desks import Shop, token
from tests.desk.evidence_folders import NOON
from tests.desk.two_alerts import ids, shop_of_two, standing, verdict


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return shop_of_two(tmp_path / "live")


def test_a_guard_judges_and_undoes_and_the_next_alert_plays(shop: Shop) -> None:
    door, till = ids(shop)
    client = shop.client("gus")
    assert f"/clips/{till}/film" in client.get("/").text  # the oldest that waits
    assert verdict(client, till, "theft", start_s=1.5, end_s=2.5) == 303
    page = client.get(f"/?judged={till}").text
    assert f"/clips/{door}/film" in page
    assert "<strong>theft</strong>" in page
    form = {"csrf": token(client), "expected": 1}
    assert client.post(f"/clips/{till}/undo", data=form).status_code == 303
    assert standing(shop) == []
    assert verdict(client, till, "not theft") == 303
    assert standing(shop) == [("not theft", "gus")]
    assert f"/clips/{till}?" in client.get("/?only=not+theft").text
    assert f"/clips/{till}?" not in client.get("/?only=none").text
    assert f"/clips/{till}?" not in client.get("/?camera=door").text
    assert f"/clips/{till}?" not in client.get("/?day=2026-11-29").text
    assert client.get("/?day=yesterday").status_code == 400
    with shop.desk.database.reading() as connection:
        assert log.verify(connection) == ""


@pytest.mark.parametrize(
    "form",
    [
        {"verdict": "guilty"},
        {"verdict": "theft", "start_s": 3, "end_s": 1},
        {"verdict": "theft", "start_s": 0, "end_s": 99},
        {"verdict": "theft", "start_s": "nan", "end_s": "nan"},
        {"verdict": "theft", "start_s": "x"},
    ],
)
def test_no_verdict_follows_from_a_wrong_form(shop: Shop, form: dict[str, object]) -> None:
    client = shop.client("gus")
    assert verdict(client, ids(shop)[0], str(form.pop("verdict")), **form) == 400
    assert standing(shop) == []


def test_two_reviewers_at_once_and_the_second_is_told(shop: Shop) -> None:
    first, second = shop.client("gus"), shop.client("gina", "elsewhere")
    clip = ids(shop)[0]
    assert verdict(first, clip, "theft") == 303
    assert verdict(second, clip, "not theft") == 409
    assert standing(shop) == [("theft", "gus")]
    # Who has seen the verdict may overrule it; only its author or a lead strikes it out.
    form = {"csrf": token(second), "expected": 1}
    assert second.post(f"/clips/{clip}/undo", data=form).status_code == 400
    assert verdict(second, clip, "not theft", expected=1) == 303
    lead = shop.client("lea")
    form = {"csrf": token(lead), "expected": 2}
    assert lead.post(f"/clips/{clip}/undo", data=form).status_code == 303
    assert standing(shop) == [("theft", "gus")]


@pytest.mark.parametrize(
    ("score", "threshold", "words"),
    [
        (0.9, 0.8, "0.90 of threshold 0.80"),
        (0.99987, 0.99951, "0.9999 of threshold 0.9995"),
        (1.0, 1.0, "1.00 of threshold 1.00"),
        (1.0, 1.0 - 1e-12, "1.000000000 of threshold 1.000000000"),
    ],
)
def test_a_score_and_its_threshold_can_be_told_apart(
    score: float, threshold: float, words: str
) -> None:
    assert against(score, threshold) == words


def test_mark_all_seen_is_of_one_person_and_makes_no_verdict(shop: Shop) -> None:
    client, other = shop.client("gus"), shop.client("gina")
    assert client.post("/seen", data={"csrf": token(client)}).status_code == 303
    with shop.desk.database.reading() as connection:
        saw = list(connection.execute(select(SEEN.c.clip, SEEN.c.who).where(SEEN.c.who == "gus")))
    assert len(saw) == 2
    assert standing(shop) == []
    assert "new to you" not in client.get("/").text
    assert "new to you" in other.get("/").text


def test_an_escalation_and_a_note_stand_at_the_clip(shop: Shop) -> None:
    client, clip = shop.client("gus"), ids(shop)[0]
    for action, text in (("note", "<b>blue coat</b>"), ("escalate", "call the lead")):
        form = {"csrf": token(client), "text": text}
        assert client.post(f"/clips/{clip}/{action}", data=form).status_code == 303
    page = client.get(f"/clips/{clip}").text
    assert "&lt;b&gt;blue coat" in page
    assert ", escalated" in page
    assert client.post(f"/clips/{clip}/note", data={"csrf": token(client)}).status_code == 400


def test_the_original_is_a_leads_and_every_view_is_logged(shop: Shop) -> None:
    guard, lead, clip = shop.client("gus"), shop.client("lea"), ids(shop)[0]
    blurred, taken = (
        (shop.desk.live / "evidence" / clip / name).read_bytes()
        for name in ("clip.mp4", "original.mp4")
    )
    assert guard.get(f"/clips/{clip}/film").content == blurred
    assert guard.get(f"/clips/{clip}/original").status_code == 403
    assert "original" not in guard.get(f"/clips/{clip}?original=1").text
    form = {"csrf": token(lead), "text": "police asked"}
    assert lead.post(f"/clips/{clip}/unblur", data=form).headers["location"].endswith("original=1")
    assert lead.get(f"/clips/{clip}/original").content == taken
    part = lead.get(f"/clips/{clip}/film", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, blurred[10:20])
    with shop.desk.database.reading() as connection:
        query = select(LOG.c.who, LOG.c.action).where(LOG.c.subject == clip)
        logged = [tuple(row) for row in connection.execute(query.order_by(LOG.c.number))]
    views = [("gus", "film"), ("gus", "view"), ("lea", "unblur"), ("lea", "original film")]
    assert [entry for entry in logged if entry in views] == views
    assert ("lea", "film") not in logged  # a later piece of a film is no view of its own


def test_the_interval_that_is_offered_is_the_alerts(shop: Shop) -> None:
    with shop.desk.database.reading() as connection:
        row = connection.execute(select(CLIPS).where(CLIPS.c.camera == "till")).one()
    assert (row.start_s, row.end_s) == (pytest.approx(1.0), pytest.approx(3.0))
    assert (row.begin, row.raised) == (NOON, NOON + 3)
    assert 3.8 < row.duration_s <= 4.0
    assert (row.score, row.threshold, row.model) == (0.9, 0.8, "aislewatch version 1")


def test_evidence_that_cannot_be_used_is_told_once_and_left(shop: Shop) -> None:
    broken = shop.desk.live / "evidence" / "broken"
    broken.mkdir()
    (broken / "alert.json").write_text("{")
    for _ in range(2):
        shop.look()
    with shop.desk.database.reading() as connection:
        told = list(
            connection.execute(
                select(LOG.c.subject).where(LOG.c.action == "evidence refused")
            ).scalars()
        )
    assert told == ["broken"]
    assert (broken / "alert.json").exists()

"""Alerts are listed, judged, undone; nobody's verdict is lost or made up."""

from pathlib import Path

import pytest
from sqlalchemy import select, update
from starlette.routing import Route
from starlette.testclient import TestClient

from aislewatch.desk import log, people
from aislewatch.desk.drawing import against
from aislewatch.desk.schema import CLIPS, LOG, SEEN, USERS, VERDICTS
from aislewatch.desk.server import PAGES
from tests.desk.desks import PASSWORD, Shop, open_shop, token
from tests.desk.evidence_folders import NOON, write_evidence


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A desk with two alerts of two cameras."""
    shop = open_shop(tmp_path / "live")
    write_evidence(shop.desk.live, "till", NOON)
    write_evidence(shop.desk.live, "door", NOON + 10, seed=2)
    shop.look()
    return shop


def ids(shop: Shop) -> list[str]:
    return sorted(path.name for path in (shop.desk.live / "evidence").iterdir())


def standing(shop: Shop) -> list[tuple[str, str]]:
    with shop.desk.database.reading() as connection:
        query = select(VERDICTS.c.verdict, VERDICTS.c.who).where(~VERDICTS.c.undone)
        return [tuple(row) for row in connection.execute(query.order_by(VERDICTS.c.number))]


def verdict(client: TestClient, clip: str, word: str, expected: int = 0, **more: object) -> int:
    form = {"csrf": token(client), "verdict": word, "expected": expected} | more
    return client.post(f"/clips/{clip}/verdict", data=form).status_code


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


def test_every_page_refuses_the_anonymous_and_the_wrong_role(shop: Shop) -> None:
    clip = ids(shop)[0]
    # All that the application answers stands in the list, but for files without a word of a shop.
    routes = [route for route in shop.app.routes if isinstance(route, Route)]
    [files] = [route for route in shop.app.routes if route not in routes]
    assert getattr(files, "path", "") == "/static"
    answered = {(route.path, method) for route in routes for method in route.methods or ()}
    assert answered - {(page.path, "HEAD") for page in PAGES} == {
        (page.path, page.method) for page in PAGES
    }
    people_of = {None: ["", "gus"], "guard": [""], "lead": ["", "gus"], "admin": ["", "gus", "lea"]}
    clients = {name: shop.client(name) for name in ("", "gus", "lea")}
    tokens = {name: token(clients[name]) for name in ("gus", "lea")}
    for page in PAGES:
        path = page.path.replace("{clip}", clip)
        for name in people_of[page.role]:
            form = {"csrf": tokens.get(name, ""), "text": "x", "verdict": "theft"}
            client = clients[name]
            answer = client.get(path) if page.method == "GET" else client.post(path, data=form)
            expected = {200, 403} if page.role is None else {403} if name else {401}
            assert answer.status_code in expected, (page, name)
            if page.method == "GET":
                assert client.head(path).status_code == answer.status_code, (page, name)
            if page.role is not None:
                assert clip not in answer.text
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"
    assert standing(shop) == []
    moved = clients[""].get("/", headers={"accept": "text/html"})
    assert moved.headers["location"] == "/login?next=/"


def test_what_is_no_page_and_what_fails_is_a_page_with_a_way_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = shop.client("gus")
    for answer, status in ((client.get("/nowhere"), 404), (client.put("/"), 405)):
        assert answer.status_code == status
        assert "There is no such page" in answer.text
        assert "Back to the alerts" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    monkeypatch.setattr("aislewatch.desk.reviewing.clips.KINDS", None)
    hardened = TestClient(shop.app, raise_server_exceptions=False, cookies=client.cookies)
    answer = hardened.get("/")
    assert answer.status_code == 500
    assert "The desk failed at this page" in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_forms_need_the_sessions_token_and_our_origin(shop: Shop) -> None:
    client, other, clip = shop.client("gus"), shop.client("gina"), ids(shop)[0]
    for page in PAGES:
        if page.method == "POST" and page.role == "guard":
            for stolen in ("", token(other)):
                path = page.path.replace("{clip}", clip)
                answer = client.post(path, data={"csrf": stolen, "verdict": "theft", "text": "x"})
                assert answer.status_code == 403, page
    form = {"csrf": token(client), "verdict": "theft", "expected": 0}
    path, origin = f"/clips/{clip}/verdict", {"origin": "https://elsewhere.example"}
    assert client.post(path, data=form, headers=origin).status_code == 403
    assert client.post(path, content=b"a" * 70_000).status_code == 413
    assert standing(shop) == []
    login = {"name": "gus", "password": PASSWORD, "next": "//elsewhere.example"}
    assert shop.client().post("/login", data=login, headers=origin).status_code == 403
    assert shop.client().post("/login", data=login).headers["location"] == "/"


def test_logins_fail_slowly_and_sessions_end(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is counted is seen here, not the cost of the digest.
    monkeypatch.setattr(people, "is_right", lambda _connection, _name, word: word == PASSWORD)
    client = shop.client()
    wrong = [
        client.post("/login", data={"name": "gus", "password": "x"}).status_code for _ in range(6)
    ]
    assert wrong == [403] * 5 + [429]
    right = {"name": "gus", "password": PASSWORD}
    assert client.post("/login", data=right).status_code == 429
    shop.clock.at += people.FAILURES_S
    answer = client.post("/login", data=right)
    assert answer.status_code == 303
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert client.get("/").status_code == 200
    shop.clock.at += people.SESSION_S
    assert client.get("/").status_code == 401


def test_passwords_and_tokens_are_not_in_the_database(shop: Shop) -> None:
    client = shop.client("gus")
    with shop.desk.database.reading() as connection:
        stored = list(connection.execute(select(USERS.c.password)).scalars())
    assert all(text.startswith("$argon2id$") for text in stored)
    files = b"".join(path.read_bytes() for path in shop.desk.live.glob("desk.sqlite3*"))
    assert client.cookies["desk"].encode() not in files
    assert PASSWORD.encode() not in files
    client.post("/logout", data={"csrf": token(client)})
    assert client.get("/").status_code == 401


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("detail", "entry 3 is not as it was written"),
        ("middle", "entry 3 is missing"),
        ("tail", "and 5 were written"),
        ("anew", "the noted digest is not in the log"),
    ],
)
def test_a_changed_log_is_found_out(shop: Shop, change: str, says: str) -> None:
    shop.client("gus")
    with shop.desk.database.changing() as connection:
        _, noted = log.head(connection)
        if change == "detail":
            connection.execute(update(LOG).where(LOG.c.number == 3).values(who="somebody"))
        elif change == "middle":
            connection.execute(LOG.delete().where(LOG.c.number == 3))
        else:
            connection.execute(LOG.delete().where(LOG.c.number == 5))
        if change == "anew":
            number, digest = connection.execute(
                select(LOG.c.number, LOG.c.digest).order_by(LOG.c.number.desc())
            ).first() or (0, "")
            connection.exec_driver_sql("update head set number = ?, digest = ?", (number, digest))
            log.write(connection, 0.0, "gus", "login")
    with shop.desk.database.reading() as connection:
        assert says in log.verify(connection, noted)


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

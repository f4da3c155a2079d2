"""Who may do what at the desk: logins, roles, forms, and a log that shows what was changed."""

from pathlib import Path

import pytest
from sqlalchemy import select, update
from starlette.routing import Route
from starlette.testclient import TestClient

from aislewatch.desk import log, people
from aislewatch.desk.schema import LOG, USERS
from aislewatch.desk.server import PAGES
from tests.desk.desks import PASSWORD, Shop, token
from tests.desk.two_alerts import ids, shop_of_two, standing


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return shop_of_two(tmp_path / "live")


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

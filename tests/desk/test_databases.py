"""The desk does the same on SQLite and on a real PostgreSQL, also where all write at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from aislewatch.cli.main import main
from aislewatch.desk import log
from aislewatch.desk.database import VARIABLE, Database
from aislewatch.desk.schema import LOG, VERDICTS
from aislewatch.errors import DeskError
from tests.desk.desks import open_shop, token
from tests.desk.evidence_folders import write_evidence
from tests.native_stack import NativeStack, serving_postgres

# Reviewers who judge one clip at the same moment.
AT_ONCE = 8


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Name of the database that a desk opened now uses."""
    if request.param == "sqlite":
        yield request.param
        return
    stack = NativeStack(tmp_path)
    with serving_postgres(stack):
        user = f"mlflow:{stack.secret('mlflow_db_password')}"
        address = f"postgresql://{user}@127.0.0.1:{stack.ports['5432']}/mlflow"
        monkeypatch.setenv(VARIABLE, address)
        yield request.param


def test_of_all_who_judge_at_once_one_is_first(database: str, tmp_path: Path) -> None:
    shop = open_shop(tmp_path / "live")
    clip = write_evidence(shop.desk.live)
    shop.look()
    assert (shop.desk.live / "desk.sqlite3").exists() == (database == "sqlite")
    clients = [shop.client("gus") for _ in range(AT_ONCE)]
    tokens = [token(client) for client in clients]

    def judge(number: int) -> int:
        word = ("theft", "not theft")[number % 2]
        form = {"csrf": tokens[number], "verdict": word, "expected": 0}
        return clients[number].post(f"/clips/{clip}/verdict", data=form).status_code

    with ThreadPoolExecutor(AT_ONCE) as together:
        answers = sorted(together.map(judge, range(AT_ONCE)))
    assert answers == [303] + [409] * (AT_ONCE - 1)
    form = {"csrf": tokens[0]}
    assert clients[0].post("/seen", data=form).status_code == 303
    assert clients[0].post("/seen", data=form).status_code == 303
    assert clients[0].post(f"/clips/{clip}/undo", data=form | {"expected": 1}).status_code == 303
    for path in ("/", "/numbers", "/?only=none", "/?day=2026-11-30"):
        assert clip in clients[0].get(path).text or path == "/numbers"
    # Bytes that no database takes are no way to its errors.
    for path in ("/clips/%00", "/?camera=%00", "/?judged=%00"):
        assert clients[0].get(path).status_code == 400
    assert clients[0].get("/clips/..%2F..").status_code == 404
    odd = shop.client().post("/login", data={"name": "g\x00us", "password": "\x00"})
    assert odd.status_code == 403
    shop.clock.at += 73 * 3600
    shop.look()
    assert not (shop.desk.live / "evidence" / clip).exists()
    with shop.desk.database.reading() as connection:
        assert log.verify(connection) == ""
        query = select(LOG.c.number).where(LOG.c.action == "verdict")
        assert len(list(connection.execute(query))) == 1
        assert connection.execute(select(VERDICTS.c.undone)).scalar_one() is True
    main(["desk", "--live", str(shop.desk.live), "verify"])
    shop.desk.database.close()


def test_an_address_that_does_not_answer_is_told_without_its_password() -> None:
    with pytest.raises(DeskError, match="does not open") as refused:
        Database("postgresql://desk:very-secret@127.0.0.1:1/desk")
    assert "very-secret" not in str(refused.value)
    with pytest.raises(DeskError, match="does not open"):
        Database("nonsense://desk")

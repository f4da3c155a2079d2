"""A desk with two alerts, and how a guard judges them."""

from pathlib import Path

from sqlalchemy import select
from starlette.testclient import TestClient

from aislewatch.desk.schema import VERDICTS
from tests.desk.desks import Shop, open_shop, token
from tests.desk.evidence_folders import NOON, write_evidence


def shop_of_two(live: Path) -> Shop:
    """Open a desk with two alerts of two cameras."""
    shop = open_shop(live)
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

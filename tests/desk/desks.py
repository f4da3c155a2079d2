"""Makes desks in the test's process, and people who are logged in to them."""

from dataclasses import dataclass
from pathlib import Path

from starlette.testclient import TestClient

from aislewatch.config.desk import Reviewing
from aislewatch.desk.database import Database, address_of
from aislewatch.desk.guarding import Desk
from aislewatch.desk.people import add_user
from aislewatch.desk.server import build, clean, take_in
from tests.desk.evidence_folders import NOON

SETTINGS = Reviewing(
    keep_h=72.0, footage_gib=1.0, audit_a_day=4, near_a_day=4, near_share=0.8, clip_s=2.0
)
PASSWORD = "correct horse"
PEOPLE = {"gus": "guard", "gina": "guard", "lea": "lead", "ada": "admin"}


class Clock:
    """Tells a time that the test sets."""

    def __init__(self) -> None:
        self.at = NOON + 60

    def __call__(self) -> float:
        return self.at


@dataclass
class Shop:
    """A desk with its clock and its application."""

    desk: Desk
    clock: Clock

    def __post_init__(self) -> None:
        self.app = build(self.desk)

    def look(self) -> None:
        """Do what the server does again and again."""
        take_in(self.desk)
        clean(self.desk)

    def client(self, name: str = "", address: str = "testclient") -> TestClient:
        """Return a browser without scripts, in which ``name`` is logged in; empty: nobody."""
        client = TestClient(self.app, follow_redirects=False, client=(address, 1))
        if name:
            answer = client.post("/login", data={"name": name, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        return client


def open_shop(live: Path) -> Shop:
    """Open a desk with four people in an empty live folder."""
    live.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    desk = Desk(Database(address_of(live)), live, SETTINGS, clock)
    with desk.database.changing() as connection:
        for name, role in PEOPLE.items():
            add_user(connection, name, PASSWORD, role, clock())
    return Shop(desk, clock)


def token(client: TestClient) -> str:
    """Return the forgery token of the client's session, as its pages hold it."""
    return client.get("/").text.split('name="csrf" value="')[1].split('"')[0]

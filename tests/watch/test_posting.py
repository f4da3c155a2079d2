"""A disk that is full ends no watching: alerts are held, and told in their order once it is not."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.delivery.outbox import OUTBOX, Outbox
from aislewatch.errors import DeliveryError
from aislewatch.watch import posting
from aislewatch.watch.backoff import Backoff
from aislewatch.watch.cameras_file import Cameras
from aislewatch.watch.posting import Posting
from aislewatch.watch.scorer import load_live
from aislewatch.watch.watcher import _note_operating_point
from tests.watch.champions import save_network
from tests.watch.test_watcher import PARAMS


def alert(number: int) -> dict[str, object]:
    raised = f"2026-11-30T12:00:{number:02}Z"
    return {"id": f"till-{number}", "camera": "till", "raised": raised, "shadow": False}


@contextmanager
def full(live: Path) -> Iterator[None]:
    """Let the database grow by nothing, as on a full disk, for every connection to it."""
    whole, connect = live / OUTBOX, sqlite3.connect

    def connected(*what: object, **how: object) -> sqlite3.Connection:
        connection = connect(whole, timeout=0.1)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", connected)
        yield


def test_alerts_on_a_full_disk_are_held_and_told_in_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "RETRY_S", 0.0)
    ours = Posting(tmp_path, ["room"])
    padding = alert(0) | {"words": "a" * 100_000}
    with caplog.at_level(logging.INFO), full(tmp_path):
        ours.put(padding)
        for number in (1, 2):
            ours.put(alert(number))
        for _ in range(3):
            ours.look()
        assert Outbox(tmp_path).waiting("room") == []
    told = [record.message for record in caplog.records]
    assert len(told) == 1
    assert "alerts are held, and tried again every second" in told[0]
    assert "see whether its disk is full" in told[0]
    with caplog.at_level(logging.INFO):
        ours.look()
    assert "3 alert(s) that were held are in the outbox now" in caplog.text
    assert [one.key for one in Outbox(tmp_path).waiting("room")] == ["till-0", "till-1", "till-2"]
    ours.put(alert(3))
    assert len(Outbox(tmp_path).waiting("room")) == 4


def test_what_was_never_told_is_named_at_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours = Posting(tmp_path, ["room"])
    with full(tmp_path):
        ours.put(alert(0) | {"words": "a" * 100_000})
        ours.close()
    assert "till: nobody was told of the alert till-0" in caplog.text


def test_an_outbox_that_cannot_be_opened_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / OUTBOX).mkdir()
    with pytest.raises(DeliveryError, match="see whether its disk is full"):
        Posting(tmp_path, ["room"])


@given(st.floats(0.1, 2.0), st.integers(1, 8))
def test_waits_double_up_to_a_bound_and_are_drawn(first_s: float, tries: int) -> None:
    backoff = Backoff(first_s, 4.0)
    for _ in range(2):
        waits = [backoff.next_s() for _ in range(tries)]
        for number, wait_s in enumerate(waits):
            whole_s = min(first_s * 2**number, 4.0)
            assert whole_s / 2 <= wait_s <= whole_s
        backoff.reset()


def test_an_operating_point_that_cannot_be_written_ends_no_watching(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "operating").write_text("in the way")
    model = load_live(
        "aislewatch", "1", save_network(tmp_path / "n", PARAMS, 0, 0.5), PARAMS.machine, tmp_path
    )
    assert _note_operating_point(tmp_path, Cameras(cameras=[]), model) == ""
    assert "the operating point cannot be written" in caplog.text

"""E-mail by a real SMTP server: refused for now, refused for good, killed in the middle."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from aislewatch.delivery.outbox import Outbox
from tests.delivery.alarms import Clocks, alert, deliverer, put
from tests.delivery.test_killed import delivering, now_alert


@dataclass
class Mailbox:
    """What a server accepted, and how it answers the next letters; 250 when nothing is left."""

    address: str = ""
    answers: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    asked: int = 0

    async def handle_DATA(  # noqa: N802 - as aiosmtpd calls it
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            self.letters.append(envelope.content.decode())
        return answer


class Slow(Mailbox):
    """Has each letter, and says so only to the second who brings it."""

    async def handle_DATA(  # noqa: N802 - as aiosmtpd calls it
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        said = await super().handle_DATA(server, session, envelope)
        if self.asked == 1:
            await asyncio.sleep(60)
        return said


@contextmanager
def mail_server(box: Mailbox) -> Iterator[Mailbox]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, ready_timeout=60.0)
    controller.start()
    box.address = f"mailto://127.0.0.1:{port}?mode=insecure&from=watch@shop.test&to=guard@shop.test"
    yield box
    controller.stop(no_assert=True)


def test_a_letter_that_is_refused_is_brought_again(outbox: Outbox, clocks: Clocks) -> None:
    """Not now (451), then never (554): apprise tells neither, so both are tried again."""
    put(outbox, alert(1))
    with mail_server(Mailbox(answers=["451 4.3.0 not now", "554 5.7.1 not at all"])) as box:
        sender = deliverer(outbox, box.address, clocks, "apprise")
        for asked in (1, 2):
            sender.step()
            assert (box.asked, outbox.counts()) == (asked, {("room", "waiting"): 1})
            sender.step()
            assert box.asked == asked, "not before its time"
            clocks.pass_s(12.0)
        sender.step()
    [letter] = box.letters
    assert outbox.counts() == {("room", "sent"): 1}
    assert "Subject: till: possible theft at 2026-11-30T12:00:01.000Z" in letter
    assert "(till-1)" in letter


def test_killed_before_the_server_answered_the_letter_comes_again(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "live")
    outbox.put(now_alert(1, "till"), ["room"])
    with mail_server(Slow()) as box:
        (tmp_path / "delivery.yaml").write_text(
            f"ttl_s: 600\ntargets:\n  - {{name: room, kind: apprise, address: '{box.address}'}}\n"
        )
        process = delivering(tmp_path)
        while not box.asked:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert outbox.counts() == {("room", "waiting"): 1}
        assert delivering(tmp_path).wait(120) == 0
    assert outbox.counts() == {("room", "sent"): 1}
    assert len(box.letters) == 2
    assert all("(till-1)" in letter for letter in box.letters), "the key tells that it is the same"

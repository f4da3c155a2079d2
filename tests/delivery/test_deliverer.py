"""Delivery to real servers: again, in order, dropped, too late."""

import logging
import socket

import pytest

from aislewatch.delivery.deliverer import MOST_WAIT_S
from aislewatch.delivery.outbox import Outbox
from tests.delivery.alarms import TTL_S, Clocks, alert, deliverer, put
from tests.delivery.servers import Receiver, receiving


def test_an_alarm_says_what_alert_json_says_and_is_sent_once(
    outbox: Outbox, receiver: Receiver, clocks: Clocks
) -> None:
    put(outbox, alert(1), alert(1))
    sender = deliverer(outbox, receiver.address, clocks)
    assert [sender.step(), sender.step()] == [1, 0]
    assert receiver.got == [("till-1", {"kind": "alarm", "alert": alert(1)})]
    assert outbox.counts() == {("room", "sent"): 1}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_what_fails_for_now_is_tried_again_under_the_same_key(
    outbox: Outbox, receiver: Receiver, clocks: Clocks, status: int
) -> None:
    statuses = iter([status, status, 200])
    receiver.answer = lambda body: next(statuses)
    put(outbox, alert(1))
    sender = deliverer(outbox, receiver.address, clocks)
    assert sender.step() == 1
    assert sender.step() == 0, "it waits first"
    [(_, key, why)] = outbox.faults()
    assert (key, str(status) in why) == ("till-1", True)
    for _ in range(2):
        clocks.pass_s(3.0)
        sender.step()
    assert receiver.keys() == ["till-1"] * 3
    assert outbox.counts() == {("room", "sent"): 1}


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410, 422])
def test_what_is_refused_is_dropped_and_noted_and_holds_up_nobody(
    outbox: Outbox, receiver: Receiver, clocks: Clocks, status: int
) -> None:
    receiver.answer = lambda body: status if body["alert"]["id"] == "till-1" else 200
    put(outbox, alert(1), alert(2))
    sender = deliverer(outbox, receiver.address, clocks)
    sender.step()
    sender.step()
    assert receiver.keys() == ["till-1", "till-2"]
    assert outbox.counts() == {("room", "dropped"): 1, ("room", "sent"): 1}
    [(_, key, why)] = outbox.faults()
    assert (key, f"dropped: it answered {status}" in why) == ("till-1", True)


def test_a_camera_is_told_in_order_and_holds_up_no_other(
    outbox: Outbox, receiver: Receiver, clocks: Clocks
) -> None:
    broken = {"till-1"}
    receiver.answer = lambda body: 500 if body["alert"]["id"] in broken else 200
    put(outbox, alert(1), alert(2), alert(3, "door"), alert(4))
    sender = deliverer(outbox, receiver.address, clocks)
    sender.step()
    sender.step()
    assert sorted(receiver.keys()) == ["door-3", "till-1"]
    broken.clear()
    for _ in range(3):
        clocks.pass_s(3.0)
        sender.step()
    keys = receiver.keys()
    assert [key for key in keys if key.startswith("till")] == [
        *("till-1", "till-1", "till-2", "till-4"),
    ]


def test_waits_grow_are_bounded_and_heed_what_the_target_asks(
    outbox: Outbox, receiver: Receiver, clocks: Clocks
) -> None:
    receiver.answer = lambda body: 503
    put(outbox, alert(1))
    sender = deliverer(outbox, receiver.address, clocks)
    waits = []
    for _ in range(12):
        sender.step()
        began = clocks.machine
        while not sender.step():
            clocks.machine += 0.25
        waits.append(clocks.machine - began)
    assert waits[0] <= 3.5 < waits[6]
    assert max(waits) <= 1.5 * MOST_WAIT_S + 0.5
    receiver.headers["Retry-After"] = "200"
    clocks.pass_s(100.0)
    sender.step()
    clocks.pass_s(199.0)
    assert sender.step() == 0
    clocks.pass_s(2.0)
    assert sender.step() == 1


def test_nobody_there_is_no_loss(outbox: Outbox, clocks: Clocks) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    put(outbox, alert(1))
    sender = deliverer(outbox, f"http://127.0.0.1:{port}/hook", clocks)
    sender.step()
    assert outbox.faults() == [("room", "till-1", "waiting: ConnectError")]
    clocks.pass_s(3.0)
    with receiving(port=port) as receiver:
        sender.step()
        assert receiver.keys() == ["till-1"]


def test_late_alerts_are_one_digest_and_the_fresh_one_is_the_alarm(
    outbox: Outbox, receiver: Receiver, clocks: Clocks
) -> None:
    receiver.answer = lambda body: 500
    put(outbox, alert(1), alert(2))
    sender = deliverer(outbox, receiver.address, clocks)
    sender.step()
    clocks.pass_s(TTL_S + 10)
    put(outbox, alert(50))
    receiver.answer = lambda body: 200
    sender.step()
    sender.step()
    kinds = [(body["kind"], key) for key, body in receiver.got]
    assert [kind for kind, _ in kinds] == ["alarm", "digest", "alarm"]
    assert kinds[2][1] == "till-50"
    digest = receiver.got[1][1]
    assert [one["id"] for one in digest["alerts"]] == ["till-1", "till-2"]
    assert outbox.counts() == {("room", "late"): 2, ("room", "sent"): 1}


def test_a_digest_that_fails_comes_again_under_its_key(
    outbox: Outbox, receiver: Receiver, clocks: Clocks
) -> None:
    put(outbox, alert(1), alert(2))
    clocks.pass_s(TTL_S + 10)
    statuses = iter([500, 200])
    receiver.answer = lambda body: next(statuses)
    sender = deliverer(outbox, receiver.address, clocks)
    sender.step()
    clocks.pass_s(3.0)
    sender.step()
    assert len(set(receiver.keys())) == 1
    assert receiver.keys()[0].startswith("digest-")
    assert outbox.counts() == {("room", "late"): 2}


def test_a_clock_set_back_makes_no_alert_fresh_again(
    outbox: Outbox, receiver: Receiver, clocks: Clocks
) -> None:
    receiver.answer = lambda body: 500
    put(outbox, alert(1))
    sender = deliverer(outbox, receiver.address, clocks)
    sender.step()
    clocks.pass_s(TTL_S + 10)
    clocks.day -= 3600.0
    receiver.answer = lambda body: 200
    sender.step()
    assert [body["kind"] for _, body in receiver.got] == ["alarm", "digest"]


def test_a_shadows_alert_is_never_delivered(
    outbox: Outbox, receiver: Receiver, clocks: Clocks
) -> None:
    put(outbox, alert(1, shadow=True))
    assert deliverer(outbox, receiver.address, clocks).step() == 0
    assert (receiver.got, outbox.counts()) == ([], {})


def test_no_log_shows_an_address(
    outbox: Outbox, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving(lambda body: 500) as receiver:
        secret = receiver.address.replace("http://", "http://guard:s3cret@") + "/t0ken"
        for number, kind in enumerate(("webhook", "apprise")):
            put(outbox, alert(number))
            address = secret if kind == "webhook" else secret.replace("http", "json")
            deliverer(outbox, address, clocks, kind).step()
            clocks.pass_s(5)
    assert "not delivered" in caplog.text
    told = caplog.text + str(outbox.faults())
    assert not any(word in told for word in ("s3cret", "t0ken"))

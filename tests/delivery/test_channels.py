"""Alarms by Apprise and by a real MQTT broker."""

import json
import socket
from queue import Queue

import pytest
from iotcore import Broker
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from aislewatch.delivery.outbox import Outbox
from tests.delivery.alarms import Clocks, alert, deliverer, put
from tests.delivery.servers import Receiver


def test_apprise_gets_words_for_people(outbox: Outbox, receiver: Receiver, clocks: Clocks) -> None:
    put(outbox, alert(1))
    deliverer(outbox, receiver.address.replace("http", "json"), clocks, "apprise").step()
    [(_, body)] = receiver.got
    assert body["title"] == "till: possible theft at 2026-11-30T12:00:01.000Z"
    assert "look before you act (till-1)" in body["message"]
    assert outbox.counts() == {("room", "sent"): 1}


def test_apprise_that_fails_is_tried_again(
    outbox: Outbox, receiver: Receiver, clocks: Clocks
) -> None:
    statuses = iter([500, 200])
    receiver.answer = lambda body: next(statuses)
    put(outbox, alert(1))
    sender = deliverer(outbox, receiver.address.replace("http", "json"), clocks, "apprise")
    sender.step()
    clocks.pass_s(3.0)
    sender.step()
    assert (len(receiver.got), outbox.counts()) == (2, {("room", "sent"): 1})


def test_mqtt_is_delivered_by_a_real_broker(outbox: Outbox, clocks: Clocks) -> None:
    """First nobody is there; then the broker hands the alarm to who listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    put(outbox, alert(1))
    sender = deliverer(outbox, f"mqtt://127.0.0.1:{port}/shop/alerts", clocks, "mqtt")
    sender.step()
    assert outbox.faults()[0][2] == "waiting: ConnectionRefusedError"
    clocks.pass_s(3.0)
    with Broker(listen="127.0.0.1", port=port):
        heard: Queue[tuple[str, bytes]] = Queue()
        ready: Queue[bool] = Queue()
        listener = Client(CallbackAPIVersion.VERSION2)
        listener.on_message = lambda _client, _data, one: heard.put((one.topic, one.payload))
        listener.on_subscribe = lambda *_: ready.put(True)
        listener.connect("127.0.0.1", port)
        listener.loop_start()
        listener.subscribe("shop/#", qos=1)
        assert ready.get(timeout=120)
        sender.step()
        topic, payload = heard.get(timeout=120)
        listener.disconnect()
        listener.loop_stop()
    assert topic == "shop/alerts"
    assert json.loads(payload) == {"kind": "alarm", "alert": alert(1), "key": "till-1"}
    assert outbox.counts() == {("room", "sent"): 1}


def test_a_broker_that_accepts_and_stays_silent_is_left(
    outbox: Outbox, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aislewatch.delivery.sending.TIMEOUT_S", 0.3)
    put(outbox, alert(1))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"mqtt://127.0.0.1:{silent.getsockname()[1]}/shop"
        deliverer(outbox, address, clocks, "mqtt").step()
    assert outbox.faults() == [("room", "till-1", "waiting: no answer")]

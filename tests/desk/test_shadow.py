"""A shadow challenger beside the champion: recorded, compared on the desk, never delivered."""

import re
import threading
from dataclasses import replace
from pathlib import Path

import yaml

from aislewatch.delivery.outbox import Outbox
from aislewatch.watch.loopback import LoopbackCamera
from aislewatch.watch.scorer import load_live
from aislewatch.watch.telling import Teller
from aislewatch.watch.watcher import CameraWatch
from tests.desk.desks import open_shop
from tests.waiting import wait_for
from tests.watch.broken_cameras import make_film
from tests.watch.champions import save_network
from tests.watch.test_watcher import PARAMS


def test_a_shadows_alerts_are_recorded_and_compared_and_nobody_is_alarmed(tmp_path: Path) -> None:
    network = save_network(tmp_path / "network", PARAMS, 0, 0.0)
    champion = load_live("aislewatch", "1", network, PARAMS.machine, network)
    # An alert of no more than two clips: the shadow raises one after the other.
    often = champion.rule.model_copy(update={"longest_s": 1.2, "cooldown_s": 0.0, "merge_s": 0.0})
    shadow = replace(champion, version="2", rule=often)
    shop = open_shop(tmp_path / "live")
    live = shop.desk.live
    camera = LoopbackCamera(make_film(tmp_path / "a.mp4", 6.0))
    watching = {"metrics_port": 0, "before_s": 1.0, "after_s": 1.0}
    door = {"name": "door", "address": camera.address, "role": "entrance"}
    file = tmp_path / "cameras.yaml"
    file.write_text(yaml.safe_dump({"watching": watching, "cameras": [door]}))
    teller = Teller(live, champion, ["room"])
    watcher = CameraWatch(file, [champion, shadow], live, teller)
    watched = threading.Thread(target=watcher.run)
    watched.start()

    def written() -> int:
        return len(list((live / "evidence").glob("door-*/manifest.json")))

    wait_for(lambda: written() >= 4, 120)
    watcher.stop()
    watched.join(60)
    camera.close()
    shop.look()
    page = shop.client("lea").get("/numbers").text
    rows = re.findall(r">door</th><td>([^<]*)</td><td>(\d+)<", page)
    counts = {model: int(count) for model, count in rows}
    assert set(counts) == {"aislewatch version 1", "aislewatch version 2, shadow"}
    assert counts["aislewatch version 1"] >= 1
    assert counts["aislewatch version 2, shadow"] > counts["aislewatch version 1"]
    assert sum(counts.values()) == written()
    waiting = Outbox(live).waiting("room")
    assert len(waiting) == counts["aislewatch version 1"]
    assert {one.alert["model"]["version"] for one in waiting} == {"1"}

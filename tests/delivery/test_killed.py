"""Processes killed while they take in and deliver alerts, and the command that people use."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aislewatch.cli.main import main
from aislewatch.delivery.outbox import Outbox
from aislewatch.delivery.targets import read_delivery
from aislewatch.errors import ConfigError
from tests.delivery.alarms import alert
from tests.delivery.servers import receiving

ALERTS = 40


def now_alert(number: int, camera: str) -> dict[str, object]:
    """An alert of just now."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return alert(number, camera) | {"begin": moment, "raised": moment}


def write_targets(folder: Path, address: str, ttl_s: int = 600) -> None:
    (folder / "delivery.yaml").write_text(
        f"ttl_s: {ttl_s}\ntargets:\n  - {{name: room, kind: webhook, address: '{address}'}}\n"
    )


def delivering(folder: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "aislewatch.cli.main", "deliver", "--until-empty"]
    return subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)})


ROOT = Path(__file__).parents[2]


def test_killed_while_it_delivers_nothing_is_lost_and_each_camera_is_in_order(
    tmp_path: Path,
) -> None:
    """Killed in the middle of a request, twice; what was sent twice has the same key."""
    outbox = Outbox(tmp_path / "live")
    cameras = ("till", "door")
    for number in range(ALERTS):
        outbox.put(now_alert(number, cameras[number % 2]), ["room"])

    def slowly(body: object) -> int:
        time.sleep(0.02)
        return 200

    with receiving(slowly) as receiver:
        write_targets(tmp_path, receiver.address)
        for kill_at in (7, 19):
            process = delivering(tmp_path)
            while len(receiver.got) < kill_at:
                assert process.poll() is None
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert ("room", "waiting") in outbox.counts()
        assert delivering(tmp_path).wait(60) == 0
        keys = receiver.keys()
    assert outbox.counts() == {("room", "sent"): ALERTS}
    first_seen = list(dict.fromkeys(keys))
    for camera, own in ((c, [k for k in first_seen if k.startswith(c)]) for c in cameras):
        wanted = [f"{camera}-{n}" for n in range(ALERTS) if cameras[n % 2] == camera]
        assert own == wanted
    assert len(keys) <= ALERTS + 4, "a kill repeats what was on its way, not all"


def test_killed_while_alerts_come_in_none_that_was_taken_is_lost(tmp_path: Path) -> None:
    taker = (
        "import itertools, sys\n"
        "from pathlib import Path\n"
        "from aislewatch.delivery.outbox import Outbox\n"
        "from tests.delivery.alarms import alert\n"
        "outbox = Outbox(Path('live'))\n"
        "for number in itertools.count():\n"
        "    one = alert(1) | {'id': f'till-{number}'}\n"
        "    outbox.put(one, ['room'])\n"
        "    print(one['id'], flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", taker],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    taken = [process.stdout.readline().strip() for _ in range(30)]
    process.kill()
    taken += process.stdout.read().split()
    process.wait()
    kept = [message.key for message in Outbox(tmp_path / "live").waiting("room")]
    assert kept[: len(taken)] == taken
    assert len(kept) <= len(taken) + 1


def test_only_one_process_delivers_and_the_status_says_what_was_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["deliver", "--status"])
    assert "no alert was raised yet" in capsys.readouterr().out
    for number in range(2):
        Outbox(Path("live")).put(now_alert(number, "till"), ["room"])
    with receiving(lambda body: 404 if body["alert"]["id"] == "till-0" else 503) as receiver:
        write_targets(tmp_path, receiver.address)
        process = delivering(tmp_path)
        while len(receiver.got) < 2:
            time.sleep(0.01)
        with pytest.raises(SystemExit, match="another process delivers from live already"):
            main(["deliver"])
        process.terminate()
        assert process.wait(30) == 0
    main(["deliver", "--status"])
    said = capsys.readouterr().out
    assert "room: 1 dropped" in said
    assert "room, till-0, dropped: it answered 404 Not Found" in said
    assert "room, till-1, waiting: it answered 503 Service Unavailable" in said


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("ttl_s: 60", "targets: Field required"),
        ("ttl_s: 60\ntargets: [{name: a, kind: webhook, address: 's3cret'}]", "http or https://"),
        ("ttl_s: 60\ntargets: [{name: a, kind: mqtt, address: 'mqtt://s3cret@h'}]", "its topic"),
        ("ttl_s: 60\ntargets: [{name: a, kind: fax, address: 's3cret'}]", "targets.0.kind"),
        ("ttl_s: 60\ntargets: [{name: a, kind: mqtt, addres: 's3cret'}]", "targets.0.address"),
        ("ttl_s: [s3cret", "line 2 is not valid YAML"),
    ],
)
def test_a_wrong_delivery_yaml_is_refused_and_no_address_is_shown(
    tmp_path: Path, said: str, says: str
) -> None:
    file = tmp_path / "delivery.yaml"
    file.write_text(said)
    with pytest.raises(ConfigError) as refused:
        read_delivery(file)
    assert says in str(refused.value)
    assert "s3cret" not in str(refused.value)
    with pytest.raises(ConfigError, match="is missing; docs"):
        read_delivery(tmp_path / "other.yaml")

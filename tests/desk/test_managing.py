"""Holds and packages, deletion, numbers and the acceptance test of a camera."""

import hashlib
import io
import json
import os
import socket
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import insert

from aislewatch.desk import keeping
from aislewatch.desk.numbers import Share, acceptance, by_camera
from aislewatch.desk.schema import STAGED
from aislewatch.desk.server import serve
from aislewatch.errors import DeskError
from aislewatch.evidence.operating import CHANGES
from aislewatch.tables import places
from tests.desk.desks import SETTINGS, Shop, open_shop, token
from tests.desk.evidence_folders import NOON, write_evidence
from tests.desk.two_alerts import verdict

HOURS = 3600.0


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A desk without alerts."""
    return open_shop(tmp_path / "live")


def test_unjudged_footage_is_gone_after_72_hours_and_held_or_judged_stays(shop: Shop) -> None:
    ids = [write_evidence(shop.desk.live, "till", NOON + i, seed=i) for i in range(4)]
    shop.look()
    guard, lead = shop.client("gus"), shop.client("lea")
    assert verdict(guard, ids[0], "unsure") == 303
    form = {"csrf": token(lead), "text": "police"}
    assert lead.post(f"/clips/{ids[1]}/hold", data=form).status_code == 303
    # A folder that never became a clip goes by its age, too.
    stray = shop.desk.live / "evidence" / "stray"
    stray.mkdir()
    os.utime(stray, (NOON, NOON))
    folder = shop.desk.live / "evidence"
    shop.clock.at = NOON + 72 * HOURS - 1
    shop.look()
    assert {path.name for path in folder.iterdir()} == {*ids, "stray"}
    shop.clock.at = NOON + 72 * HOURS + 10
    shop.look()
    assert {path.name for path in folder.iterdir()} == set(ids[:2])
    lead = shop.client("lea")
    assert "deleted" in lead.get(f"/clips/{ids[2]}").text
    assert lead.get(f"/clips/{ids[2]}/film").status_code == 404
    assert lead.post(f"/clips/{ids[2]}/hold", data=form | {"csrf": token(lead)}).status_code == 404
    # What nobody can see any more is not judged.
    assert verdict(shop.client("gus"), ids[2], "theft") == 400
    # The hold ends, and so does the clip.
    form = {"csrf": token(lead), "text": "case closed"}
    assert lead.post(f"/clips/{ids[1]}/release", data=form).status_code == 303
    shop.look()
    assert {path.name for path in folder.iterdir()} == set(ids[:1])


def test_a_deletion_that_was_killed_is_finished(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_evidence(shop.desk.live)
    shop.look()
    shop.clock.at = NOON + 73 * HOURS

    def killed(_folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(keeping.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.look()
    assert (shop.desk.live / "evidence" / clip / "original.mp4").exists()
    shop.look()
    assert not (shop.desk.live / "evidence" / clip).exists()


def test_a_case_is_one_package_that_checks_itself(shop: Shop) -> None:
    clip = write_evidence(shop.desk.live)
    shop.look()
    guard, lead = shop.client("gus"), shop.client("lea")
    guard.get(f"/clips/{clip}")
    verdict(guard, clip, "theft")
    answer = lead.post(f"/clips/{clip}/export", data={"csrf": token(lead)})
    assert answer.status_code == 200
    package = zipfile.ZipFile(io.BytesIO(answer.content))
    names = set(package.namelist())
    assert {"clip.mp4", "original.mp4", "timeline.json", "alert.json", "case.json"} < names
    listed = dict(
        reversed(line.split("  ")) for line in package.read("manifest.sha256").decode().splitlines()
    )
    assert set(listed) == names - {"manifest.sha256"}
    for name, digest in listed.items():
        assert hashlib.sha256(package.read(name)).hexdigest() == digest
    case = json.loads(package.read("case.json"))
    assert {saw["who"] for saw in case["seen_by"]} == {"gus", "lea"}
    assert [said["verdict"] for said in case["verdicts"]] == ["theft"]
    assert case["log"][-1]["action"] == "export"
    # A changed film is no evidence.
    (shop.desk.live / "evidence" / clip / "original.mp4").write_bytes(b"another film")
    changed = lead.post(f"/clips/{clip}/export", data={"csrf": token(lead)})
    assert changed.status_code == 400
    assert "not the file that was written" in changed.text


def test_numbers_are_those_of_the_verdicts(shop: Shop) -> None:
    ids = [write_evidence(shop.desk.live, "till", NOON + i, seed=i) for i in range(4)]
    shadow = write_evidence(shop.desk.live, "till", NOON + 9, seed=9, shadow=True)
    shop.look()
    client = shop.client("gus")
    shop.clock.at = NOON + 100
    for clip, word in zip(ids, ("theft", "theft", "not theft", "unsure"), strict=True):
        verdict(client, clip, word)
    verdict(client, shadow, "not theft")
    with shop.desk.database.reading() as connection:
        champion, challenger = by_camera(connection)
    assert (champion.alerts, champion.judged) == (4, 4)
    assert (champion.precision.hits, champion.precision.tries) == (2, 3)
    assert champion.response_s == pytest.approx(100 - 3 - 1.5)
    assert (challenger.shadow, challenger.precision.value) == (True, 0.0)
    page = client.get("/numbers").text
    assert "2 of 3" in page
    assert "shadow" in page
    # The shadow's alerts are no alarms: they are listed by themselves.
    assert shadow not in client.get("/").text
    assert shadow in client.get("/?kind=shadow").text


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (30, 30, 0.8843, 1.0), (5, 10, 0.1871, 0.8129)],
)
def test_an_interval_is_the_exact_one(hits: int, tries: int, low: float, high: float) -> None:
    """Clopper and Pearson's, from published tables."""
    share = Share(hits, tries)
    assert (share.low, share.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_acceptance_test_tells_what_was_caught_and_how_late(shop: Shop) -> None:
    # Raised 3 s after they begin: at 3 and 73; none near 200, where the door's is another camera.
    write_evidence(shop.desk.live, "till", NOON)
    write_evidence(shop.desk.live, "till", NOON + 70, seed=1)
    write_evidence(shop.desk.live, "door", NOON + 200, seed=2)
    shop.look()
    with shop.desk.database.changing() as connection:
        for at in (0, 65, 200):
            row = {"camera": "till", "at": NOON + at, "who": "lea"}
            connection.execute(insert(STAGED).values(row))
    with shop.desk.database.reading() as connection:
        (done,) = acceptance(connection)
    assert (done.caught.hits, done.caught.tries) == (2, 3)
    assert done.delays_s == pytest.approx([3, 8])
    assert done.missed_at == [NOON + 200]
    lead = shop.client("lea")
    form = {"csrf": token(lead), "camera": "till"}
    assert lead.post("/acceptance", data=form).status_code == 303
    assert "2 of 4" in lead.get("/acceptance").text
    assert lead.post("/acceptance", data=form | {"camera": " "}).status_code == 400


def test_what_the_model_does_not_see_comes_from_its_slices(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = shop.client("gus")
    assert "No evaluation" in client.get("/model").text
    parts = [
        {"by": "lighting", "name": name, "videos": 3}
        | {"alerts": {"events": 4, "events_found": found, "false_alarms": 1}}
        for name, found in (("bright", 4), ("dark", 1))
    ]
    places.EVALUATION.parent.mkdir()
    places.EVALUATION.write_text(json.dumps({"selected": "convlstm", "slices": parts}))
    page = client.get("/model").text
    assert page.index("lighting: dark") < page.index("lighting: bright")
    assert "3 of 4" in page


def test_a_port_that_is_taken_is_told_in_the_desks_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(DeskError, match="Choose another with --port"):
            serve(tmp_path / "live", SETTINGS, "127.0.0.1", port)


def test_the_log_is_an_admins_to_read(shop: Shop) -> None:
    assert "Every entry is as it was written" in shop.client("ada").get("/log").text


def test_the_log_says_what_alerts_were_raised_by(shop: Shop) -> None:
    admin = shop.client("ada")
    assert "No camera was watched here yet" in admin.get("/log").text
    file = shop.desk.live / CHANGES
    file.parent.mkdir(parents=True)
    entry = {"at": "2026-11-30T12:00:00.000Z", "point": "aaa", "before": None, "changed": ["rule"]}
    later = entry | {"point": "bbb", "before": "aaa", "changed": ["cameras.<till>.zones"]}
    file.write_text(f"{json.dumps(entry)}\n{json.dumps(later)}\n")
    page = admin.get("/log").text
    assert page.index("cameras.&lt;till&gt;.zones") < page.index("<td>rule</td>")

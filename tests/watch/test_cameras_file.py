"""cameras.yaml is refused with its place and the reason, and never with an address."""

from datetime import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.errors import ConfigError
from aislewatch.watch.addresses import shown, without_secrets
from aislewatch.watch.cameras_file import LiveCamera, read_cameras

SECRET = "geheim-1234"

WHOLE = f"""
watching:
  stall_s: 5
cameras:
  - name: till-1
    address: rtsp://guard:{SECRET}@10.0.0.5:554/stream?token={SECRET}
    role: till
    zones:
      - name: drawer
        polygon: [[0, 0], [0.5, 0], [0.5, 1.0]]
    hours: ["08:00-20:00", "22:00-02:00"]
  - name: door
    address: /films/door.mp4
    role: entrance
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "cameras.yaml"
    file.write_text(text)
    return file


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    found = read_cameras(written(tmp_path, WHOLE))
    till, door = found.cameras
    assert (till.name, till.role, till.shown) == (
        "till-1",
        "till",
        "rtsp://10.0.0.5:554/stream?***",
    )
    assert SECRET in till.address.get_secret_value()
    assert SECRET not in repr(found)
    assert door.shown == "/films/door.mp4"
    assert found.watching.stall_s == 5.0
    assert found.watching.open_s == 10.0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    role: till", "    roll: till", "cameras.0.roll: unknown key"),
        ("    role: till", "    role: roof", "cameras.0.role: Input should be 'till'"),
        ("name: door", "name: till-1", "two cameras are called till-1"),
        ("name: door", "name: ../door", "cameras.1.name"),
        ("[0.5, 1.0]", "[0.5, 1.5]", "cameras.0.zones.0.polygon.2.1"),
        (", [0.5, 1.0]", "", "cameras.0.zones.0.polygon"),
        ("22:00-02:00", "22-25", 'must be as "08:00-20:00"'),
        ("stall_s: 5", "stall_s: soon", "watching.stall_s"),
        ("    address: /films/door.mp4\n", "", "cameras.1.address: missing"),
        ("    address: rtsp", "    address: [rtsp", "is no YAML: line"),
        ("address: rtsp", "address: 'rtsp", "is no YAML"),
        ("  - name: door", f"  - {SECRET}\n  - name: door", "cameras.1: must have keys and values"),
        ('["08:00-20:00", "22:00-02:00"]', "08:00-20:00", "cameras.0.hours: must be a list"),
        ("address: /films/door.mp4", "address: 5", "cameras.1.address: must be a text"),
        ("name: door", "name: till-1", "(top level): two cameras are called till-1"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in WHOLE
    with pytest.raises(ConfigError) as caught:
        read_cameras(written(tmp_path, WHOLE.replace(old, new)))
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "cameras.yaml" in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is missing"):
        read_cameras(tmp_path / "cameras.yaml")


def test_hours_may_pass_midnight() -> None:
    camera = LiveCamera(name="a", address="x", role="aisle", hours=["08:00-20:00", "22:00-02:00"])
    watched = [hour for hour in range(24) if camera.is_watched(time(hour))]
    assert watched == [0, 1, *range(8, 20), 22, 23]
    assert LiveCamera(name="a", address="x", role="aisle").is_watched(time(3))


SECRETS = st.text("abcXYZ0129-_.!~%24", min_size=4, max_size=20).filter(
    lambda text: "%" not in text
)


@given(user=SECRETS, password=SECRETS, query=SECRETS)
def test_no_part_of_a_secret_is_ever_shown(user: str, password: str, query: str) -> None:
    address = f"rtsp://{user}:{password}@10.1.2.3/live?auth={query}"
    said = f"cannot open {address}: 401 for {user}:{password} ({query})"
    for text in (shown(address), without_secrets(said, address)):
        rest = text.replace("rtsp://10.1.2.3/live", "").replace("cannot open : 401 for", "")
        assert password not in rest
        assert query not in rest


def test_a_password_inside_the_path_is_hidden() -> None:
    address = "rtsp://10.0.0.9:554/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp"
    assert shown(address) == "rtsp://10.0.0.9:554/***"
    assert "tlJwpbo6" not in without_secrets(f"404 {address[20:]}: tlJwpbo6", address)

"""Each fault of a camera is named on a real film, soon, and only it; what is no fault is not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aislewatch.monitor.cameras import (
    CLEAR,
    FROZEN_LOOKS,
    LEARNED,
    WINDOW,
    CameraFault,
    CameraHealth,
    Notice,
)
from aislewatch.monitor.picture import Grey
from tests.monitor import scenes
from tests.monitor.scenes import FPS, Picture, blurred, seen

# Seconds at which a fault begins, and the film ends.
BEGIN, END = 6, 20


def spoiled(change: Callable[[Picture], Picture]) -> scenes.Spoil:
    """Do something to what the camera sees, from BEGIN on."""
    return lambda room, number: change(room) if number >= BEGIN * FPS else seen(room)


def frozen(clock: bool) -> scenes.Spoil:
    """Show the last picture for ever, with a clock that goes on or without one."""
    kept: list[Picture] = []

    def spoil(room: Picture, number: int) -> Picture:
        if number <= BEGIN * FPS:
            kept[:] = [seen(room).copy()]
        picture = kept[0].copy()
        if clock:
            picture[2:8, 4:14] = 255 * (number % 2)
        return picture

    return spoil


def covered(picture: Picture) -> Picture:
    """Hold a hand before two thirds of the lens."""
    hand = picture.copy()
    hand[:, :90] = 120
    return hand


@pytest.fixture(scope="module")
def learned() -> Grey:
    """Learn what the camera shows when all is well, without having been told."""
    health = CameraHealth()
    for number, picture in enumerate(scenes.frames(LEARNED / FPS, lambda room, _: seen(room))):
        assert health.update(picture, number) == []
    assert health.reference is not None
    return health.reference


def notices(film: Path, health: CameraHealth) -> list[Notice]:
    return [notice for frame, at in scenes.read(film) for notice in health.update(frame, at)]


FAULTS = {
    "the light is out": (CameraFault.DARK, spoiled(lambda room: seen(room) // 12)),
    "a hand before the lens": (CameraFault.BLINDED, spoiled(lambda room: covered(seen(room)))),
    "paint on the lens": (CameraFault.BLINDED, spoiled(lambda room: np.full_like(seen(room), 90))),
    "a torch in the lens": (
        CameraFault.BLINDED,
        spoiled(lambda room: np.full_like(seen(room), 255)),
    ),
    "the picture stands": (CameraFault.FROZEN, frozen(clock=False)),
    "only the clock goes on": (CameraFault.FROZEN, frozen(clock=True)),
    "out of focus": (CameraFault.BLURRED, spoiled(lambda room: blurred(seen(room), 2))),
    "turned aside": (CameraFault.MOVED, spoiled(lambda room: seen(room, right=8))),
    "turned to the wall": (CameraFault.MOVED, spoiled(lambda room: seen(room[::-1]))),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_named_soon_and_only_it(name: str, learned: Grey, tmp_path: Path) -> None:
    fault, spoil = FAULTS[name]
    health = CameraHealth(learned)
    patience = FROZEN_LOOKS + 4 if fault == CameraFault.FROZEN else WINDOW
    film = scenes.frames(BEGIN + patience + 2, spoil)
    told = notices(scenes.write(tmp_path / "film.mp4", film), health)
    assert [notice.fault for notice in told] == [fault]
    assert BEGIN < told[0].seconds <= BEGIN + patience
    assert health.faults == {fault}
    assert told[0].describe().startswith(f"{fault}: ")
    assert " -> " in told[0].describe()


def test_what_is_no_fault_is_not_named(learned: Grey, tmp_path: Path) -> None:
    """Someone stands near, the lights are dimmed by a third, the codec is strong."""

    def spoil(room: Picture, number: int) -> Picture:
        room = room.copy()
        if number >= BEGIN * FPS:
            room[60:144, 100:140] = 60
            room = (room * 0.66).astype(np.uint8)
        return seen(room)

    film = scenes.write(tmp_path / "film.mp4", scenes.frames(END, spoil))
    assert notices(film, CameraHealth(learned)) == []


def test_a_fault_ends_when_the_camera_is_well_again(learned: Grey, tmp_path: Path) -> None:
    def spoil(room: Picture, number: int) -> Picture:
        return seen(room) // 12 if BEGIN * FPS <= number < (BEGIN + 12) * FPS else seen(room)

    health = CameraHealth(learned)
    film = scenes.write(tmp_path / "film.mp4", scenes.frames(BEGIN + 12 + 13, spoil))
    told = notices(film, health)
    assert [(notice.fault, notice.over) for notice in told] == [
        (CameraFault.DARK, False),
        (CameraFault.DARK, True),
    ]
    assert told[1].seconds >= BEGIN + 12 + CLEAR
    assert not health.faults


def test_a_reference_that_is_given_names_a_fault_that_was_there_from_the_start(
    learned: Grey,
) -> None:
    turned = CameraHealth(learned)
    told = [
        notice
        for number, picture in enumerate(scenes.frames(4, lambda room, _: seen(room, right=10)))
        for notice in turned.update(np.repeat(picture[..., None], 3, axis=2), float(number))
    ]
    assert [notice.fault for notice in told] == [CameraFault.MOVED]


def test_a_clock_that_goes_back_and_another_size_begin_anew() -> None:
    health = CameraHealth()
    pictures = list(scenes.frames(LEARNED / FPS, lambda room, _: seen(room)))
    for number, picture in enumerate(pictures):
        assert health.update(picture, 1000.0 + number) == []
    assert health.update(pictures[0], 3.0) == []
    assert health.update(pictures[0].repeat(2, axis=0).repeat(2, axis=1), 4.0) == []
    assert health.reference is None


@pytest.mark.parametrize("shape", [(96,), (96, 128, 4), (8, 8)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a picture "):
        CameraHealth().update(np.zeros(shape, np.uint8), 0.0)

"""Names what is wrong with a camera while it runs: dark, blinded, frozen, blurred, moved.

``CameraHealth.update`` is given frames and their seconds, of a file or live. Only numpy and Pillow
are imported.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from aislewatch.monitor.picture import (
    Grey,
    Structure,
    agreement,
    changed_share,
    hidden_share,
    sharpness_ratio,
    to_grey,
)

# Seconds between two looks at a camera; frames between them cost nothing.
LOOK_S = 1.0

# Looks whose median is judged, so that people who pass are not: a fault is named when it has lasted
# half of them. And how many there must be before anything is said.
WINDOW, ENOUGH = 10, 5

# Looks whose median is the reference of a camera that was given none.
LEARNED = 30

# Looks without a fault after which it is over.
CLEAR = 5

# Mean grey level, of 255, below which nobody recognises anything. Nine real films have 57 to 139.
DARK = 20.0

# Share of the picture in which structure has to be gone. A person hides a quarter at most.
BLINDED = 0.5

# Standard deviation of grey levels below which a picture shows nothing, reference or not.
EMPTY = 3.0

# Looks in a row in which nearly nothing changes at all, not even noise: two key frames of a usual
# encoder (10 s) lie between them. In nine real films 3.8 % of the pixels changed from a second to
# the next at least, 44 to 80 % on the median; a clock drawn over a frozen picture takes about 1 %.
FROZEN_LOOKS = 20
FROZEN_SHARE = 0.02

# Share of the reference's fine detail that is left. Seven real films of cameras that nobody touched
# kept 0.97 to 1.00 from beginning to end; a blur by four averages of 3 × 3 pixels leaves 0.13.
BLURRED = 0.5

# Agreement with the reference: in the same films 0.97 to 1.00; 0.05 to 0.18 when the camera is
# turned by a sixteenth of the picture's width.
MOVED = 0.5


class CameraFault(StrEnum):
    """What can be wrong with a camera."""

    DARK = "dark"
    BLINDED = "blinded"
    FROZEN = "frozen"
    BLURRED = "blurred"
    MOVED = "moved"


REMEDIES = {
    CameraFault.DARK: "see to the light, or to what covers the lens",
    CameraFault.BLINDED: "see to what covers or dazzles the lens",
    CameraFault.FROZEN: "restart the camera or its recorder",
    CameraFault.BLURRED: "clean the lens and set the focus",
    CameraFault.MOVED: "turn it back, or take a new reference; zones are of the old view",
}


@dataclass(frozen=True)
class Notice:
    """A fault that began, or is over.

    Args:
        fault: which.
        seconds: when it was noticed, by the clock of the frames.
        over: it is over.
        why: what was measured, in words.
    """

    fault: CameraFault
    seconds: float
    over: bool
    why: str

    def describe(self) -> str:
        """Write the notice as one line: what, why, what to do."""
        if self.over:
            return f"no longer {self.fault}"
        return f"{self.fault}: {self.why} -> {REMEDIES[self.fault]}"


def judge(now: Structure, reference: Structure | None) -> dict[CameraFault, str]:
    """Name what is wrong with the median of a few looks, and why; at most one fault.

    Args:
        now: the median; people who pass are not in it.
        reference: the same camera when all was well; without it only ``dark`` and a picture that
            shows nothing are named.
    """
    if now.light < DARK:
        return {CameraFault.DARK: f"mean light {now.light:.0f} of 255"}
    if now.contrast < EMPTY:
        return {
            CameraFault.BLINDED: f"the picture shows nothing (contrast {now.contrast:.1f} levels)"
        }
    if reference is None:
        return {}
    hidden = hidden_share(now, reference)
    if hidden >= BLINDED:
        return {CameraFault.BLINDED: f"{hidden:.0%} of the picture shows nothing any more"}
    agreed = agreement(now, reference)
    if agreed < MOVED:
        return {CameraFault.MOVED: f"the view agrees with the reference to {agreed:.2f} of 1"}
    sharp = sharpness_ratio(now, reference)
    if sharp < BLURRED:
        return {CameraFault.BLURRED: f"{sharp:.0%} of the fine detail is left"}
    return {}


class CameraHealth:
    """Watches one camera.

    Args:
        reference: grey picture without people of the camera when all was well, as ``reference``
            returns it; None: learned from the first ``LEARNED`` looks.
    """

    def __init__(self, reference: Grey | None = None) -> None:
        self._reference = None if reference is None else Structure.of(reference)
        self._looks: deque[Grey] = deque(maxlen=LEARNED)
        self._still = 0
        self._last_s = -np.inf
        self._absent: dict[CameraFault, int] = {}

    @property
    def reference(self) -> Grey | None:
        """Return what the camera is compared with; None until it is learned."""
        return None if self._reference is None else self._reference.grey

    @property
    def faults(self) -> frozenset[CameraFault]:
        """Return what is wrong now."""
        return frozenset(self._absent)

    def update(self, frame: npt.NDArray[np.uint8], seconds: float) -> list[Notice]:
        """Look at a frame, once a second; return what began and what is over.

        Args:
            frame: uint8 (H, W) grey or (H, W, 3) RGB.
            seconds: when it was taken, by a clock that is not set; one that goes back, or a picture
                of another size, begins a new window.

        Raises:
            ValueError: the picture has another shape, or is too small.
        """
        if 0 <= seconds - self._last_s < LOOK_S:
            return []
        grey = to_grey(frame)
        if seconds < self._last_s or (self._looks and self._looks[-1].shape != grey.shape):
            self._looks.clear()
            self._still = 0
        self._last_s = seconds
        if self._reference is not None and self._reference.grey.shape != grey.shape:
            self._reference = None
        if self._looks:
            changed = changed_share(grey, self._looks[-1])
            self._still = self._still + 1 if changed < FROZEN_SHARE else 0
        self._looks.append(grey)
        found = self._judged()
        return self._told(found, seconds)

    def _judged(self) -> dict[CameraFault, str]:
        if len(self._looks) < ENOUGH:
            return {}
        now = Structure.of(median([*self._looks][-WINDOW:]))
        found = judge(now, self._reference)
        # A picture that shows nothing does not change either.
        if self._still >= FROZEN_LOOKS and not found:
            found[CameraFault.FROZEN] = (
                f"the picture has not changed for {self._still * LOOK_S:.0f} s"
            )
        if self._reference is None and len(self._looks) == LEARNED and not found:
            self._reference = Structure.of(median(self._looks))
        return found

    def _told(self, found: dict[CameraFault, str], seconds: float) -> list[Notice]:
        told = [
            Notice(fault, seconds, False, why)
            for fault, why in found.items()
            if fault not in self._absent
        ]
        for fault in found:
            self._absent[fault] = 0
        for fault in self._absent.keys() - found.keys():
            self._absent[fault] += 1
            if self._absent[fault] >= CLEAR:
                del self._absent[fault]
                told.append(Notice(fault, seconds, True, ""))
        return told


def median(looks: "list[Grey] | deque[Grey]") -> Grey:
    """Return what most looks show at each pixel, float32 (H, W): the scene without who passes."""
    middle: Grey = np.median(np.stack(list(looks)), axis=0).astype(np.float32)
    return middle

"""Turns the times that a file states into those of a player's clock, picture by picture."""

from array import array
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from aislewatch.frames.timing import SECOND_NS, PictureTimes

# Longest time that one picture stands for; what is longer is a gap. Recorders that keep a picture
# only where something moves, and the slowest cameras, have one in a second or two; a clip of 1.6 s
# inside a longer still would show nothing.
LONGEST_NS = 2 * SECOND_NS

# A first picture that comes no later than this is shown from second 0, as players do. Sound that is
# recorded with it begins up to 0.3 s earlier; picture 80 ms late is usual in flv.
LATE_NS = SECOND_NS // 2

# A step back by more is a clock that began anew. A smaller one is a picture out of its order: up to
# 16 of them (H.264's largest reorder buffer) at 30 a second.
RESTART_NS = SECOND_NS // 2

# A stated length of a picture is believed from this share of the usual one: some recorders (DHAV)
# state 1 ms for each.
BELIEVED_SHARE = 8

# Pictures a second where neither file nor pictures tell: what ffmpeg assumes, too.
ASSUMED_RATE = 25


@dataclass
class Timeline:
    """Times of the pictures of one video, given in the order in which they are shown.

    Args:
        zero_s: second 0 of the player, on the file's clock.
        time_base: seconds of one unit of the file's times.
        rate: pictures a second as the file states it, or 0; used until two pictures are known.
        turn: units after which the file's clock begins again, while libav's goes on; None: it never
            does.
        is_endless: whether the pictures are a live stream's: then ``times`` knows none, whose
            memory would grow as long as the camera runs.
    """

    zero_s: Fraction
    time_base: Fraction
    rate: float
    turn: int | None = None
    is_endless: bool = False
    _bounds_ns: "array[int]" = field(default_factory=lambda: array("q"))
    _start_ns: int | None = None
    _stated_ns: int = 0
    _shift_ns: int = 0
    _usual_ns: int = 0
    _turns: int = 0

    def __post_init__(self) -> None:
        """Assume a length for the first picture, and make conversion a matter of whole numbers."""
        unit_ns, zero_ns = self.time_base * SECOND_NS, self.zero_s * SECOND_NS
        # Over one denominator: fractions took a tenth of a small video's decoding.
        self._parts = unit_ns.denominator * zero_ns.denominator
        self._unit_parts = unit_ns.numerator * zero_ns.denominator
        self._zero_parts = zero_ns.numerator * unit_ns.denominator
        believable = 1 / self.rate if self.rate > 0 else 0.0
        self._usual_ns = round(believable * SECOND_NS)
        if not 0 < self._usual_ns <= LONGEST_NS:
            self._usual_ns = SECOND_NS // ASSUMED_RATE

    def add(self, time: int | None, length: int | None) -> tuple[int, int] | None:
        """Take in the next picture.

        Args:
            time: from when it is shown, as the file states it; None where it does not.
            length: how long, as the file states it; None or 0 where it does not.

        Returns:
            From when and until when, in nanoseconds, the picture *before* is shown; None for none.
        """
        if self._start_ns is None:
            bounds, self._start_ns = None, self._first(time)
        else:
            last_ns = self._start_ns
            self._start_ns = self._next(time, last_ns)
            step_ns = self._start_ns - last_ns
            bounds = self._close(last_ns, step_ns)
            if 0 < step_ns <= LONGEST_NS:
                self._usual_ns = step_ns
        self._stated_ns = max(0, length or 0) * self._unit_parts // self._parts
        return bounds

    def end(self) -> tuple[int, int] | None:
        """Say from when and until when the last picture is shown; None for none."""
        return None if self._start_ns is None else self._close(self._start_ns, None)

    def times(self) -> PictureTimes:
        """Return the times of all pictures, once ``end`` was called."""
        return PictureTimes(np.array(self._bounds_ns, np.int64).reshape(-1, 2))

    def _first(self, time: int | None) -> int:
        if time is None:
            return 0
        self._note_turn(time)
        start_ns = self._on_clock(time)
        # Nothing is earlier than second 0, whatever the streams' headers stated.
        self._shift_ns = max(0, -start_ns)
        return 0 if start_ns <= LATE_NS else start_ns

    def _next(self, time: int | None, last_ns: int) -> int:
        if time is None:
            return last_ns + (self._stated_ns or self._usual_ns)
        start_ns = self._on_clock(time) + self._shift_ns
        # A clock set back by more than a minute is to libav one that turned, a day later.
        set_back = self._note_turn(time) and start_ns > last_ns + LONGEST_NS
        if set_back or start_ns < last_ns - RESTART_NS:
            self._shift_ns += last_ns + self._usual_ns - start_ns
            return last_ns + self._usual_ns
        return max(start_ns, last_ns)

    def _note_turn(self, time: int) -> bool:
        """Note how often the file's clock began again, and tell whether that has changed."""
        before, self._turns = self._turns, time // self.turn if self.turn else 0
        return self._turns != before

    def _close(self, start_ns: int, step_ns: int | None) -> tuple[int, int]:
        """End the picture at the next one, or where that is missing by its own length."""
        if step_ns is None or step_ns > LONGEST_NS:
            stated = self._usual_ns // BELIEVED_SHARE <= self._stated_ns <= LONGEST_NS
            step_ns = self._stated_ns if stated else self._usual_ns
        if not self.is_endless:
            self._bounds_ns.extend((start_ns, start_ns + step_ns))
        return start_ns, start_ns + step_ns

    def _on_clock(self, time: int) -> int:
        # Downwards: a picture at a store frame's own instant must not come out behind it.
        return (time * self._unit_parts - self._zero_parts) // self._parts

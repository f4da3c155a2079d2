"""Tells when each picture of a video is shown: turns a picture's number into seconds.

Second 0 is where a player's clock begins. Times are whole nanoseconds, so that adding them up gives
the same bytes on every machine.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class PictureTimes:
    """The times of one video's pictures, in the order in which they are shown.

    ``bounds_ns`` int64 (P, 2), in nanoseconds of the player's clock: from when and until when a
    picture is shown. That is until the next picture, but before a gap, and at the end, only for the
    picture's own length.
    """

    bounds_ns: npt.NDArray[np.int64]

    @classmethod
    def even(cls, duration_s: float, fps: float) -> "PictureTimes":
        """Make the times of a video that has a picture every 1 / ``fps`` seconds."""
        edges_ns = np.arange(max(1, round(duration_s * fps)) + 1) * (SECOND_NS / fps)
        edges_ns = np.append(edges_ns[:-1], duration_s * SECOND_NS).astype(np.int64)
        return cls(np.stack([edges_ns[:-1], edges_ns[1:]], axis=1))

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.bounds_ns)

    @property
    def end_s(self) -> float:
        """Return the second at which the last picture ends."""
        return float(self.bounds_ns[-1, 1]) / SECOND_NS

    @property
    def duration_s(self) -> float:
        """Sum the seconds during which a picture is shown, all gaps left out."""
        return float((self.bounds_ns[:, 1] - self.bounds_ns[:, 0]).sum()) / SECOND_NS

    @property
    def rate(self) -> float:
        """Return pictures a second, on average, over the time in which there are any."""
        return len(self) / max(self.duration_s, 1 / SECOND_NS)

    def before(self, second: float) -> "PictureTimes":
        """Return the times of the pictures that end before a second, or at it."""
        return PictureTimes(self.bounds_ns[self.bounds_ns[:, 1] <= second * SECOND_NS])

    def shown_from(self, number: int) -> float:
        """Return the second from which picture ``number`` is shown; the first is number 0.

        A number that no picture has gets a time before the first or after the last, at the average
        rate, so that whoever checks times sees how far off it is.
        """
        return self._bound(number, 0)

    def shown_until(self, number: int) -> float:
        """Return the second until which picture ``number`` is shown; the first is number 0."""
        return self._bound(number, 1)

    def gaps_s(self) -> list[tuple[float, float]]:
        """List the seconds from and until which no picture is shown, before the video's end."""
        starts_ns, ends_ns = self.bounds_ns[:, 0], np.append(0, self.bounds_ns[:-1, 1])
        return [
            (float(ends_ns[at]) / SECOND_NS, float(starts_ns[at]) / SECOND_NS)
            for at in np.flatnonzero(starts_ns > ends_ns)
        ]

    def _bound(self, number: int, side: int) -> float:
        nearest = min(max(number, 0), len(self) - 1)
        return float(self.bounds_ns[nearest, side]) / SECOND_NS + (number - nearest) / self.rate

"""Says how long to wait before a camera is tried again."""

import random


class Backoff:
    """Doubles a wait with each vain try, up to a bound.

    Each is drawn between half of it and the whole, so that the cameras of a recorder that starts
    again do not come all at once.

    Args:
        first_s: seconds before the first new try, at most.
        most_s: seconds before any, at most.
    """

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s, self._most_s = first_s, most_s
        self.reset()

    def reset(self) -> None:
        """Begin anew: the camera was there."""
        self._wait_s = self._first_s

    def next_s(self) -> float:
        """Return the seconds to wait now."""
        wait_s, self._wait_s = self._wait_s, min(2 * self._wait_s, self._most_s)
        return random.uniform(wait_s / 2, wait_s)

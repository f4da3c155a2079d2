"""Tells when pictures of a stream were captured, on this machine's monotonic clock."""

# How much slower than ours a camera's clock may run, as a share, before it counts as lateness:
# bad quartz is 20 times better, a network that cannot carry the stream far worse.
CLOCK_DRIFT = 0.001


class Arrival:
    """Tells when pictures were captured, from when they came and what second they state.

    The picture that came fastest says how the camera's clock stands to ours; what comes later than
    it should was under way for longer.
    """

    def __init__(self) -> None:
        self._ahead_s: float | None = None
        self._last_s = 0.0

    def captured(self, stated_s: float, arrived_s: float) -> float:
        """Return the monotonic second at which a picture was captured, never after it came."""
        ahead_s = arrived_s - stated_s
        if self._ahead_s is not None:
            drift_s = CLOCK_DRIFT * max(0.0, arrived_s - self._last_s)
            ahead_s = min(ahead_s, self._ahead_s + drift_s)
        self._ahead_s, self._last_s = ahead_s, arrived_s
        return stated_s + ahead_s

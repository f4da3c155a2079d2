"""Makes alerts of one camera's scores, also where its stream breaks off and comes back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aislewatch.alerts.clips import Alert, ScoredClip
from aislewatch.alerts.engine import AlertChange, AlertEngine
from aislewatch.alerts.rule import AlertRule
from aislewatch.watch.scorer import LiveScore
from aislewatch.watch.windows import LiveClip


@dataclass(frozen=True)
class LiveChange:
    """What happened to an alert of a camera.

    Args:
        change: its seconds are of ``session``'s stream.
        session: the connection in which the alert is.
        captured_s: when the clip's last frame was captured that made it, monotonic.
        clip_end_s: when that was by the stream's clock.
    """

    change: AlertChange
    session: int
    captured_s: float
    clip_end_s: float

    def captured_at(self, stream_s: float) -> float:
        """Return the monotonic second at which a second of the stream was captured."""
        return self.captured_s + stream_s - self.clip_end_s


class CameraAlerts:
    """Feeds the one alert engine with a camera's clips, on a clock that never goes back.

    A connection's stream begins at second 0 again; for the engine it goes on as many seconds later
    as have passed, so that a cooldown lasts as long as it says.
    """

    def __init__(self, rule: AlertRule) -> None:
        self._engine = AlertEngine(rule)
        self._session = 0
        self._shift_s = 0.0
        self._last: LiveClip | None = None

    def feed(self, clip: LiveClip, score: LiveScore) -> list[LiveChange]:
        """Take a camera's next clip and its score; return what that changed."""
        last = self._last
        done: list[LiveChange] = []
        if last is not None and clip.session != last.session:
            done = self.close()
            begun_s = clip.captured_s - (clip.end_s - clip.start_s)
            passed_s = max(0.0, begun_s - last.captured_s)
            # No less than a nanosecond: no clip follows one of another connection.
            self._shift_s += last.end_s + max(passed_s, 1e-9) - clip.start_s
        self._last = clip
        seconds = clip.start_s + self._shift_s, clip.end_s + self._shift_s
        scored = ScoredClip(*seconds, score.score, score.track)
        return done + self._told(self._engine.feed(scored, score.box), clip)

    def close(self) -> list[LiveChange]:
        """End what goes on: nobody watches from here on."""
        return self._told(self._engine.close(), self._last) if self._last else []

    def _told(self, changes: Sequence[AlertChange], clip: LiveClip) -> list[LiveChange]:
        return [
            LiveChange(
                replace(change, alert=_shifted(change.alert, -self._shift_s)),
                clip.session,
                clip.captured_s,
                clip.end_s,
            )
            for change in changes
        ]


def _shifted(alert: Alert, by_s: float) -> Alert:
    if not by_s:
        return alert
    return replace(
        alert,
        start_s=alert.start_s + by_s,
        raised_s=alert.raised_s + by_s,
        end_s=alert.end_s + by_s,
        peak_s=alert.peak_s + by_s,
    )

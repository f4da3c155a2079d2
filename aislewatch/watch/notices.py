"""Tells people of a camera's trouble once, however often it comes and goes."""

from dataclasses import dataclass, field

from aislewatch.frames.clock import clock


@dataclass
class _Trouble:
    since_s: float
    times: int = 1
    is_on: bool = True
    over_s: float = field(default=0.0)


class Notices:
    """Makes messages of troubles: one when a trouble begins, one when it has stayed away.

    A camera that fails every minute is one message, and one with their number once it is well.

    Args:
        settle_s: seconds without a trouble after which it is over.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._troubles: dict[tuple[str, str], _Trouble] = {}

    def begin(self, camera: str, kind: str, words: str, now_s: float) -> str | None:
        """Take note that a trouble is there; return a message if nobody was told of it yet.

        Args:
            camera: its name.
            kind: of the trouble, ``"no frames"`` for example.
            words: what is wrong and what to do.
            now_s: on a monotonic clock.
        """
        known = self._troubles.get((camera, kind))
        if known is None:
            self._troubles[camera, kind] = _Trouble(now_s)
            return f"{camera}: {kind}: {words}"
        if not known.is_on:
            known.is_on = True
            known.times += 1
        return None

    def end(self, camera: str, kind: str, now_s: float) -> None:
        """Take note that a trouble is not there now."""
        known = self._troubles.get((camera, kind))
        if known is not None and known.is_on:
            known.is_on, known.over_s = False, now_s

    def settled(self, now_s: float) -> list[str]:
        """Return a message for each trouble that has stayed away for long enough."""
        messages = []
        for (camera, kind), trouble in list(self._troubles.items()):
            if not trouble.is_on and now_s - trouble.over_s >= self._settle_s:
                del self._troubles[camera, kind]
                lasted = clock(trouble.over_s - trouble.since_s)
                often = f", {trouble.times} times" if trouble.times > 1 else ""
                messages.append(f"{camera}: {kind}: over after {lasted}{often}")
        return messages

    def forget(self, camera: str) -> None:
        """Forget a camera's troubles: it is not followed any more."""
        for key in [key for key in self._troubles if key[0] == camera]:
            del self._troubles[key]

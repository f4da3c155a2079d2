"""Keeps what waits for somebody slower within bounds: the oldest goes first, and is counted."""

import threading
from collections import deque

from aislewatch.watch.windows import LiveClip


class ClipQueue:
    """Holds a camera's clips until they are scored; any thread may use it.

    Args:
        most: clips that may wait; a newer one pushes out the oldest.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._clips: deque[LiveClip] = deque()
        self._lock = threading.Lock()
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Count the clips that were pushed out."""
        return self._dropped

    @property
    def count(self) -> int:
        """Count the clips that wait."""
        return len(self._clips)

    @property
    def is_full(self) -> bool:
        """Say whether one more clip would push out the oldest."""
        return len(self._clips) >= self._most

    def put(self, clip: LiveClip) -> None:
        """Add the newest clip."""
        with self._lock:
            self._clips.append(clip)
            if len(self._clips) > self._most:
                self._clips.popleft()
                self._dropped += 1

    def take(self) -> LiveClip | None:
        """Take out the oldest clip, if there is any."""
        with self._lock:
            return self._clips.popleft() if self._clips else None

"""Sends what a camera's process has to tell, and its packets together."""

import time
from multiprocessing.connection import Connection

from aislewatch.watch.messages import KeptPacket, KeptPackets, Message, pack

# Packets wait for the next frame, but for no more seconds, or bytes. A message each cost a tenth of
# what decoding 320×240 does; when the process is killed, this much of the evidence is lost.
TOGETHER_S, TOGETHER_BYTES = 0.4, 1 << 20


class Sender:
    """Sends messages to the process that follows the camera.

    Args:
        link: to it.
    """

    def __init__(self, link: Connection) -> None:
        self._link = link
        self._packets: list[KeptPacket] = []
        self._since_s, self._bytes = 0.0, 0

    def send(self, message: Message) -> None:
        """Send a message at once, after the packets that wait."""
        self._link.send_bytes(pack(*self._waiting(), message))

    def keep(self, packet: KeptPacket) -> None:
        """Send a packet with those of the same moment, and with the frame that comes next."""
        now_s = time.monotonic()
        if not self._packets:
            self._since_s, self._bytes = now_s, 0
        self._packets.append(packet)
        self._bytes += len(packet.data)
        if now_s - self._since_s >= TOGETHER_S or self._bytes >= TOGETHER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send the packets that wait."""
        if self._packets:
            self._link.send_bytes(pack(*self._waiting()))

    def _waiting(self) -> list[KeptPackets]:
        waiting = [KeptPackets(tuple(self._packets))] if self._packets else []
        self._packets.clear()
        return waiting

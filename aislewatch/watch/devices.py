"""Finds a device of this machine that decodes a camera's stream in the processor's place."""

from contextlib import suppress
from dataclasses import dataclass

import av
from av.codec.hwaccel import HWAccel

# What nearly all cameras send. The device that knows it is asked for a stream's own codec, too;
# what it does not know, the processor decodes.
CODEC = "h264"


@dataclass(frozen=True)
class Device:
    """A device that decodes.

    Args:
        kind: as libav calls it: ``cuda`` or ``vaapi``, for example.
        accel: to open streams with.
    """

    kind: str
    accel: HWAccel


def find_device() -> Device | None:
    """Return the first device that libav knows and that can be opened; None where there is none.

    It is opened once before any stream is: a stream that is opened for a missing device fails.
    """
    codec = av.Codec(CODEC, "r")
    for known in codec.hardware_configs or ():
        if known.is_supported:
            accel = HWAccel(known.device_type, allow_software_fallback=True)
            with suppress(av.FFmpegError, NotImplementedError):
                accel.create(codec)
                return Device(known.device_type.name, accel)
    return None

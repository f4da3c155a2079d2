"""Says what to do about a refused file; FILE and NEW stand for names, as in a manual.

Any recent ffmpeg will do; ``imageio_ffmpeg.get_ffmpeg_exe()`` says where the environment has one.
"""

import shlex
from typing import Any

import ffmpeg

# Nearly without loss to the eye, whatever the footage: what x264's guide gives as such.
H264: dict[str, Any] = {"c:v": "libx264", "crf": 18}


def command(new: str, read: dict[str, Any] | None = None, **written: Any) -> str:
    """Write the ffmpeg command that makes a file of another, in backticks.

    Args:
        new: the name it writes.
        read: options of reading.
        written: options of writing.
    """
    words = ffmpeg.input("FILE", **read or {}).output(new, **written).compile()
    return f"`{shlex.join(words)}`"


# Another container for the same pictures; or the same film coded by H.264.
REWRAP = command("NEW.mkv", c="copy")
ENCODE = command("NEW.mp4", **H264)

# What can be decoded of a damaged file, with its holes filled in by the decoder.
SALVAGE = command("NEW.mp4", {"fflags": "+discardcorrupt"}, **H264)

# A rate for a raw stream: 15 stands for any.
RATE = command("NEW.mp4", {"r": 15}, **H264)

COPY = "copy the file again from where it came"
REMOVE = "remove it from the source's folder"
SHRINK = command("NEW.mp4", **H264, vf="scale=-2:1080")
PARTS = command("NEW%03d.mkv", c="copy", f="segment", segment_time=3600, reset_timestamps=1)
SLOWER = command("NEW.mp4", **H264, r=25)
TO_BT709 = command("NEW.mp4", **H264, vf="setparams=colorspace=bt709")

EXPORT_PICTURES = "export it again with its pictures, or remove it from the source's folder"
DAMAGED = (
    f"{COPY}; if it is damaged there too, raise ingest.max_loss_s in params.yaml to keep it up to "
    f"the damage, or make the best of it by {SALVAGE}"
)
MORE_MEMORY = f"raise ingest.memory_mib in params.yaml, or make its pictures smaller: {SHRINK}"
MORE_TIME = f"raise ingest.timeout_s in params.yaml, or cut it into parts: {PARTS}"
TOO_LONG = f"raise ingest.max_duration_s in params.yaml, or cut it into parts: {PARTS}"
DECRYPT = "export it without encryption, in the program of the recorder or service it came from"
REPAIR = (
    f"{COPY}; if the recording broke off, a repair tool such as untrunc can rebuild it from a "
    "whole video of the same camera"
)
CONVERT = f"if a player shows it, convert it: {REWRAP}, or {ENCODE}; else {REMOVE}"
CRASHED = f"wrap it anew: {REWRAP}; if that is refused, too, encode it anew: {ENCODE}"
WRITTEN = "run it again when nothing writes to the file any more"
JOIN = (
    "put the videos there that it was joined from, or join those by "
    "`ffmpeg -f concat -safe 0 -i LIST -c copy NEW.mkv`; LIST has a line `file 'NAME'` for each"
)

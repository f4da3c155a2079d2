"""Says in plain words why a camera gives no frames, and what to do."""

import av
from av import error as av_error

from aislewatch.ingest.formats import libav_words
from aislewatch.watch.addresses import is_file

# Where nothing better is known.
LOOK_AT_CAMERA = "see to its power, network and address"

_OF_FILES: dict[type[Exception], str] = {
    av_error.FileNotFoundError: "there is no such file -> correct its address in cameras.yaml",
    av_error.IsADirectoryError: "its address is a folder -> name a film in cameras.yaml",
    av_error.PermissionError: "its file may not be read -> allow it to the user who runs this",
    av_error.InvalidDataError: "its file is no film that can be read -> `aislewatch check` of a "
    "source says more; name another in cameras.yaml",
}
_REFUSED = "the camera refuses user or password -> correct them in cameras.yaml"
_OF_STREAMS: dict[type[Exception], str] = {
    av_error.HTTPUnauthorizedError: _REFUSED,
    av_error.HTTPForbiddenError: _REFUSED,
    av_error.HTTPNotFoundError: "the camera has no such stream -> correct the address' path",
    av_error.ConnectionRefusedError: "nothing answers at its port -> see to its power and port",
    av_error.TimeoutError: f"it does not answer -> {LOOK_AT_CAMERA}",
    av_error.ExitError: f"it does not answer -> {LOOK_AT_CAMERA}",
    av_error.ArgumentError: "its address is not written as one -> correct it in cameras.yaml, as "
    "rtsp://user:password@host:554/path",
    av_error.InvalidDataError: "what it sends is no film that can be read -> look whether its "
    "address is that of a stream, not of a page",
}
# What libav says where a name has no address.
_NO_NAME = "Failed to resolve hostname"


def reason(error: av.FFmpegError, address: str) -> str:
    """Return why a camera gave no frames, after an arrow what to do; libav's words where unknown.

    Args:
        error: that ended the reading.
        address: of the camera.
    """
    words = libav_words(error)
    if _NO_NAME in words:
        return "its host's name is not known here -> correct it in cameras.yaml, or see to the DNS"
    known = _OF_FILES if is_file(address) else _OF_STREAMS
    return next((told for kind, told in known.items() if isinstance(error, kind)), words)


def with_remedy(words: str) -> str:
    """Append what to do, where the words do not say it."""
    return words if " -> " in words else f"{words} -> {LOOK_AT_CAMERA}"

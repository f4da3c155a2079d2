"""Opens a camera's stream, so that libav opens nothing else."""

from dataclasses import dataclass

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from aislewatch.ingest.formats import CONTAINERS
from aislewatch.watch.addresses import is_file
from aislewatch.watch.people import PeopleRequest

# What libav may open for a network's stream. No playlist: it names other addresses.
PROTOCOLS = {
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsp,rtp,udp,tcp,tls,crypto",
    "http": "http,tcp",
    "https": "https,http,tcp,tls,crypto",
}
FORMATS = f"rtsp,sdp,rtp,mpjpeg,{CONTAINERS}"

# Microseconds of a stream, and bytes, that libav may read before the first frame: enough for a
# rate and a key frame's header; its own 5 s would be a third of the time to be back.
ANALYSED_US, PROBED_BYTES = 1_000_000, 1 << 20


@dataclass(frozen=True)
class Request:
    """What a camera's process is to do.

    Args:
        address: with its secrets; it reaches the process by a pipe, and no list of processes.
        fps: frames a second to make.
        size: their width and height, pixels.
        open_s: seconds that libav may take to connect.
        read_s: seconds that libav may wait for bytes.
        memory_mib: address space allowed.
        at_own_speed: whether a file is played as slowly as it was filmed.
        hardware: whether a device decodes, where one is there.
        people: how they are looked for; None: not at all.
    """

    address: str
    fps: int
    size: int
    open_s: float
    read_s: float
    memory_mib: int
    at_own_speed: bool
    people: PeopleRequest | None = None
    hardware: bool = False


def open_stream(request: Request, device: HWAccel | None = None) -> InputContainer:
    """Open a camera's stream, and nothing that it names.

    Args:
        request: says which, and for how long.
        device: decodes what it can of the stream; None: the processor.

    Raises:
        av.FFmpegError: it cannot be opened.
        ValueError: its address is of another kind.
    """
    # With errors only, PyAV attaches libav's own words to its exceptions.
    av.logging.set_level(av.logging.ERROR)
    options = {"format_whitelist": FORMATS, "probesize": str(PROBED_BYTES)}
    if is_file(request.address):
        options |= {"protocol_whitelist": "file"}
        return av.open(
            f"file:{request.address}", options=options, metadata_errors="replace", hwaccel=device
        )
    scheme = request.address.partition("://")[0].lower()
    if scheme not in PROTOCOLS:
        known = ", ".join(f"{known}://" for known in PROTOCOLS)
        raise ValueError(f"an address begins with {known} or is a file's path, not {scheme}://")
    options |= {"protocol_whitelist": PROTOCOLS[scheme], "analyzeduration": str(ANALYSED_US)}
    if not scheme.startswith("rtsp"):
        return _open(request, options, device)
    try:
        # TCP loses nothing on its way; UDP where a camera says that it knows no other.
        return _open(request, options | {"rtsp_flags": "prefer_tcp"}, device)
    except av.HTTPBadRequestError:
        # Some servers' way to say so.
        return _open(request, options | {"rtsp_transport": "udp"}, device)


def _open(request: Request, options: dict[str, str], device: HWAccel | None) -> InputContainer:
    return av.open(
        request.address,
        options=options,
        timeout=(request.open_s, request.read_s),
        metadata_errors="replace",
        hwaccel=device,
    )

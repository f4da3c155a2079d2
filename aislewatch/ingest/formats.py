"""Lists the containers and codecs that are read, and opens a file so that nothing else is."""

from pathlib import Path
from typing import BinaryIO, cast

import av
from av.container import InputContainer

# Pictures of H.264, H.265, MPEG-4 or MPEG-1/2 one after the other, as cameras and cheap recorders
# write them: nothing says when a picture is shown.
RAW_STREAMS = ("h264", "hevc", "m4v", "mpegvideo")

# Containers of cameras, recorders (dhav: Dahua's .dav), phones, editors and data sets. No playlist,
# script or picture sequence (hls, dash, concat, image2, jpeg_pipe): those name other files, and
# ffmpeg would open them, or are no film.
CONTAINERS = ",".join(("mov,matroska,webm,avi,mpegts,mpeg,flv,asf,dhav,mxf,ogg", *RAW_STREAMS))

# How people know them.
READ_HERE = "mp4, mov, mkv, webm, avi, ts, mpg, flv, wmv, mxf, ogv, Dahua's dav, raw H.264 or H.265"

# ffmpeg's canonical names. What is missing here is refused by name, so that the list is easily
# extended; it leaves out a few hundred decoders of games and hobby formats, the least tested ones.
# fmt: off
CODECS = frozenset((
    "av1", "cinepak", "dvvideo", "ffv1", "flv1", "h263", "h264", "hevc", "huffyuv", "mjpeg",
    "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "prores",
    "rawvideo", "theora", "vc1", "vp8", "vp9", "wmv1", "wmv2", "wmv3",
))
# fmt: on


# Containers of which only the first is read where several files were joined into one; those of mov
# are told by their boxes.
READ_ONCE = ("matroska", "flv", "asf")

# Bytes at the beginning that tell a container, and those of the file that are held to search.
MARK_BYTES = 12
BLOCK_BYTES = 1 << 22


def begins_again(file: BinaryIO) -> bool:
    """Say whether the first bytes of a file stand somewhere else in it again."""
    file.seek(0)
    mark = file.read(MARK_BYTES)
    kept = b""
    while block := file.read(BLOCK_BYTES):
        if mark in kept + block:
            return True
        kept = block[1 - MARK_BYTES :]
    return False


def reading_options(container: str = "") -> dict[str, str]:
    """Return the options with which ffmpeg opens nothing but the one file it was given."""
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    if container.startswith("mov"):
        # References of a QuickTime file to other files; only this demuxer knows the options.
        options |= {"enable_drefs": "0", "use_absolute_path": "0"}
    return options


def open_video(path: Path, container: str = "", **options: str) -> InputContainer:
    """Open a file with PyAV as ``reading_options`` demands, and with further options of libav."""
    # With errors only, PyAV attaches the demuxer's or decoder's own words to its exceptions.
    av.logging.set_level(av.logging.ERROR)
    return av.open(
        f"file:{path}",
        options=reading_options(container) | options,
        # Titles and comments of a broken file need not be UTF-8.
        metadata_errors="replace",
    )


def libav_words(error: av.FFmpegError) -> str:
    """Return the demuxer's or decoder's own words, and the general name of the error."""
    # (level, component, message); PyAV's types nest it once more.
    said = str(cast("tuple[int, str, str]", error.log)[2]).strip() if error.log else ""
    return "; ".join(text for text in (said, error.strerror) if text)

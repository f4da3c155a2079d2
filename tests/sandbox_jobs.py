"""Jobs that misbehave in the ways a decoder can; run in a child of the sandbox."""

import ctypes
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from aislewatch.errors import QuarantinedError
from aislewatch.ingest.decode import decode_job

Request = dict[str, Any]


def dispatch(request: Request) -> Request:
    """Call the function of this module that the request names."""
    return globals()[request["job"]](request)


def look_around(request: Request) -> Request:
    """Report what the child can see and use."""
    return {
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "own_group": os.getpgid(0) == os.getpid() == os.getsid(0),
        "open_files": len(list(Path("/proc/self/fd").iterdir())),
        "limits": {
            name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]
            for name in ("CPU", "FSIZE", "NOFILE", "CORE", "AS")
        },
        "input": sys.stdin.buffer.raw.read() == b"",
        "pid": os.getpid(),
    }


def refuse(request: Request) -> Request:
    raise QuarantinedError("odd", "as asked", "ask for something else")


def segfault(request: Request) -> Request:
    ctypes.string_at(0)
    return {}


def leave_at_once(request: Request) -> Request:
    os._exit(7)


def programming_error(request: Request) -> Request:
    return {"result": 1 / 0}


def fill_memory(request: Request) -> Request:
    return {"bytes": len(bytearray(4 << 30))}


def fill_disk(request: Request) -> Request:
    with Path("big").open("wb") as file:
        file.write(bytes(2 << 20))
    return {}


def hang_with_grandchild(request: Request) -> Request:
    grandchild = subprocess.Popen(["/bin/sleep", "600"])
    Path(request["note"]).write_text(f"{os.getpid()} {grandchild.pid}")
    time.sleep(600)
    return {}


def leave_grandchild(request: Request) -> Request:
    return {"grandchild": subprocess.Popen(["/bin/sleep", "600"]).pid}


def hang_beside_the_video(request: Request) -> Request:
    """Hang like ``hang_with_grandchild``; the note is the video's, with the suffix of a text."""
    return hang_with_grandchild({"note": Path(request["video"]).with_suffix(".txt")})


def remove_first(request: Request) -> Request:
    Path(request["video"]).unlink()
    return decode_job(request)


def append_first(request: Request) -> Request:
    with Path(request["video"]).open("ab") as file:
        file.write(b"more")
    return decode_job(request)


def link_first(request: Request) -> Request:
    Path(request["video"]).unlink()
    Path(request["video"]).symlink_to("/dev/null")
    return decode_job(request)

"""Looks at the machine: Python and its packages, ffmpeg, GPU, disk, clock."""

import ctypes
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from aislewatch.config.params import load_params
from aislewatch.doctor.rows import CheckRow
from aislewatch.errors import AislewatchError

LOCKS = (Path("requirements/lock.txt"), Path("requirements/torch.txt"))

# Free bytes: a training of the demo, with everything it keeps, wrote 0.4 GB; a night of footage
# decoded at 128 px is a few GB.
NO_ROOM = 2 * 2**30
LITTLE_ROOM = 20 * 2**30

# What adjtimex answers when nothing sets the clock (linux/timex.h), and bytes its answer may take.
_UNSYNCHRONISED = 5
_TIMEX_BYTES = 512


def look_at_machine() -> list[CheckRow]:
    """Look at all of it; none of it takes more than what importing torch does."""
    return [look_at_python(), look_at_pins(), *look_at_ffmpeg(), look_at_gpu(), *look_at_place()]


def look_at_python() -> CheckRow:
    """Compare Python's version with what the package asks for."""
    says = f"{sys.version.split()[0]} at {sys.executable}"
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        return CheckRow(
            "python", "bad", says, "use 3.11, 3.12 or 3.13: make install PYTHON=python3.13"
        )
    if sys.prefix == sys.base_prefix:
        return CheckRow("python", "warn", f"{says}, no virtual environment", "make install")
    return CheckRow("python", "ok", says)


def look_at_pins() -> CheckRow:
    """Compare the installed packages with the versions that the tests ran with."""
    pins = {name: version for lock in LOCKS if lock.exists() for name, version in _pins(lock)}
    if not pins:
        return CheckRow("packages", "warn", f"no {LOCKS[0]} here", "say this in the project's root")
    others, installed = [], 0
    for name, pinned in pins.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # of tests, or of another Python
        installed += 1
        # torch's builds say for which GPU they are behind a plus.
        if found.partition("+")[0] != pinned:
            others.append(f"{name} {found} (pinned: {pinned})")
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        says = f"not as pinned: {', '.join(others[:5])}{more}"
        return CheckRow("packages", "warn", says, f"pip install -e . -c {LOCKS[0]} -c {LOCKS[1]}")
    return CheckRow("packages", "ok", f"{installed} as pinned in {LOCKS[0]}")


def _pins(lock: Path) -> list[tuple[str, str]]:
    stated = [line.partition("#")[0].partition(";")[0] for line in lock.read_text().splitlines()]
    halves = [line.partition("==") for line in stated]
    return [(name.strip(), version.strip()) for name, equals, version in halves if equals]


def look_at_ffmpeg() -> list[CheckRow]:
    """Load the decoder that reads footage, and start the program that mends it."""
    rows = []
    try:
        import av

        rows.append(CheckRow("PyAV", "ok", f"{av.__version__} decodes footage"))
    except ImportError as error:
        rows.append(CheckRow("PyAV", "bad", str(error), f"pip install av -c {LOCKS[0]}"))
    try:
        import imageio_ffmpeg

        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-version"]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        rows.append(
            CheckRow("ffmpeg", "ok", said.stdout.splitlines()[0].partition(" Copyright")[0])
        )
    except (ImportError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        again = f"pip install --force-reinstall imageio-ffmpeg -c {LOCKS[0]}"
        rows.append(CheckRow("ffmpeg", "bad", f"does not start: {error}", again))
    return rows


def look_at_gpu() -> CheckRow:
    """Compare what torch can use with what params.yaml asks for and what the machine has."""
    import torch

    try:
        asked = load_params().machine.device
    except AislewatchError as error:
        return CheckRow("params.yaml", "bad", str(error), "correct it")
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        unused = f"; machine.device is {asked}" if asked == "cpu" else ""
        return CheckRow("GPU", "ok", f"{', '.join(names)}{unused}")
    if asked == "cuda":
        do = "install a driver and a CUDA build of torch, or set machine.device: auto"
        return CheckRow("GPU", "bad", "machine.device is cuda, and torch finds no GPU", do)
    if shutil.which("nvidia-smi") or Path("/dev/nvidia0").exists():
        do = "install a CUDA build of torch: TORCH_ARGS of the Makefile"
        return CheckRow(
            "GPU", "warn", f"torch {torch.__version__} cannot use the one that is here", do
        )
    return CheckRow("GPU", "ok", "none; training uses the CPU")


def look_at_place() -> list[CheckRow]:
    """Look at the project's disk, and at whether something sets the clock."""
    free = shutil.disk_usage(".").free
    says = f"{free / 2**30:,.1f} GiB free at {Path.cwd()}"
    do = "free some: `dvc gc -w`, `.aislewatch/store` (decoded again when needed)"
    if free < NO_ROOM:
        disk = CheckRow("disk", "bad", says, do)
    elif free < LITTLE_ROOM:
        disk = CheckRow("disk", "warn", says, do)
    else:
        disk = CheckRow("disk", "ok", says)
    return [disk, _look_at_clock()]


def _look_at_clock() -> CheckRow:
    if sys.platform != "linux":
        return CheckRow("clock", "ok", "not asked on this system")
    question = ctypes.create_string_buffer(_TIMEX_BYTES)  # zeros: it only asks
    if ctypes.CDLL(None).adjtimex(question) == _UNSYNCHRONISED:
        says = "the kernel says that nothing keeps it right; schedules rely on it"
        return CheckRow("clock", "warn", says, "run an NTP service: timedatectl set-ntp true")
    return CheckRow("clock", "ok", "kept right by a time service")

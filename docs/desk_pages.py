"""Take the pictures of the review desk, with alerts of the rendered shop, by a real browser.

    python -m docs.desk_pages            needs Chromium (apt: chromium) and playwright

Writes desk.png and desk_phone.png into docs/images, of few colours, so that they are small. The
films are those of `make demo`, or of another folder: `--films FOLDER`.
"""

import argparse
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
from PIL import Image
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from aislewatch.desk.database import Database, address_of
from aislewatch.desk.people import add_user
from aislewatch.evidence.alert import AlertModel, LiveAlert
from aislewatch.evidence.folder import AlertFilm, Picture, write_evidence
from tests.code_closure import ROOT
from tests.desk.browsing import Served, log_in, serve
from tests.desk.desks import PASSWORD

IMAGES = ROOT / "docs/images"

PROCEDURE = """\
1. Look at the whole clip, then judge.
2. Theft: call the shift lead, **never** stop anybody yourself.
3. In doubt: *unsure*, with a note.
"""

# Milliseconds into the desk's film: somebody is in the picture by then.
PLAY_MS = 3000

# Colours of a picture, mixed by dots where it has more: half as many bytes.
COLOURS = 128

SIZES: dict[str, ViewportSize] = {
    "desk": {"width": 1360, "height": 900},
    "desk_phone": {"width": 390, "height": 844},
}


def main() -> None:
    """Take both pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=Path, default=ROOT / "data/raw/synthetic")
    films = sorted(parser.parse_args().films.rglob("shoplifting/*.mp4"))[:3]
    assert films, "run `make demo` first"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        live = Path(folder)
        for number, film in enumerate(films):
            _write_alert(live, film, number)
        (live / "procedure.md").write_text(PROCEDURE)
        database = Database(address_of(live))
        with database.changing() as connection:
            add_user(connection, "ada", PASSWORD, "lead", 0.0)
        database.close()
        served = serve(live)
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            for name, size in SIZES.items():
                _take(browser, served, name, size)
        finally:
            assert served.process is not None
            served.process.terminate()
            served.process.wait()


def _take(browser: Browser, served: Served, name: str, size: ViewportSize) -> None:
    page = log_in(browser, served, "ada", viewport=size)
    page.locator("#film").wait_for()
    page.wait_for_timeout(PLAY_MS)
    page.screenshot(path=IMAGES / f"{name}.png")
    page.context.close()
    with Image.open(IMAGES / f"{name}.png") as taken:
        rgb = taken.convert("RGB")
    few = rgb.quantize(palette=rgb.quantize(COLOURS))
    few.save(IMAGES / f"{name}.png", optimize=True)


def _write_alert(live: Path, film: Path, number: int) -> None:
    """Write the evidence of a film's middle, a minute after that of the one before."""
    with av.open(str(film)) as container:
        decoded = [
            Picture(float(frame.time or 0.0), frame.to_ndarray(format="rgb24").astype("uint8"))
            for frame in container.decode(video=0)
        ]
    begin = datetime(2026, 11, 30, 12, number, tzinfo=UTC)
    third = timedelta(seconds=decoded[-1].at_s / 3)
    alert = LiveAlert(
        camera=("till", "aisle 3", "entrance")[number],
        begin=begin + third,
        end=begin + 2 * third,
        raised=begin + 2 * third,
        captured=begin + 2 * third,
        score=0.93 - 0.04 * number,
        threshold=0.8,
        box=None,
        track=None,
        model=AlertModel("aislewatch", "1", "0" * 64),
        shadow=False,
        source="rtsp://shop",
        offset_s=None,
    )
    write_evidence(live, alert, AlertFilm(begin, decoded))


if __name__ == "__main__":
    main()

"""All cases: mutants by number, and everything that was built on purpose."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.claims import CLAIMS
from tests.fuzz.mutants import mutant
from tests.fuzz.oddities import NAMES, ODDITIES, write_named
from tests.fuzz.scripts import SCRIPTS, write_script
from tests.fuzz.traps import Traps

# What no script, whatever it says, may become.
SCRIPT_REASONS = frozenset({"not-a-video", "no-video-stream", "undecodable"})


@dataclass(frozen=True)
class Case:
    """A file to judge.

    ``number`` tells it from all others and makes it again; ``kind`` is for the table; ``allowed``
    are the reasons that are right, ``accepted`` among them, or none if any verdict is.
    """

    number: str
    kind: str
    allowed: frozenset[str] = frozenset()

    def make(self, folder: Path, seeds: dict[str, bytes], traps: Traps) -> None:
        """Put it into an empty folder of the source; workings are left beside the canaries."""
        group, _, rest = self.number.partition(":")
        if group == "mutant":
            _, name, content = mutant(int(rest), seeds)
            (folder / name).write_bytes(content)
        elif group == "script":
            write_script(rest, folder, traps)
        elif group == "name":
            write_named(rest, folder, seeds["h264.mp4"])
        elif group == "oddity":
            ODDITIES[rest][0](folder, traps)
        else:
            name, claim, _ = CLAIMS[rest]
            content = claim(folder, traps)
            for left in folder.iterdir():
                left.unlink()
            (folder / name).write_bytes(content)


def all_cases(mutants: int, seeds: dict[str, bytes]) -> Iterator[Case]:
    """So many mutants, after the case of every other kind."""
    for kind in SCRIPTS:
        yield Case(f"script:{kind}", "scripts", SCRIPT_REASONS)
    for kind in NAMES:
        yield Case(f"name:{kind}", "names", frozenset({"accepted"}))
    for kind, (_, reason) in ODDITIES.items():
        yield Case(f"oddity:{kind}", "no ordinary files", frozenset({reason}))
    for kind, (_, _, reasons) in CLAIMS.items():
        yield Case(f"claim:{kind}", "absurd claims", frozenset(reasons))
    for number in range(mutants):
        kind, _, _ = mutant(number, seeds)
        yield Case(f"mutant:{number}", kind.replace("_", " "))

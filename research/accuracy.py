"""How right the four networks are on real footage: nested cross-validation by recording.

python -m research.pack CORPUS FOLDER       decodes the footage, anywhere
python -m research.accuracy FOLDER          trains, best on a GPU; goes on where it was
python -m research.report FOLDER            the table, anywhere
python -m research.accuracy --reduced       on a CPU: minutes, on the synthetic shop

Every training is the product's own (aislewatch/train). The stages `start`, `mixed` and `plain` are
recipes fixed beforehand, from three seeds; `singles`, `combinations` and `final` are the search:
every change of research/space.py is trained on the inner folds, each outer fold chooses by its
inner validation, and is scored once. What is done already in FOLDER/results is not done again.

--frames DIR reads other frames of the same videos. Where FOLDER has the form.json of a track stage,
they are its detector's features of each square and of its mirror image, as that stage writes them.
"""

import argparse
import signal
import time
from pathlib import Path

from research import reduced
from research.footage import read_folded
from research.plan import NETWORKS, Benchmark
from research.stages import STAGES, jobs
from research.trainings import Machine, Shelf, run


def main() -> None:
    """Run the stages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--reduced", action="store_true")
    parser.add_argument("--frames", type=Path, help="where the frames are; FOLDER/frames")
    parser.add_argument("--out", type=Path, help="where results go; FOLDER/results")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--stages", nargs="+", default=list(STAGES), choices=list(STAGES))
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start nothing later")
    parser.add_argument("--device", default="cuda", choices=("cpu", "cuda"))
    parser.add_argument("--workers", type=int, default=1, help="trainings at once")
    parser.add_argument("--precision", default="float32", choices=("float32", "bf16"))
    asked = parser.parse_args()
    if asked.reduced:
        reduced.main()
        return
    if asked.folder is None:
        parser.error("name the FOLDER that research.pack wrote, or ask for --reduced")
    # A kill ends it as Ctrl-C does: with its workers.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    machine = Machine(asked.device, asked.workers, asked.precision)
    data = read_folded(asked.folder, asked.frames)
    plan = Benchmark(data, Shelf(asked.out or asked.folder / "results"))
    before = len(plan.shelf.results)
    finished = True
    for stage in [name for name in STAGES if name in asked.stages]:
        todo = jobs(plan, stage, asked.networks)
        finished = run(todo, data, plan.shelf, machine, began + asked.seconds)
        if not finished:
            break
    trained = len(plan.shelf.results) - before
    print(f"{trained} trainings in {time.monotonic() - began:.0f} s")
    if not finished:
        print("time ran out; call again to go on")


if __name__ == "__main__":
    main()

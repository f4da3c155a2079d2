"""Jobs over several processes on one device, and their results in one file.

Python takes longer to capture a training step than the GPU to run it a few hundred times: while one
process captures, others keep the device busy.
"""

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.multiprocessing as mp

from research.engine import Job, Result
from research.side_by_side import run

# Chunks under way beside the one that each worker has: none is idle, little is lost at the end.
AHEAD = 3
# Seconds between two savings of the results.
SAVE_EVERY = 10.0
# Seconds of waiting for a result after which it is looked whether all workers live.
PATIENCE = 5.0


@dataclass(frozen=True)
class Machine:
    """How to use the device."""

    device: str
    workers: int  # processes
    at_once: int  # networks side by side in each
    fused: bool  # the product's GPU kernels for the recurrence


class Shelf:
    """Results by job name, kept as .npz files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.logits: dict[str, Any] = {}
        self.weights: dict[str, Any] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted(folder.glob("results*.npz")):
            with np.load(file) as stored:
                self.logits |= {name: stored[name].astype(np.float32) for name in stored.files}
        self._old = set(self.logits)

    def add(self, result: Result) -> None:
        """Keep a result."""
        self.logits[result.job.name] = result.logits
        if result.weights:
            for name, value in result.weights.items():
                self.weights[f"{result.job.name}/{name}"] = value

    def save(self, folder: Path, name: str) -> None:
        """Write what is new."""
        new = {k: v.astype(np.float16) for k, v in self.logits.items() if k not in self._old}
        np.savez_compressed(folder / f"results-{name}.npz", **new)
        if self.weights:
            np.savez(folder / f"weights-{name}.npz", **self.weights)


def run_flows(
    flows: Sequence[Callable[[], Sequence[Job] | None]],
    shelf: Shelf,
    frames_file: Path,
    machine: Machine,
    until: float,
    save: Callable[[], None],
) -> bool:
    """Run flows of jobs side by side, the first ones first.

    Args:
        flows: each called for its next jobs once all it gave before are on the shelf; None ends it.
            Neighbours among the jobs run side by side, so equal recipes should be neighbours.
        shelf: takes the results; what it holds already is not run again.
        frames_file: .npy of all frames.
        machine: how to use the device.
        until: of time.monotonic; nothing is started later.
        save: called now and then.

    Returns:
        Whether all flows came to their ends.
    """
    with _workers(frames_file, machine) as workers:
        desk = _Desk(flows, shelf, machine)
        saved = time.monotonic()
        while desk.open or desk.under_way:
            desk.ask_flows()
            if time.monotonic() >= until:
                desk.drop_waiting()
                if not desk.under_way:
                    break
            desk.hand_out(workers.tasks)
            if desk.under_way:
                desk.take(workers.result())
            if time.monotonic() - saved > SAVE_EVERY:
                save()
                saved = time.monotonic()
        save()
    return not desk.open


class _Desk:
    """Which chunks of which flow wait, and how many are under way."""

    def __init__(
        self, flows: Sequence[Callable[[], Sequence[Job] | None]], shelf: Shelf, machine: Machine
    ) -> None:
        self._flows = flows
        self._shelf = shelf
        self._machine = machine
        self._waiting: list[list[tuple[int, Sequence[Job]]]] = [[] for _ in flows]
        self._left = [0 for _ in flows]
        self.open = set(range(len(flows)))
        self.under_way = 0

    def ask_flows(self) -> None:
        """Ask each open flow that waits for nothing for its next jobs, until it has some."""
        for number in sorted(self.open):
            while number in self.open and not self._left[number]:
                jobs = self._flows[number]()
                if jobs is None:
                    self.open.discard(number)
                    continue
                missing = [job for job in jobs if job.name not in self._shelf.logits]
                size = self._machine.at_once
                chunks = [missing[at : at + size] for at in range(0, len(missing), size)]
                self._waiting[number] = [(number, chunk) for chunk in chunks]
                self._left[number] = len(chunks)

    def drop_waiting(self) -> None:
        """Start nothing more."""
        self._waiting = [[] for _ in self._flows]

    def hand_out(self, tasks: Any) -> None:
        """Give the workers what they can take, the first flow's first."""
        for line in self._waiting:
            while line and self.under_way < self._machine.workers + AHEAD:
                tasks.put(line.pop(0))
                self.under_way += 1

    def take(self, done: tuple[int, list[Result]] | None) -> None:
        """Put a finished chunk on the shelf; None where none has finished."""
        if done is None:
            return
        number, results = done
        self.under_way -= 1
        self._left[number] -= 1
        for result in results:
            self._shelf.add(result)


@dataclass(frozen=True)
class _Workers:
    processes: Sequence[Any]
    tasks: Any
    done: Any

    def result(self) -> tuple[int, list[Result]] | None:
        """The next finished chunk; None after a while without one."""
        try:
            found: tuple[int, list[Result]] = self.done.get(timeout=PATIENCE)
        except queue.Empty:
            if any(process.exitcode for process in self.processes):
                raise RuntimeError("a worker died; see what it printed") from None
            return None
        return found


@contextmanager
def _workers(frames_file: Path, machine: Machine) -> Iterator[_Workers]:
    """Started workers; they end with the block, at once where it raises."""
    context: Any = mp.get_context("spawn")
    tasks, done = context.Queue(), context.Queue()
    processes = [
        context.Process(target=_work, args=(tasks, done, frames_file, machine))
        for _ in range(machine.workers)
    ]
    for process in processes:
        process.start()
    try:
        yield _Workers(processes, tasks, done)
    except BaseException:
        for process in processes:
            process.terminate()
        raise
    for _ in processes:
        tasks.put(None)
    for process in processes:
        process.join()


def _work(tasks: Any, done: Any, frames_file: Path, machine: Machine) -> None:
    torch.set_num_threads(max(1, torch.get_num_threads() // machine.workers))
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    frames = torch.from_numpy(np.load(frames_file, mmap_mode="c")).to(machine.device)
    while True:
        task = tasks.get()
        if task is None:
            return
        number, jobs = task
        began = time.monotonic()
        results = list(run(jobs, frames, machine.at_once, machine.fused))
        for result in results:
            result.weights = {name: value.numpy() for name, value in result.weights.items()}
        done.put((number, results))
        print(
            f"{jobs[0].name} and {len(jobs) - 1} more: {time.monotonic() - began:.1f} s", flush=True
        )

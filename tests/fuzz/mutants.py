"""Truncations and flipped bits of the seeds, each reproducible from its number."""

import random
from collections.abc import Callable

from tests.fuzz.seeds import INDEX_MARKS, SEEDS

# Bytes taken for a file's header, and for its index from the mark on.
HEADER_BYTES = 256
INDEX_BYTES = 700

# Values that counters and sizes are overwritten with.
EXTREMES = (0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 100_000_000)


def _flip(content: bytearray, start: int, end: int, most: int, rng: random.Random) -> None:
    for _ in range(rng.randint(1, most)):
        content[rng.randrange(start, min(end, len(content)))] ^= 1 << rng.randrange(8)


def cut(content: bytearray, rng: random.Random) -> None:
    """End anywhere."""
    del content[rng.randrange(len(content)) :]


def cut_end(content: bytearray, rng: random.Random) -> None:
    """Lack a few bytes."""
    del content[-rng.randint(1, 64) :]


def flip_header(content: bytearray, rng: random.Random) -> None:
    """Bits of the first bytes."""
    _flip(content, 0, HEADER_BYTES, 8, rng)


def flip_index(content: bytearray, rng: random.Random) -> None:
    """Bits of the tables."""
    start = max(0, *(content.find(mark) for mark in INDEX_MARKS))
    _flip(content, start, start + INDEX_BYTES, 8, rng)


def flip_payload(content: bytearray, rng: random.Random) -> None:
    """Bits anywhere."""
    _flip(content, 0, len(content), 64, rng)


def zeros(content: bytearray, rng: random.Random) -> None:
    """A block that was never written."""
    start = rng.randrange(len(content))
    end = min(len(content), start + rng.randint(1, 512))
    content[start:end] = bytes(end - start)


def extremes(content: bytearray, rng: random.Random) -> None:
    """Absurd counts, sizes and offsets."""
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(min(len(content) - 4, 2000))
        order = rng.choice(("big", "little"))
        content[start : start + 4] = rng.choice(EXTREMES).to_bytes(4, order)


def move_block(content: bytearray, rng: random.Random) -> None:
    """A block that is missing, or there twice."""
    start = rng.randrange(len(content))
    block = content[start : start + rng.randint(1, 512)]
    if rng.random() < 0.5:
        del content[start : start + len(block)]
    else:
        content[start:start] = block


def cut_and_flip(content: bytearray, rng: random.Random) -> None:
    """Both at once."""
    del content[rng.randrange(HEADER_BYTES, len(content)) :]
    flip_index(content, rng)


Mutation = Callable[[bytearray, random.Random], None]
MUTATIONS: tuple[Mutation, ...] = (
    *(cut, cut_end, cut_and_flip, flip_header, flip_index, flip_payload),
    *(zeros, extremes, move_block),
)


def mutant(number: int, seeds: dict[str, bytes]) -> tuple[str, str, bytes]:
    """Kind, file name and bytes of a mutant; consecutive numbers go through all combinations."""
    name = list(SEEDS)[number % len(SEEDS)]
    mutation = MUTATIONS[number // len(SEEDS) % len(MUTATIONS)]
    content = bytearray(seeds[name])
    mutation(content, random.Random(number))
    return mutation.__name__, name, bytes(content)

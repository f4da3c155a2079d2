"""Fixtures of the desk's tests."""

import pytest
from argon2 import PasswordHasher

from aislewatch.desk import people


@pytest.fixture(autouse=True, scope="session")
def cheap_passwords() -> None:
    """Hash passwords at the least cost: dozens are made, and 64 MiB each would take minutes."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    people._HASHER, people._NOBODY = cheap, cheap.hash("nobody")

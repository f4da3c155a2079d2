"""What servers on this machine alone need in tests and benchmarks."""

import socket


def is_open(port: int) -> bool:
    """Say whether somebody listens on a loopback port."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Find a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

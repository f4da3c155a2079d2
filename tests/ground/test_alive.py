"""A process is told from a later one with its number, and from one that has ended."""

import os
import subprocess
import time

import psutil

from aislewatch.alive import still_runs


def test_a_process_runs_until_it_ends() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        started = psutil.Process(process.pid).create_time()
        assert still_runs(process.pid, started)
        assert still_runs(process.pid, time.time())
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert psutil.pid_exists(process.pid), "nobody has asked for its status"
        assert not still_runs(process.pid, started)
        process.wait()
        assert not still_runs(process.pid, started)


def test_a_later_process_with_its_number_is_another() -> None:
    assert still_runs(os.getpid(), psutil.Process().create_time() - 0.2)
    assert not still_runs(os.getpid(), psutil.Process().create_time() - 2)

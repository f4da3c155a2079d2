"""Follows live cameras: frames from each, clips of all scored together, alerts as they happen."""

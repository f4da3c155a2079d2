"""Checks whether every byte that is kept is the one that was written, and how to get it back."""

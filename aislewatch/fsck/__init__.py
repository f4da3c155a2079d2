"""Whether every byte that is kept is still the one that was written, and how to get it back."""

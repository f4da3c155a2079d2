"""Footage that somebody broke, or built to do harm; ``fuzz_footage`` runs it through ingest."""

"""Stage ingest: raw footage to frames, catalog, fingerprints, times and quarantine table."""

from aislewatch.ingest.stage import work
from stages.runner import run_stage


def main() -> None:
    """Run the stage."""
    run_stage("ingest", work)


if __name__ == "__main__":
    main()

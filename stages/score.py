"""Stage score MODEL: one network's scores of validation and test, made once for all readers."""

import argparse
from functools import partial

from aislewatch.models.rows import BY_NAME
from aislewatch.score.stage import work
from stages.runner import run_stage


def main() -> None:
    """Run the stage for the network named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=BY_NAME)
    name: str = parser.parse_args().model
    run_stage(f"score@{name}", partial(work, name))


if __name__ == "__main__":
    main()

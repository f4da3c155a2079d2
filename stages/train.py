"""Stage train MODEL: one network of Table 2; writes its weights, metrics and learning curve."""

import argparse
import os
from functools import partial

from aislewatch.config.params import load_params
from aislewatch.exits import plain_errors
from aislewatch.models.rows import BY_NAME
from aislewatch.train.stage import learn, profile, work
from stages.runner import run_stage


def main() -> None:
    """Run the stage for the network named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=BY_NAME)
    parser.add_argument(
        "--profile", action="store_true", help="trace a few steps and stop; writes no output"
    )
    arguments = parser.parse_args()
    name: str = arguments.model
    address = f"train@{name}"
    if arguments.profile:
        with plain_errors(address):
            profile(name, load_params())
    elif os.environ.get("RANK", "0") != "0":
        # A process of torchrun's beside the first, which alone keeps the journal and writes.
        with plain_errors(address):
            learn(name, load_params(), lambda row: None)
    else:
        run_stage(address, partial(work, name))


if __name__ == "__main__":
    main()

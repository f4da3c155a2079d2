"""Stage tune: find the settings of training on the ConvLSTM; data/best.json and its pictures.

It runs before train, although the project's card lists it after, because train uses its result.
"""

from aislewatch.tune.stage import work
from stages.runner import run_stage


def main() -> None:
    """Run the stage."""
    run_stage("tune", work)


if __name__ == "__main__":
    main()

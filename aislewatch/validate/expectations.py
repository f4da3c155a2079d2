"""Evaluates the rules with Great Expectations.

Great Expectations takes 4 s of a core to import, so it is imported when a suite runs.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from aislewatch.labels.problems import Problem
from aislewatch.tables import places
from aislewatch.validate.rules import Rule, Suite


def check(suites: Sequence[Suite]) -> dict[str, list[Problem]]:
    """Run every suite and return, by its name, a problem for each failing row.

    A rule that cannot be evaluated (a column is missing) is a failure, as is an empty table.
    """
    # Read while the module is imported: no usage statistics leave this machine.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    # At INFO it reports its own bookkeeping, forty lines a run.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    # In memory, fresh every time (a kept one refuses a second table of the same name), and without
    # the library's own site: building it took half of the time; problems_page has its facts.
    settings = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=settings)
    return {suite.name: _run(context, suite) for suite in suites}


def _run(context: Any, suite: Suite) -> list[Problem]:
    import great_expectations as gx
    import great_expectations.expectations as gxe

    rules = {rule.name: rule for rule in suite.rules}
    expectations = [
        getattr(gxe, rule.expectation)(**rule.arguments, meta={"rule": rule.name})
        for rule in suite.rules
    ]
    asset = context.data_sources.add_pandas(suite.name).add_dataframe_asset(suite.name)
    whole = asset.add_batch_definition_whole_dataframe("all rows")
    outcome = whole.get_batch({"dataframe": suite.table}).validate(
        gx.ExpectationSuite(name=suite.name, expectations=expectations),
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": list(suite.place),
        },
    )
    return [
        problem
        for result in outcome.results
        if not result.success
        for problem in _explain(suite, rules[result.expectation_config.meta["rule"]], result)
    ]


def _explain(suite: Suite, rule: Rule, result: Any) -> list[Problem]:
    """Describe one problem a failing row, or one for the table if no row is to blame."""
    rows = result.result.get("unexpected_index_list") or []
    if rows:
        return [_blame(row, rule, suite.place) for row in rows]
    seen = result.result.get("observed_value")
    if seen is None:
        fault = f"the table could not be checked: {rule.must}"
    else:
        fault = f"the table {rule.must} and has {seen}"
    return [Problem(suite.file, None, "", "error", rule.name, fault, rule.remedy)]


def _blame(seen: Mapping[str, Any], rule: Rule, place: Sequence[str]) -> Problem:
    values = ", ".join(f"{name} is {seen[name]}" for name in sorted(set(seen) - set(place)))
    fault = f"{values or 'the row is refused'}; {rule.must}"
    video = str(seen["video"])
    row = seen.get("row")
    file = seen.get("file", f"{places.RAW}/{video}")
    line = None if row is None or pd.isna(row) else int(row)
    return Problem(file, line, video, "error", rule.name, fault, rule.remedy)

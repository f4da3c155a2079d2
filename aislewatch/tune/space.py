"""What a trial tries: the ranges of params.yaml, and the training that they make."""

from optuna.trial import BaseTrial

from aislewatch.config.learning import Search
from aislewatch.config.params import Params
from aislewatch.models.build import model_config
from aislewatch.models.sizes import network_of
from aislewatch.train.loop import Recipe
from aislewatch.train.tuned import Tuned


def suggest(trial: BaseTrial, search: Search) -> Tuned:
    """Choose the settings of a trial; of a finished one, return those that it had."""

    def log_uniform(name: str, bounds: list[float]) -> float:
        return trial.suggest_float(name, *bounds, log=True)

    def uniform(name: str, bounds: list[float] | None) -> float | None:
        return None if bounds is None else trial.suggest_float(name, *bounds)

    # In this order since the first study: the sampler draws in the order of the questions.
    lr = log_uniform("lr", search.lr)
    beta1 = 1 - log_uniform("one_minus_beta1", search.one_minus_beta1)
    beta2 = 1 - log_uniform("one_minus_beta2", search.one_minus_beta2)
    eps = log_uniform("eps", search.eps)
    decay, sizes = search.weight_decay, search.batch_size
    return Tuned(
        *(lr, beta1, beta2, eps),
        weight_decay=None if decay is None else log_uniform("weight_decay", decay),
        batch_size=None if sizes is None else trial.suggest_categorical("batch_size", sizes),
        dropout=uniform("dropout", search.dropout),
        focal_gamma=uniform("focal_gamma", search.focal_gamma),
    )


def trial_recipe(tuned: Tuned, params: Params) -> Recipe:
    """Return the training that tries ``tuned``: the ConvLSTM, ``tune.epochs``, no early stop."""
    tune = params.tune
    return Recipe(
        model_config("convlstm", tuned.network(network_of(params.model)), params),
        tuned.learning(params.learning),
        tuned.adam(),
        *(tune.epochs, tune.epochs, params.seed),
        precision=params.learning.precision,
        judged_by=params.learning.focal_gamma,
    )

"""The Optuna study that looks for the settings of training: alone, or by many workers at once."""

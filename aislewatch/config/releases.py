"""Lists what became of the keys of older releases' params.yaml; a rename adds its line here."""

# Old key, of 0.1.0 where nothing else is said: the key that has its value now.
RENAMED = {
    "alerts.threshold": "alerts.fallback_threshold",
    "compute.device": "machine.device",
    "compute.precision": "learning.precision",
    "compute.threads": "machine.threads",
    "ingest.workers": "machine.ingest_workers",
    "register.first_auc": "gate.first_auc",
    "register.margin": "gate.margin_auc",  # before 0.1.0
    "register.margin_alarms": "gate.margin_alarms",
    "register.margin_auc": "gate.margin_auc",
    "register.margin_recall": "gate.margin_recall",
    "register.min_hours": "gate.min_hours",
    "gate.min_videos": "gate.min_groups",
    "register.min_videos": "gate.min_groups",
    "train.seed": "seed",
    "tune.batch_size": "search.batch_size",
    "tune.dropout": "search.dropout",
    "tune.eps": "search.eps",
    "tune.focal_gamma": "search.focal_gamma",
    "tune.lr": "search.lr",
    "tune.one_minus_beta1": "search.one_minus_beta1",
    "tune.one_minus_beta2": "search.one_minus_beta2",
    "tune.seed": "seed",
    "tune.weight_decay": "search.weight_decay",
    "tune.workers": "machine.tune_workers",
}

# Old key: why nothing has taken its place.
GONE = {
    "evaluate.seed": "resampling always draws the same, so that no verdict depends on a seed",
    "segment.allow_short_clips": "it was for tests alone",
    "split.seed": "the split is solved, nothing in it is drawn",
}

# Keys that had no older name: what to write.
NEW = {
    "evaluate.alarm_s": "seconds of alert that count as one false alarm, as 30.0",
    "evaluate.grace_s": "seconds after an event in which an alert still finds it, as 5.0",
    "evaluate.max_alert_share": "share of normal footage an alert may lie over, as 0.1",
    "learning.average": "decay of averaged weights, as 0.98; 0.0: none, as before",
    "learning.epoch_clips": "most clips that an epoch shows; null: all, as before",
    "learning.mixup": "how strongly clips are mixed, as 0.4; 0.0: not at all, as before",
    "learning.schedule": "cosine or constant, as before",
    "learning.speed": "share by which clips are played faster or slower, as 0.2; 0.0: as before",
    "learning.warmup": "share of the steps over which the rate rises, as 0.05; 0.0: as before",
    "machine.cluster": "address of a Dask scheduler that decodes; null: this machine, as before",
    "model.mirrors": "true: score each clip and its mirror image; false: as before",
    "model.norm": "batch, group or none, as before",
    "model.size": "demo, small_gpu or reference; numbers of yours beside it go before the size's",
    "register.ask_days": "days after which a version that nobody approved is declined, as 7.0",
    "register.promotion": "auto: the gate alone decides, as before; ask: people decide",
}

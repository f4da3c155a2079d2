"""Keras' ConvLSTM2D on JAX: the reference network's training and inference, timed.

Run by speed.py in a process of its own, because JAX keeps the memory it once took.

python benchmarks/train/keras_rival.py BATCH STEPS         prints one line of JSON
"""

import json
import os
import statistics
import sys
import time

os.environ["KERAS_BACKEND"] = "jax"
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"

import jax
import keras
import numpy as np
from keras import layers

T, SIZE = 16, 128
ENCODER, HIDDEN = (32, 64, 128), 64


def network() -> keras.Model:
    """Encoder 32-64-128, a 64-channel ConvLSTM, 3-D maximum pooling, dense."""
    x = inputs = keras.Input((T, SIZE, SIZE, 3))
    for channels in ENCODER:
        x = layers.TimeDistributed(layers.Conv2D(channels, 3, padding="same"))(x)
        x = layers.TimeDistributed(layers.MaxPooling2D(2))(x)
        x = layers.ReLU()(x)
    x = layers.ConvLSTM2D(HIDDEN, 3, padding="same", return_sequences=True)(x)
    x = layers.MaxPooling3D((T, 2, 2))(x)
    x = layers.Dense(1, activation="sigmoid", dtype="float32")(layers.Flatten()(x))
    return keras.Model(inputs, x)


def clips_per_second(batch: int, steps: int, policy: str) -> dict[str, float]:
    """Median over single steps, each waited for by reading its result."""
    keras.mixed_precision.set_global_policy(policy)
    model = network()
    model.compile(optimizer=keras.optimizers.Adam(3e-4, epsilon=1e-7), loss="binary_crossentropy")
    random = np.random.default_rng(0)
    x = jax.device_put(random.standard_normal((batch, T, SIZE, SIZE, 3), dtype=np.float32))
    y = jax.device_put(random.integers(0, 2, (batch, 1)).astype(np.float32))
    forward = jax.jit(lambda state, x: model.stateless_call(*state, x, training=False)[0])

    def infer() -> None:
        # Asked for each time: a step of training gives the memory of the old ones away.
        kinds = (model.trainable_variables, model.non_trainable_variables)
        state = [[variable.value for variable in variables] for variables in kinds]
        forward(state, x).block_until_ready()

    found = {}
    actions = {"training": lambda: float(model.train_on_batch(x, y)), "inference": infer}
    for name, action in actions.items():
        for _ in range(3):
            action()
        times = []
        for _ in range(steps):
            began = time.perf_counter()
            action()
            times.append(time.perf_counter() - began)
        found[name] = batch / statistics.median(times)
    return found


def main() -> None:
    """Time both precisions."""
    batch, steps = int(sys.argv[1]), int(sys.argv[2])
    policies = {"float32": "float32", "bf16": "mixed_bfloat16"}
    print(json.dumps({name: clips_per_second(batch, steps, p) for name, p in policies.items()}))


if __name__ == "__main__":
    main()

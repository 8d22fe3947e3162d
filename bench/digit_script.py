"""The classic recipe as the plain Keras script that a lecture teaches: the baseline. Prints one JSON line an epoch.

python -m bench.digit_script mnist.npz
"""

import json
import sys
import time

BEGUN = time.monotonic()

import keras  # noqa: E402  the clock runs before the import
import numpy as np  # noqa: E402


def main(path: str) -> None:
    """Train ten epochs and test after each; the time of testing is not counted."""
    with np.load(path) as file:
        x_train, y_train, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    x_train = x_train.reshape(-1, 28, 28, 1).astype("float32") / 255
    x_test = x_test.reshape(-1, 28, 28, 1).astype("float32") / 255
    y_train, y_test = keras.utils.to_categorical(y_train, 10), keras.utils.to_categorical(y_test, 10)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, (3, 3), activation="relu"),
            keras.layers.MaxPooling2D((2, 2)),
            keras.layers.Conv2D(64, (3, 3), activation="relu"),
            keras.layers.MaxPooling2D((2, 2)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        x_train,
        y_train,
        epochs=10,
        batch_size=32,
        validation_split=0.2,
        verbose=0,
        callbacks=[_Tester(x_test, y_test)],
    )


class _Tester(keras.callbacks.Callback):  # type: ignore[misc]
    """Tests after each epoch, on a clock that stands still meanwhile."""

    def __init__(self, inputs: np.ndarray, targets: np.ndarray) -> None:
        super().__init__()
        self._test = inputs, targets.argmax(axis=1)
        self._paused = 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Keras calls this after the epoch's validation."""
        paused = time.monotonic()
        seconds = paused - BEGUN - self._paused
        guesses = np.asarray(self.model(self._test[0], training=False)).argmax(axis=1)
        accuracy = float((guesses == self._test[1]).mean())
        print(json.dumps({"epoch": epoch + 1, "seconds": seconds, "accuracy": accuracy}), flush=True)
        self._paused += time.monotonic() - paused


if __name__ == "__main__":
    main(sys.argv[1])

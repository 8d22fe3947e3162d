"""VGG16 by transfer on CIFAR-10 as the plain Keras script that a lecture teaches: the baseline. Prints one JSON line.

python -m bench.cifar_script cifar10.npz vgg16_notop.h5 [head and fine-tuning epochs]
"""

import json
import sys
import time

BEGUN = time.monotonic()

import keras  # noqa: E402  the clock runs before the import
import numpy as np  # noqa: E402


def main(data: str, weights: str, epochs: int = 5) -> None:
    """Train the head, then the last block too, and test."""
    with np.load(data) as file:
        x_train, y_train, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    x_train, x_test = x_train.astype("float32") / 255, x_test.astype("float32") / 255
    y_train, y_test = keras.utils.to_categorical(y_train, 10), keras.utils.to_categorical(y_test, 10)
    base = keras.applications.VGG16(weights=weights, include_top=False, input_shape=(32, 32, 3))
    base.trainable = False
    model = keras.Sequential(
        [
            base,
            keras.layers.Flatten(),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=epochs, batch_size=32, validation_data=(x_test, y_test), verbose=0)
    base.trainable = True
    for layer in base.layers[:-4]:
        layer.trainable = False
    optimizer = keras.optimizers.Adam(learning_rate=1e-5)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=epochs, batch_size=64, validation_data=(x_test, y_test), verbose=0)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(json.dumps({"seconds": time.monotonic() - BEGUN, "accuracy": accuracy}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(word) for word in sys.argv[3:]))

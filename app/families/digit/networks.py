"""The two networks for digits, and how each is fitted."""

import keras
from keras import layers

from app.families.contract import Network

INPUT = "image"
OUTPUT = "probabilities"


def classic() -> Network:
    """Two convolutions of 32 and 64 filters, each pooled, and 128 dense units: the textbooks' network.

    Its recipe is theirs too: Adam as it comes, 10 epochs in batches of 32, the last fifth held out for validation.
    Labels are indices instead of one-hot rows, which gives the same cross-entropy.
    """
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name=INPUT),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax", name=OUTPUT),
        ]
    )


def compact() -> Network:
    """71,210 weights, 1.5 million multiplications: strides instead of pools, batch normalisation on the small maps.

    A pool's gradient and batch normalisation of the first, largest map cost a CPU more than they bring.
    """
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name=INPUT),
            layers.Conv2D(16, 5, strides=2, activation="relu"),
            *_block(32, strides=2),
            *_block(64),
            *_block(64, padding="valid"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax", name=OUTPUT),
        ]
    )


def _block(filters: int, strides: int = 1, padding: str = "same") -> list[layers.Layer]:
    convolution = layers.Conv2D(
        filters, 3, strides=strides, padding=padding, use_bias=False, kernel_initializer="he_normal"
    )
    return [convolution, layers.BatchNormalization(momentum=0.9), layers.ReLU()]

"""Which layers of a network its features are taken from, and that to take them changes nothing."""

import numpy as np
import pytest

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # TensorFlow's variables
]


def network(name: str):
    from app.families.cifar import networks as photographs  # noqa: PLC0415  heavy
    from app.families.digit import networks as digits  # noqa: PLC0415

    few = np.random.default_rng(0).random((9, 32, 32, 3), np.float32)
    made = {
        "digit compact": digits.compact,
        "digit classic": digits.classic,
        "cifar compact": lambda: photographs.compact(few, 10, "float32"),
        "vgg16": lambda: photographs.transfer("vgg16", None, "imagenet", 10, "float32"),
    }
    return made[name]()


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("digit compact", [12, 6, 4]),
        ("digit classic", [26, 11]),
        ("cifar compact", [31, 15, 7, 3]),
        ("vgg16", [32, 16, 8, 4]),
    ],
)
def test_the_features_are_of_the_last_layer_at_each_size_that_ends_with_an_activation(name: str, sizes: list[int]):
    from app.families.features import features_of  # noqa: PLC0415

    one = network(name)
    features = features_of(one)
    assert features is not None
    outputs = [one.get_layer(layer).output for layer in features.layers]
    assert [output.shape[1] for output in outputs] == sizes
    assert features.shape == (-1, sum(output.shape[-1] for output in outputs))


def test_a_network_with_features_gives_the_same_probabilities_and_features_of_which_none_is_negative():
    from app.families.features import features_of, with_features  # noqa: PLC0415

    one = network("digit compact")
    pictures = np.random.default_rng(0).random((4, 28, 28, 1), np.float32)
    found = features_of(one)
    assert found is not None
    probabilities, features = with_features(one, found).predict(pictures, verbose=0)
    np.testing.assert_allclose(probabilities, one.predict(pictures, verbose=0), atol=1e-6)
    assert features.shape == (4, found.shape[1])
    assert features.min() >= 0


def test_a_network_without_maps_has_no_features():
    import keras  # noqa: PLC0415

    from app.families.features import features_of, with_features  # noqa: PLC0415

    one = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    assert features_of(one) is None
    assert with_features(one, None) is one

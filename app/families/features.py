"""The features of a network of pictures: the mean activations of the last layer at each size of its maps.

Only layers that end with an activation count, or add what does: of what may be negative the logarithm says nothing.
"""

import keras

from app.families.contract import Features, Network

NAME = "features"
MOST = 1024  # numbers; deeper layers, which would bring more, are left out


def features_of(network: Network) -> Features | None:
    """The features that a network has; None if no layer of it gives maps."""
    last: dict[tuple[int, ...], keras.layers.Layer] = {}
    for layer in network.layers:
        shape = layer.output.shape
        if len(shape) == 4 and _is_activation(layer):
            last[tuple(shape[1:3])] = layer
    names: list[str] = []
    total = 0
    for layer in last.values():
        if total + layer.output.shape[-1] > MOST:
            break
        total += layer.output.shape[-1]
        names.append(layer.name)
    return Features(NAME, "float32", (-1, total), tuple(names)) if names else None


def _is_activation(layer: keras.layers.Layer) -> bool:
    activation = getattr(layer, "activation", None)
    is_linear = activation in (None, keras.activations.linear)
    return not is_linear or isinstance(layer, keras.layers.ReLU | keras.layers.Add)


def with_features(network: Network, features: Features | None) -> Network:
    """The network with the features as a second output, sharing all weights; itself where there are none."""
    if features is None:
        return network
    pool = keras.layers.GlobalAveragePooling2D
    means = [pool(dtype="float32")(network.get_layer(name).output) for name in features.layers]
    joined = (
        keras.layers.Concatenate(name=NAME)(means) if len(means) > 1 else keras.layers.Identity(name=NAME)(means[0])
    )
    return keras.Model(network.inputs, [*network.outputs, joined])

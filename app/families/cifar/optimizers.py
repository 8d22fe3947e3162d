"""How the networks for photographs are fitted: optimizers, schedules and losses."""

from typing import Any

import keras
import tensorflow as tf

from app.families.contract import Network
from app.families.recipes import one_cycle

SMOOTHING = 0.1  # share of the truth that is spread over all labels
MOMENTUM = 0.9
MOMENTUM_DECAY = 5e-3  # of the weights in a step, in shares of the learning rate
ADAM_DECAY = 1e-2
WARM_UP = 0.2  # fraction of the steps in which the learning rate rises
FIRST_RATE, LAST_RATE = 0.2, 0.0  # fractions of the peak learning rate
UNDECAYED = ["bias", "beta", "gamma"]


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Keras's Adam, each variable updated by TensorFlow's one operation for it instead of a dozen.

    The formula is the same; on 7 million weights it takes a fifth off a step.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Keras calls this for every variable."""
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations, variable.dtype) + 1.0
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].handle,
            v=self._velocities[index].handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, variable.dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, variable.dtype), step),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


def adam(network: Network, rate: float) -> None:
    """The textbooks' way. Labels are indices instead of one-hot rows, which gives the same cross-entropy."""
    _compile(network, FusedAdam(rate), "sparse_categorical_crossentropy")


def adam_cycle(network: Network, highest: float, steps: int) -> None:
    """AdamW over one cycle, with smoothed labels."""
    optimizer = keras.optimizers.AdamW(_learning_rate(highest, steps), weight_decay=ADAM_DECAY)
    optimizer.exclude_from_weight_decay(var_names=UNDECAYED)
    _compile(network, optimizer, smoothed_crossentropy)


def momentum_cycle(network: Network, highest: float, steps: int) -> None:
    """Gradient descent with Nesterov's momentum over one cycle, with smoothed labels."""
    optimizer = keras.optimizers.SGD(
        _learning_rate(highest, steps), momentum=MOMENTUM, nesterov=True, weight_decay=MOMENTUM_DECAY
    )
    optimizer.exclude_from_weight_decay(var_names=UNDECAYED)
    _compile(network, optimizer, smoothed_crossentropy)


def _learning_rate(peak: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    return one_cycle(peak, steps, warm_up=WARM_UP, first=FIRST_RATE, last=LAST_RATE)


def smoothed_crossentropy(targets: Any, probabilities: Any) -> Any:
    """Cross-entropy (n,) of probabilities (n, labels) with targets (n,) of which a share is spread over all labels."""
    wanted = tf.one_hot(tf.cast(tf.reshape(targets, [-1]), tf.int32), probabilities.shape[-1])
    return keras.losses.categorical_crossentropy(wanted, probabilities, label_smoothing=SMOOTHING)


def _compile(network: Network, optimizer: Any, loss: Any) -> None:
    # XLA on a CPU runs these convolutions on one core.
    network.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], jit_compile=False)

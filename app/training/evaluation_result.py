"""What a trained network is worth, whatever its task: its files checked, its figures, and pictures to look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.families.contract import Network
from app.store.version import Better, Calibration, FeaturesCard


@dataclass(frozen=True)
class EvaluationResult:
    """The part of a card that depends on the task. `network` is what serves; `differences` are the largest of each
    exported format from it.
    """

    network: Network
    metrics: Mapping[str, float]
    primary_metric: str
    better: Better
    differences: Mapping[str, float]
    calibration: Calibration | None = None
    labels: tuple[str, ...] = field(default=())
    features: FeaturesCard | None = None

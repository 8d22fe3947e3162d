"""Digits, served: a picture becomes the 28 x 28 that the network knows."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.families.classification import Floats, PictureClassifier
from app.families.contract import Crop
from app.families.digit.normalise import normalise
from app.families.imaging import png, to_grey


class DigitServable(PictureClassifier):
    """Classifies a handwritten digit in a picture of any size."""

    def decode(self, picture: Image.Image, crop: Crop) -> Floats:  # noqa: ARG002  the ink is found wherever it is
        """(28, 28, 1) float32 in 0..1, ink bright; raises InvalidRequest when the picture is empty."""
        return normalise(to_grey(picture))[..., np.newaxis]

    def preview(self, instance: NDArray[np.float32]) -> bytes:
        """The 28 x 28 that the network saw, as PNG."""
        return png((instance[..., 0] * 255).round().astype(np.uint8))

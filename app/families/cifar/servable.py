"""Photographs, served: a picture of any size becomes the 32 x 32 that the network knows."""

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.families.classification import Floats, PictureClassifier
from app.families.contract import Crop
from app.families.imaging import png, to_rgb

SIDE = 32


class CifarServable(PictureClassifier):
    """Says which of ten things a photograph shows."""

    min_decode_size = 4 * SIDE

    def decode(self, picture: Image.Image, crop: Crop) -> Floats:
        """(32, 32, 3) float32 RGB in 0..1; every pixel of the part looked at has its share in the result."""
        pixels = to_rgb(picture)
        if crop == "centre":
            pixels = _centre(pixels)
        return resized(pixels).astype(np.float32) / np.float32(255)

    def preview(self, instance: NDArray[np.float32]) -> bytes:
        """The 32 x 32 that the network saw, as PNG."""
        return png((instance * 255).round().astype(np.uint8))


def _centre(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest square in the middle."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


def resized(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(32, 32, 3): reduced by area, which antialiases, or enlarged smoothly."""
    if pixels.shape[:2] == (SIDE, SIDE):
        return pixels
    shrinks = max(pixels.shape[:2]) > SIDE
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(pixels), (SIDE, SIDE), interpolation=method), np.uint8)

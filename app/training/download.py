"""Downloads of data files, by Keras into its own cache."""

from pathlib import Path

import keras

from app.families.contract import DataFile


def download(file: DataFile) -> Path:
    """Fetch a file, check its digest and return where it lies; raises whatever Keras raises."""
    return Path(keras.utils.get_file(file.name, file.origin, cache_subdir=file.folder, file_hash=file.digest))

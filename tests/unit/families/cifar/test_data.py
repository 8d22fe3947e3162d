"""CIFAR-10 in the forms people have it in, and the sample that is drawn."""

import io
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from app.errors import MissingData
from app.families.cifar.data import BATCHES, CIFAR10_LABELS, draw_sample, read_cifar10
from app.families.cifar.files import check_weights

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
LABELS = RNG.integers(0, 10, 12)


def write_arrays(path: Path, pictures=PICTURES, labels=LABELS) -> Path:
    np.savez(path, x_train=pictures[:10], y_train=labels[:10, None], x_test=pictures[10:], y_test=labels[10:, None])
    return path


def write_batches(path: Path, contents: list[bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in zip(BATCHES, contents, strict=True):
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def batch(pictures, labels) -> bytes:
    rows = pictures.transpose(0, 3, 1, 2).reshape(len(pictures), -1)
    return pickle.dumps({b"data": rows, b"labels": labels.tolist()}, protocol=2)


def test_both_forms_give_the_same_pictures(tmp_path: Path):
    contents = [batch(PICTURES[at : at + 2], LABELS[at : at + 2]) for at in range(0, 12, 2)]
    for path in (write_arrays(tmp_path / "cifar10.npz"), write_batches(tmp_path / "cifar.tar.gz", contents)):
        found = read_cifar10(path)
        assert np.array_equal(found.train, PICTURES[:10])
        assert np.array_equal(found.test, PICTURES[10:])
        assert found.train_labels.tolist() == LABELS[:10].tolist()
        assert found.test_labels.shape == (2,)
        assert found.names == CIFAR10_LABELS


class Attack:
    """What unpickling must never do: call a function of the file's choice."""

    def __reduce__(self):
        return os.mkdir, ("attacked",)


def test_a_data_file_cannot_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = write_batches(tmp_path / "cifar.tar.gz", [pickle.dumps({b"data": Attack()}, protocol=2)] * len(BATCHES))
    with pytest.raises(MissingData, match="no place in a data file"):
        read_cifar10(path)
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b"not a tar file"),
        lambda path: write_batches(path, [b"\x80\x02."] * len(BATCHES)),
        lambda path: tarfile.open(path, "w:gz").close(),
    ],
    ids=["no archive", "no pickles", "empty archive"],
)
def test_another_file_is_refused_with_its_name(tmp_path: Path, write):
    path = tmp_path / "cifar-10-python.tar.gz"
    write(path)
    with pytest.raises(MissingData, match=r"cifar-10-python\.tar\.gz is not CIFAR-10"):
        read_cifar10(path)


def test_pictures_of_another_shape_are_refused(tmp_path: Path):
    with pytest.raises(MissingData, match=r"expected \(n, 32, 32, 3\)"):
        read_cifar10(write_arrays(tmp_path / "cifar10.npz", PICTURES[:, :28]))


def test_the_sample_is_always_the_same_and_has_ten_labels():
    one, other = draw_sample(), draw_sample()
    assert np.array_equal(one.train, other.train)
    assert set(one.test_labels.tolist()) == set(range(10))
    assert len(one.names) == 10


@pytest.mark.train
def test_weights_that_do_not_fit_are_refused_with_the_reason(tmp_path: Path):
    import h5py  # noqa: PLC0415  the train extra's

    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("block1_conv1/block1_conv1/kernel", data=np.zeros((3, 3, 3, 64), np.float32))
    with pytest.raises(MissingData, match="does not fit vgg16: it holds 1,728 weights"):
        check_weights(path, "vgg16")
    path.write_bytes(b"something else")
    with pytest.raises(MissingData, match="not a weights file"):
        check_weights(path, "resnet50")

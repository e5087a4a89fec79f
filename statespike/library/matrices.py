"""Ternary matrices from the files of numpy and of PyTorch."""

from pathlib import Path

from quantize.errors import StatespikeError, look_up
from quantize.mixing.weights import TernaryWeights, read_weights, weights_of
from statespike.models.importers.tensors import read_tensors


def matrix_of(path: Path, tensor: str | None = None, *, transpose: bool = False) -> TernaryWeights:
    """The matrix of a .npy file, or of a file of tensors.

    Parameters
    ----------
    path : Path
        `.npy`; anything else is read as `.pt` or `.safetensors`.
    tensor : str, optional
        Its name among the tensors; not needed where one alone is a matrix.
    transpose : bool
        A row for each output, as linear layers of PyTorch have.

    Raises
    ------
    StatespikeError
        If there is no such matrix, or it is not ternary.
    OSError
        If the file cannot be read.
    """
    if path.suffix == ".npy":
        if tensor is not None:
            raise StatespikeError(f"{path} holds one matrix without a name; leave out --tensor {tensor}")
        return read_weights(path, transpose=transpose)
    matrices = {name: array for name, array in read_tensors(path).items() if array.ndim == 2}
    if not matrices:
        raise StatespikeError(f"{path} holds no matrix: none of its tensors has two axes")
    if tensor is None and len(matrices) > 1:
        raise StatespikeError(
            f"{path} holds {len(matrices)} matrices; choose one with --tensor: {', '.join(matrices)}"
        )
    chosen = next(iter(matrices)) if tensor is None else tensor
    return weights_of(look_up(matrices, chosen, "matrix"), f"{path}, tensor {chosen}", transpose=transpose)

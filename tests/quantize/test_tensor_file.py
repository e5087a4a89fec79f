"""Files of tensors are the same for the same values, to the byte."""

import os
import subprocess
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load

from quantize.tensor_file import safetensors_bytes

TENSORS = {"wörd": np.arange(6, dtype=np.int16).reshape(2, 3).T, "a": np.ones(3, np.float32)}
METADATA = {f"key {place}": f'"vålue" {place}' for place in range(9)}


def test_the_library_reads_what_was_written(tmp_path):
    content = safetensors_bytes(TENSORS, METADATA)
    found = load(content)
    assert {name: tensor.tolist() for name, tensor in found.items()} == {
        name: tensor.tolist() for name, tensor in TENSORS.items()
    }
    (tmp_path / "file").write_bytes(content)
    with safe_open(tmp_path / "file", framework="numpy") as file:
        assert file.metadata() == METADATA


def test_another_run_writes_the_same_bytes():
    program = (
        "import sys; from quantize.tensor_file import safetensors_bytes; import numpy as np;"
        "sys.stdout.buffer.write(safetensors_bytes({'b': np.arange(3), 'a': np.ones(2)},"
        "{f'key {place}': 'value' for place in range(9)}))"
    )
    wanted = {f"key {place}": "value" for place in reversed(range(9))}
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert run.stdout == safetensors_bytes({"a": np.ones(2), "b": np.arange(3)}, wanted)

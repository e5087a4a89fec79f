"""What tells one quantised network from another."""

import json
from hashlib import sha256

import numpy as np

from quantize.network import QuantizedNetwork


def network_digest(network: QuantizedNetwork) -> str:
    """SHA-256 of all that a network computes with: every layer's description and tensors, not its provenance.

    Equal for a network and its copy from a file, whatever the file is called.
    """
    digest = sha256()
    for name, layer in network.layers():
        description, tensors = layer.describe()
        digest.update(json.dumps([name, description], sort_keys=True).encode())
        for key in sorted(tensors):
            values = np.ascontiguousarray(tensors[key])
            digest.update(json.dumps([key, values.dtype.str, values.shape]).encode())
            digest.update(values.tobytes())
    return digest.hexdigest()

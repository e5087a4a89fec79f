"""The contestants compute what they are compared for."""

import pytest
import torch

from benchmarks.training import PublicStateSpace, Size, contests, convolution, recurrence, training_step

SIZE = Size(channels=5, modes=3, layers=2, steps=20, batch=4)


@pytest.mark.parametrize("model", ["gsu", "binary_s4d", "spiking_ssm"])
def test_recurrence_is_the_same_network(model):
    ours, theirs = (build(SIZE, model).eval() for build in (convolution, recurrence))
    names = {name.replace(".block.", "."): name for name in theirs.state_dict()}
    theirs.load_state_dict({names[name]: tensor for name, tensor in ours.state_dict().items()})
    x = torch.rand(4, 20, 1)
    torch.testing.assert_close(theirs(x), ours(x), rtol=1e-3, atol=1e-4)


def test_public_form_has_the_same_kernel():
    ours = convolution(SIZE, "s4d").layers[0].ssm
    theirs = PublicStateSpace(5, 3)
    theirs.load_state_dict({
        "log_step": ours.log_dt, "log_decay": ours.log_A_real, "frequency": ours.A_imag, "readout": ours.C,
        "skip": ours.D, "mix.weight": theirs.mix.weight, "mix.bias": theirs.mix.bias,
    })  # fmt: skip
    torch.testing.assert_close(theirs.kernel(20), ours.kernel(20), rtol=1e-4, atol=1e-5)


def test_every_contestant_trains():
    for _, _, *networks in contests(SIZE):
        for network in networks:
            before = [parameter.detach().clone() for parameter in network.parameters()]
            assert training_step(network, SIZE)() > 0
            moved = [(new != old).any() for new, old in zip(network.parameters(), before, strict=True)]
            assert all(moved)

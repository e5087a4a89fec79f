"""Ports by name and kind: what Verilog takes, what the manifest says, and what other people's tools drive."""

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from hdl.emit.interface import INTERFACES, Axis, Plain, interface_of
from hdl.network.folding import Folding, LayerFolding
from hdl.ssm.component import ArrayFolding
from hdl.toolchain.verilog import convert_to_verilog
from quantize.errors import StatespikeError
from tests.networks import random_network

ROOT = Path(__file__).parents[3]
FOLDING = Folding((LayerFolding(ArrayFolding(2), 2),), encoder_bits=None)


@pytest.fixture(scope="module")
def network():
    return random_network("binary_s4d", 3, 2, 1, seed=1, features=2)


@pytest.mark.parametrize("interface", [Plain(), Plain("core", "left_"), Axis(), Axis("core", "left_")])
def test_the_ports_described_are_the_ports_written(network, interface):
    text = interface.rtlil(network, FOLDING)
    assert f"module \\{interface.name}\n" in text
    top = text.rpartition(f"module \\{interface.name}\n")[2].partition("\nend\n")[0]
    written = {
        name: int(width) for width, name in re.findall(r"wire width (\d+) (?:in|out)put \d+ +\\(\S+)", top)
    }
    described = {"clk": 1, "rst": 1}
    for stream in interface.streams(network):
        described |= {stream.valid: 1, stream.ready: 1} | stream.widths
    assert written == described
    assert set(described) - {"clk", "rst"} <= {
        name for name in described if name.startswith(interface.prefix)
    }


HEADS = {
    "mean": {},
    "last": {"pooling": "last"},
    "every step": {"pooling": "every_step"},
    "running": {"pooling": "running", "stride": 4, "time_constant": 8},
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("form", INTERFACES)
def test_every_interface_takes_every_head(form, head):
    interface = INTERFACES[form]()
    network = random_network("binary_s4d", 2, 1, 1, seed=1, **HEADS[head])
    text = interface.rtlil(network, FOLDING)
    assert f"module \\{interface.name}\n" in text


@pytest.mark.parametrize("interface", [Plain(), Axis()])
def test_words_have_the_fields_that_are_described(network, interface):
    given, answer = interface.streams(network)
    low, high = network.encoder.input_range
    steps = np.array([[low, -1], [high, 0]])
    logits = np.array([-5, 3, -(1 << network.decoder.logit_width - 1)])
    for stream, words, values in (
        (given, interface.input_words(network, steps), steps.reshape(-1)),
        (answer, interface.output_words(network, logits, True), logits),
    ):
        fields = {}
        start = 0
        for name, width in stream.widths.items():
            for field, (bottom, top) in stream.data[name].items():
                fields[field] = [word >> start + bottom & (1 << top + 1 - bottom) - 1 for word in words]
            start += width
        width = (network.input.width, network.decoder.logit_width)[stream is answer]
        assert fields["value"] == [int(value) % (1 << width) for value in values]
        if "sign" in fields:
            assert [bits != 0 for bits in fields["sign"]] == [value < 0 for value in values]
        if stream is given:
            assert fields["first"] == ([1, 0, 0, 0] if interface.form == "axis" else [1, 1, 0, 0])
            assert fields["last"] == ([0, 0, 0, 1] if interface.form == "axis" else [0, 0, 1, 1])
        else:
            assert (fields["last"], fields["overrun"]) == ([0, 0, 1], [1, 1, 1])


@pytest.mark.parametrize(
    ("name", "prefix", "sentence"),
    [
        ("2top", "", "'2top' is no identifier of Verilog"),
        ("my core", "", "'my core' is no identifier of Verilog"),
        ("top;endmodule", "", "is no identifier of Verilog"),
        ("größe", "", "is no identifier of Verilog"),
        ("", "", "'' is no identifier of Verilog"),
        ("module", "", "'module' is a reserved word"),
        ("logic", "", "'logic' is a reserved word"),
        ("x" * 201, "", "has 201 characters"),
        ("top", "a-", "with the prefix 'a-' the name of a port"),
        ("top", "1", "no identifier of Verilog"),
    ],
)
def test_names_that_verilog_does_not_take_are_refused(name, prefix, sentence):
    with pytest.raises(StatespikeError, match=re.escape(sentence)):
        interface_of("plain", name, prefix)


def test_an_unknown_interface_is_refused():
    with pytest.raises(StatespikeError, match="unknown interface 'wishbone'; choose one of plain, axis"):
        interface_of("wishbone")


@pytest.mark.cosim
def test_cocotbext_axi_gets_the_logits_of_the_reference(network, tmp_path):
    from cocotb_tools.runner import get_runner

    interface = Axis("classifier")
    source = tmp_path / "design.il"
    source.write_text(interface.rtlil(network, FOLDING))
    verilog = convert_to_verilog(source)
    low, high = network.encoder.input_range
    dice = np.random.default_rng(4)
    sequences = [dice.integers(low, high + 1, (steps, 2)) for steps in (3, 1, 5)]
    job = tmp_path / "job.npz"
    packets = np.concatenate([steps.reshape(-1) for steps in sequences])
    np.savez(job, packets=packets, lengths=[steps.size for steps in sequences], seed=4)
    runner = get_runner("icarus")
    runner.build(
        sources=[verilog], hdl_toplevel="classifier", build_dir=tmp_path / "sim", timescale=("1ns", "1ps"),
        log_file=tmp_path / "build.log",
    )  # fmt: skip
    runner.test(
        test_module="tests.hdl.emit.axi_bench", hdl_toplevel="classifier", build_dir=tmp_path / "sim",
        test_dir=tmp_path, log_file=tmp_path / "run.log",
        extra_env={"AXIS_JOB": str(job), "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )  # fmt: skip
    with np.load(tmp_path / "answers.npz") as answers:
        words, lengths, marks = answers["words"], answers["lengths"], answers["marks"]
    assert list(lengths) == [network.classes] * 3
    assert not marks.any()
    expected = [
        word
        for steps in sequences
        for word in interface.output_words(network, network.compute(steps[None]).logits[0], False)
    ]
    tdata = interface.streams(network)[1].widths["m_axis_tdata"]
    assert [int(word) for word in words] == [word & (1 << tdata) - 1 for word in expected]

"""What goes with a network's Verilog runs in the tools that it is for, and finds faults."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hdl.emit.companions import EXPECTED, INPUTS, c_header, companions_of
from hdl.emit.interface import Axis, Interface, Plain
from hdl.emit.vectors import Vectors
from hdl.network.folding import Folding, LayerFolding
from hdl.ssm.component import ArrayFolding
from hdl.toolchain.tools import find_tool
from hdl.toolchain.verilog import convert_to_verilog
from quantize.formats import Format
from quantize.layers.ends import PoolSpec
from quantize.network import QuantizedNetwork
from sim.backends.verilated import verilator_settings
from tests.networks import random_network

FOLDING = Folding((LayerFolding(ArrayFolding(2), 2),), encoder_bits=None)
CIRCUIT = {"cycles_per_step": 60, "latency_cycles": 500, "network_sha256": "5" * 64, "rtlil_sha256": "6" * 64}
INTERFACES = {"plain": Plain(), "axis": Axis("classifier", "nn_")}


@dataclass
class Built:
    network: QuantizedNetwork
    interface: Interface
    folder: Path


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """Makes a network's folder behind an interface, once."""
    network = random_network("binary_s4d", 3, 2, 1, seed=1, features=2)
    built = {}

    def make(form: str) -> Built:
        if form not in built:
            folder, interface = tmp_path_factory.mktemp(form), INTERFACES[form]
            (folder / "design.il").write_text(interface.rtlil(network, FOLDING))
            convert_to_verilog(folder / "design.il")
            for path, text in companions_of(network, interface, CIRCUIT).texts.items():
                (folder / path).parent.mkdir(exist_ok=True)
                (folder / path).write_text(text)
            built[form] = Built(network, interface, folder)
        return built[form]

    return make


@pytest.fixture
def copy(build, tmp_path):
    """A copy of a folder, to be damaged or run in."""
    import shutil

    def make(form: str) -> Path:
        return Path(shutil.copytree(build(form).folder, tmp_path / form))

    return make


def run(command: str | list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, cwd=folder, shell=isinstance(command, str), capture_output=True, text=True, check=False,
        env=os.environ | environment, timeout=600,
    )  # fmt: skip


def shown_command(folder: Path, tool: str) -> str:
    """The line in the test bench's header that runs it in a simulator."""
    (line,) = re.findall(rf"^//   \$ ({tool} .*)$", (folder / "tb" / "tb.v").read_text(), re.MULTILINE)
    return line


@pytest.mark.cosim
@pytest.mark.parametrize("form", INTERFACES)
def test_the_test_bench_passes_in_icarus(copy, form):
    tb = copy(form) / "tb"
    done = run(shown_command(tb.parent, "iverilog"), tb)
    assert (done.returncode, done.stderr) == (0, "")
    assert "PASS: 4 sequences, 12 transfers" in done.stdout


@pytest.mark.cosim
@pytest.mark.slow
@pytest.mark.parametrize("form", INTERFACES)
def test_the_test_bench_passes_in_verilator(copy, form):
    tb = copy(form) / "tb"
    done = run(shown_command(tb.parent, "verilator"), tb, **verilator_settings())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS: 4 sequences, 12 transfers" in done.stdout
    words = (tb / EXPECTED).read_text().split()
    (tb / EXPECTED).write_text("\n".join([*words[:-1], f"{int(words[-1], 16) ^ 2:x}"]))
    failed = run([f"obj_dir/V{INTERFACES[form].name}_tb"], tb)
    assert failed.returncode != 0
    assert "FAIL: transfer 11 is" in failed.stdout


FAULTS = {
    "a constant of a multiplier or table": lambda text: re.sub(
        r"(\[\d+\] = \d+'h)(\w*[1-9a-f]\w*);", r"\g<1>0;", text, count=1
    ),
    "a product that became a sum": lambda text: text.replace(" * ", " + ", 1),
    "a port that never answers": lambda text: re.sub(
        r"assign (o__valid|nn_m_axis_tvalid) = [^;]+;", r"assign \1 = 1'h0;", text
    ),
}


@pytest.mark.cosim
@pytest.mark.parametrize("form", INTERFACES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_design_fails_the_test_bench(copy, form, fault):
    folder = copy(form)
    design = folder / "design.v"
    text = design.read_text()
    design.write_text(FAULTS[fault](text))
    assert design.read_text() != text
    done = run(shown_command(folder, "iverilog"), folder / "tb")
    assert "FAIL: " in done.stdout
    assert "PASS" not in done.stdout
    assert done.returncode != 0


@pytest.mark.cosim
@pytest.mark.parametrize("form", INTERFACES)
def test_the_cocotb_test_passes_and_finds_a_wrong_answer(copy, form):
    tb = copy(form) / "tb"
    path = os.pathsep.join(sys.path)
    done = run([sys.executable, "test_network.py"], tb, PYTHONPATH=path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS=1 FAIL=0" in done.stdout
    words = (tb / EXPECTED).read_text().split()
    (tb / EXPECTED).write_text("\n".join([*words[:-1], f"{int(words[-1], 16) ^ 2:x}"]))
    failed = run([sys.executable, "test_network.py"], tb, PYTHONPATH=path)
    assert "transfer 11 is" in failed.stdout


@pytest.mark.cosim
def test_fusesoc_runs_the_core(copy, tmp_path):
    folder = copy("plain")
    fusesoc = [sys.executable, "-m", "fusesoc.main"]
    settings = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    command = [*fusesoc, "--cores-root", str(folder), "run", "--target", "sim", "statespike:networks:top"]
    done = run(command, tmp_path, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS: 4 sequences" in done.stdout
    (folder / "tb" / EXPECTED).write_text("0\n" * 12)
    failed = run(command, tmp_path, **settings)
    assert failed.returncode != 0


PROGRAM = """
#include <stdio.h>
#include "network.h"
int main(void)
{
    char kind;
    while (scanf(" %c", &kind) == 1) {
        double real;
        unsigned long long word;
        if (kind == 'r' && scanf("%la", &real) == 1) {
            const int32_t input = top_input_from_real(real);
            const unsigned long payload = top_input(input, 1, 0);
            printf("%ld %a %lx\\n", (long)input, top_input_real(input), payload);
        } else if (scanf("%llx", &word) == 1) {
            const int64_t logit = top_logit(word);
            printf("%lld %a\\n", (long long)logit, top_logit_real(logit));
        }
    }
    return TOP_BEATS_PER_STEP == 2 && TOP_CLASSES == 3 && sizeof TOP_CIRCUIT_SHA256 == 65 ? 0 : 1;
}
"""


def test_the_header_converts_as_python_does(tmp_path):
    network = random_network("binary_s4d", 3, 2, 1, seed=1, features=2)
    (tmp_path / "network.h").write_text(c_header(network, Plain(), CIRCUIT))
    (tmp_path / "main.c").write_text(PROGRAM)
    strict = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic"]
    done = run([find_tool("cc"), *strict, "-o", "convert", "main.c"], tmp_path)
    assert done.returncode == 0, done.stderr

    dice = np.random.default_rng(3)
    unit = 2.0**-network.input.fraction
    edges = [network.input.minimum, network.input.maximum, 0, -1, 1]
    reals = [(edge + half) * unit for edge in edges for half in (-0.5, 0.0, 0.5, -0.25)]
    reals += [np.nextafter(real, sign * np.inf) for real in reals for sign in (-1, 1)]
    reals += [1e300, -1e300, float("inf"), float("-inf"), *dice.normal(0, 1, 200).tolist()]
    width = network.decoder.logit_width
    logits = [0, -1, 1, -(1 << width - 1), (1 << width - 1) - 1]
    words = Plain().output_words(network, np.array(logits), True)
    lines = [f"r {float(real).hex()}" for real in reals] + [f"w {word:x}" for word in words]
    answer = subprocess.run(
        [tmp_path / "convert"], input="\n".join(lines), capture_output=True, text=True, check=True
    ).stdout.splitlines()

    inputs = network.input.quantise(np.array(reals))
    first_step = [Plain().input_words(network, np.array([[word, 0], [0, 0]]))[0] for word in inputs]
    for line, word, bits in zip(answer, inputs, first_step, strict=False):
        got, real, packed = line.split()
        assert (int(got), float.fromhex(real), int(packed, 16)) == (
            word,
            float(network.input.real(word)),
            bits,
        )
    scale = Format(width, network.decoder.fraction)
    for line, logit in zip(answer[len(reals) :], logits, strict=True):
        got, real = line.split()
        assert (int(got), float.fromhex(real)) == (logit, float(scale.real(logit)))


def test_vectors_hold_both_ends_of_the_format_and_a_sequence_that_is_too_long():
    network = random_network("binary_s4d", 3, 2, 1, seed=1)
    vectors = Vectors(network, Plain())
    values = np.concatenate(vectors.sequences)
    assert (values.min(), values.max()) == network.encoder.input_range
    assert [len(steps) for steps in vectors.sequences] == [1, 4, 2, 6]
    short = Vectors(network_of_few_steps(network, 3), Plain())
    assert [len(steps) for steps in short.sequences] == [1, 3, 2, 3, 4]
    assert sum(word >> 1 + network.decoder.logit_width for word in short.expected) == network.classes


def network_of_few_steps(network: QuantizedNetwork, steps: int) -> QuantizedNetwork:
    from dataclasses import replace

    assert isinstance(network.pool, PoolSpec)
    return replace(network, pool=replace(network.pool, max_steps=steps))


def test_everything_is_named_by_what_it_is_for(build):
    built = build("plain")
    companions = companions_of(built.network, built.interface, CIRCUIT)
    assert set(companions.names.values()) == set(companions.texts)
    assert companions.names["test_inputs"] == f"tb/{INPUTS}"
    assert json.loads(json.dumps(companions.facts)) == companions.facts
    assert not any("@" in text for path, text in companions.texts.items() if not path.endswith(("py", "v")))

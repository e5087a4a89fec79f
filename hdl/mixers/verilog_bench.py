"""A test bench in plain Verilog for a mixer core: vectors with their products, random stalls, a verdict."""

import numpy as np

from hdl.mixers.core import MixerCore
from quantize.formats import Integers

PRODUCTS = 24
"""Products that the test bench checks."""
TEST_BENCH, INPUTS, EXPECTED = "mixer_tb.v", "inputs.hex", "expected.hex"
TIMEOUT_FACTOR = 8
"""Cycles of the watchdog for each that the products would take at full speed."""

_TEXT = """// Self-checking test bench of the mixer in design.v:
// {products} products, with random pauses at both ports.
//
// Run it in this folder:
//
//   $ iverilog -g2012 -o mixer_tb mixer_tb.v ../design.v && vvp mixer_tb
//   $ verilator --binary -Wno-fatal --top-module mixer_tb mixer_tb.v ../design.v && obj_dir/Vmixer_tb
//
// It prints PASS and ends, or prints the first transfer that differs and stops with an error.
`timescale 1ns / 1ns
module mixer_tb;
  localparam IN_WIDTH = {in_width}, OUT_WIDTH = {out_width};
  localparam IN_COUNT = {in_count}, OUT_COUNT = {out_count};
  reg [IN_WIDTH-1:0] inputs [0:IN_COUNT-1];
  reg [OUT_WIDTH-1:0] expected [0:OUT_COUNT-1];
  reg clk = 0, rst = 1, i_valid = 0, o_ready = 0;
  reg [IN_WIDTH-1:0] i_payload = 0;
  wire [OUT_WIDTH-1:0] o_payload;
  wire i_ready, o_valid;
  integer sent = 0, received = 0, cycle = 0, seed = 1;

  top dut (
    .clk(clk), .rst(rst),
    .i__payload(i_payload), .i__valid(i_valid), .i__ready(i_ready),
    .o__payload(o_payload), .o__valid(o_valid), .o__ready(o_ready)
  );

  initial begin
    $readmemh("{inputs}", inputs);
    $readmemh("{expected}", expected);
  end

  always #5 clk = ~clk;

  always @(posedge clk) begin
    cycle <= cycle + 1;
    rst <= cycle < 3;
    if (!rst) begin
      if (i_valid && i_ready) sent = sent + 1;
      if (!i_valid || i_ready) begin
        i_valid <= sent < IN_COUNT && $random(seed) % 4 != 0;
        if (sent < IN_COUNT) i_payload <= inputs[sent];
      end
      o_ready <= $random(seed) % 3 != 0;
      if (o_valid && o_ready) begin
        if (received == OUT_COUNT || o_payload !== expected[received]) begin
          $display("FAIL: transfer %0d is %h, expected %h", received, o_payload, expected[received]);
          $fatal(1);
        end
        received = received + 1;
      end
      if (received == OUT_COUNT) begin
        $display("PASS: {products} products");
        $finish;
      end
    end
    if (cycle == {timeout}) begin
      $display("FAIL: %0d of %0d transfers after %0d cycles", received, OUT_COUNT, cycle);
      $fatal(1);
    end
  end
endmodule
"""


def vectors_of(core: MixerCore, seed: int = 0) -> Integers:
    """Inputs (products, inputs): random ones, among them the extremes of the format, and zeros."""
    half = 1 << (core.product.input_width - 1)
    values = np.random.default_rng(seed).integers(-half, half, (PRODUCTS, core.product.inputs))
    values[1], values[2], values[3] = -half, half - 1, 0
    values[4, ::2] = 0
    return values


def words_of_port(values: Integers, width: int, *, vectors: bool) -> list[int]:
    """Payloads of one sequence of values (products, values): a `Vector` a product, or a `Beat` a value."""
    words = []
    for step, row in enumerate(values):
        marks = int(step == 0) | int(step == len(values) - 1) << 1
        fields = [int(value) & ((1 << width) - 1) for value in row]
        if vectors:
            fields = [sum(field << place * width for place, field in enumerate(fields))]
        words += [marks | field << 2 for field in fields]
    return words


def bench_files(core: MixerCore) -> dict[str, str]:
    """Name -> text of the test bench and of its vectors."""
    product, x = core.product, vectors_of(core)
    inputs = words_of_port(x, product.input_width, vectors=core.vectors)
    expected = words_of_port(product.compute(x), product.sum_width, vectors=core.vectors)
    at_once = (product.inputs, product.outputs) if core.vectors else (1, 1)
    cycles = PRODUCTS * (core.choice.cycles + product.inputs + product.outputs) + 1000
    text = _TEXT.format(
        products=PRODUCTS,
        in_width=2 + at_once[0] * product.input_width, out_width=2 + at_once[1] * product.sum_width,
        in_count=len(inputs), out_count=len(expected),
        inputs=INPUTS, expected=EXPECTED, timeout=TIMEOUT_FACTOR * cycles,
    )  # fmt: skip
    lines = {name: "".join(f"{word:x}\n" for word in words) for name, words in (
        (INPUTS, inputs), (EXPECTED, expected),
    )}  # fmt: skip
    return {TEST_BENCH: text} | lines

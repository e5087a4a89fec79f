"""What an inference costs at the prices of the papers: their own count, and one of everything.

The prices are those of 32-bit floating point in 45 nm (M. Horowitz, "Computing's energy problem", ISSCC
2014). Spiking papers multiply them by the operations of their mixers. Neither count is the energy of an FPGA,
whose integers are narrower and whose wires cost more; `hdl.energy` models that.
"""

from dataclasses import dataclass

from quantize.block import Block
from quantize.layers.glu import GluSpec, SmoothGluSpec
from quantize.layers.gsu import GatedProductSpec, GsuSpec
from quantize.layers.linear import SpikeLinearSpec
from quantize.layers.norm import LayerNormSpec
from quantize.layers.unit import UnitSpec
from quantize.network import QuantizedNetwork
from quantize.survey import Observation

MULTIPLY_ADD_PJ, ADD_PJ, MULTIPLY_PJ = 4.6, 0.9, 3.7
"""A product that is added to a sum, an addition or a comparison, a product alone."""
WORD_PJ = 5.0
"""A word of 32 bits to or from a memory of 8 kB: half of the 10 pJ of its 64 bits."""


@dataclass(frozen=True)
class Accountings:
    """Both counts.

    Parameters
    ----------
    paper_pj : float
        A step's mixers as the model's paper counts them.
    everything_pj : float
        A step's products, sums, comparisons and words of memory at the same prices.
    """

    paper_pj: float
    everything_pj: float


def accountings(network: QuantizedNetwork, observed: Observation) -> Accountings:
    """Both counts for a step of a network whose activations are as they were observed.

    Encoder, pool and decoder are in neither: they are the same for all models, and both ends are once a
    sequence or a few products.
    """
    shares = observed.activity
    return Accountings(
        sum(paper_pj(block.unit, share) for block, share in zip(network.blocks, shares, strict=True)),
        sum(everything_pj(block, share) for block, share in zip(network.blocks, shares, strict=True)),
    )


def paper_pj(unit: UnitSpec, activity: float) -> float:
    """A step of a mixer by its paper's formula; D channels, R the share of activations that are not zero.

    - real activations (S4D and its saturating forms): 2 D^2 multiply-adds, D products;
    - Binary S4D, Gated Spiking Unit: 2 R D^2 additions, 2 D multiply-adds, D products;
    - SpikingSSM: 2 R D^2 additions;
    - resonate-and-fire: R D^2 + D additions.
    """
    channels = unit.channels
    square = channels * channels
    if isinstance(unit, SmoothGluSpec):
        return MULTIPLY_ADD_PJ * 2 * square + MULTIPLY_PJ * channels
    if isinstance(unit, SpikeLinearSpec):
        return ADD_PJ * (activity * square + channels)
    additions = ADD_PJ * 2 * activity * square
    if unit.kind == "fire_glu":
        return additions
    return additions + MULTIPLY_ADD_PJ * 2 * channels + MULTIPLY_PJ * channels


def everything_pj(block: Block, activity: float) -> float:
    """A step of a block, with all that its integers do.

    The array: its products with their sums, their coefficients, and the states read and written. Norms: four
    products and two sums a channel. The unit: what is counted in `mixed_operations`. The residual: a sum, and
    a word written and read.
    """
    array = block.array
    states = len(array.output_weights) * array.channels * array.modes
    total = array.multiplications * (MULTIPLY_ADD_PJ + WORD_PJ) + 2 * states * WORD_PJ
    total += sum(_norm_pj(norm) for norm in (block.norm_before, block.norm_after) if norm is not None)
    sums, products, compared = mixed_operations(block.unit, activity)
    total += sums * (ADD_PJ + WORD_PJ) + products * (MULTIPLY_ADD_PJ + WORD_PJ) + compared * ADD_PJ
    return total + array.channels * (ADD_PJ + 2 * WORD_PJ)


def _norm_pj(norm: LayerNormSpec) -> float:
    return norm.multiplications * (MULTIPLY_PJ + WORD_PJ) + 2 * norm.channels * ADD_PJ


def mixed_operations(unit: UnitSpec, activity: float) -> tuple[float, float, float]:
    """Sums of a weight each, products and comparisons of a unit in a step.

    A Gated Spiking Unit has two paths: weights of the ternary activations that are not zero, and real
    activations of the ternary weights that are not zero. A search for the largest magnitude compares D times.
    """
    channels = unit.channels
    square = channels * channels
    if isinstance(unit, GatedProductSpec):
        searched = channels if isinstance(unit, GsuSpec) else 0
        weights = float((unit.table != 0).sum())
        return activity * square + weights, unit.multiplications, channels + searched
    if isinstance(unit, SpikeLinearSpec):
        return activity * square, unit.multiplications, channels
    assert isinstance(unit, GluSpec), "every unit is of one of these forms"
    if isinstance(unit, SmoothGluSpec):
        return 0.0, unit.multiplications, 0
    return 2 * activity * square, unit.multiplications, channels

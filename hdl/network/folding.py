"""How parallel a network is: all that its components need to know beside their specifications."""

from dataclasses import dataclass

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.norm.streamed_step_norm import PRODUCTS
from hdl.ssm.component import ArrayFolding


@dataclass(frozen=True)
class LayerFolding:
    """How parallel one layer is.

    Parameters
    ----------
    array : ArrayFolding
        Of the neuron array.
    lanes : int
        Of the unit's mixer.
    sequential : bool
        The unit in a form that is smaller and slower: some of its work waits for what came before.
    norm_multipliers : int
        Of each norm in a streamed network, one of `hdl.norm.streamed_step_norm.NORM_MULTIPLIERS`.
    """

    array: ArrayFolding
    lanes: int
    sequential: bool = False
    norm_multipliers: int = PRODUCTS


@dataclass(frozen=True)
class Folding:
    """How parallel a network is.

    Parameters
    ----------
    layers : tuple of LayerFolding
        One for each layer; a folded network has one, that of the block which serves them all.
    encoder_bits : int, optional
        Bits of a feature that the encoder multiplies a cycle, 1 or 2; without, it has a multiplier.
    decoder_lanes : int
        Multipliers of a decoder that answers again and again, one of
        `hdl.head.repeated_decoder.decoder_lanes`; 0: bit by bit. Another one has what `streamed` tells.
    streamed : bool
        Every component in the build that takes a channel a cycle, where it has one.
    target : DeviceFeatures
        Of the part.
    folded : bool
        One block serves all layers in turn, see `hdl.network.layer_loop.LayerLoop`.
    single_port_bits : tuple of int
        Of each table that can be loaded, in their order: the lowest bits of a row that lie in single-port
        memories. Empty if none do.
    """

    layers: tuple[LayerFolding, ...]
    encoder_bits: int | None
    decoder_lanes: int = 0
    streamed: bool = False
    target: DeviceFeatures = MULTIPLIER_BLOCKS
    folded: bool = False
    single_port_bits: tuple[int, ...] = ()

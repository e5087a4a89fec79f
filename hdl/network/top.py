"""The whole network in gates: components joined by streams, in the order of the data flow."""

from collections.abc import Sequence

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.encoder.multiplied import AnyEncoder, make_encoder
from hdl.head.decoder import Decoder
from hdl.head.pool import Pool
from hdl.head.repeated_decoder import RepeatedDecoder, make_repeated_decoder
from hdl.head.sequence_decoder import SerialDecoder, StreamedDecoder
from hdl.network.block import LayerBlock, ResidualBlock
from hdl.network.folding import Folding
from hdl.network.kinds import HEADS
from hdl.network.layer_loop import LayerLoop
from hdl.norm.block_norm import AnyNorm, BlockNorm, StreamedBlockNorm
from hdl.primitives.component import Component
from hdl.primitives.streams import Tap, answer_layout, beats
from quantize.formats import STREAM_WIDTH
from quantize.layers.norm import LayerNormSpec
from quantize.network import QuantizedNetwork


def decoding_cycles(network: QuantizedNetwork, decoder: Decoder) -> int:
    """Cycles a step that a decoder takes in the steady state: one that answers once takes none."""
    stride = network.answer_stride
    if stride is None or not isinstance(decoder, RepeatedDecoder):
        return 0
    return -(-decoder.cycles_per_answer // stride)


def pace_of(encoder: AnyEncoder, blocks: Sequence[LayerBlock], norm: AnyNorm | None, pool: Pool) -> int:
    """Most cycles of a step in the steady state before the decoder: those of the slowest component."""
    cycles = max(part.cycles_per_step for part in (encoder, *blocks, pool))
    return cycles if norm is None else max(cycles, norm.cycles_taken_in(pool.cycles_per_beat))


def beat_cycles_behind(blocks: int, norm: AnyNorm | None, pool: Pool) -> list[int]:
    """Cycles in which what follows each of so many blocks takes a beat; another block takes one in each."""
    return [1] * (blocks - 1) + [pool.cycles_per_beat if norm is None else norm.arrival_cycles]


def make_final_norm(spec: LayerNormSpec | None, folding: Folding) -> AnyNorm | None:
    """The norm before the pool, if there is one: built as those of the last layer are."""
    if spec is None:
        return None
    if folding.streamed:
        return StreamedBlockNorm(spec, folding.layers[-1].norm_multipliers)
    return BlockNorm(spec, folding.target)


def make_blocks(
    network: QuantizedNetwork, folding: Folding, norm: AnyNorm | None, pool: Pool, taps: bool = False
) -> list[LayerBlock]:
    """The blocks of all layers, or the one that serves them all, before what follows them."""
    if folding.folded:
        (layer,), (behind,) = folding.layers, beat_cycles_behind(1, norm, pool)
        return [LayerLoop(network.blocks, layer, target=folding.target, taken_in=behind, taps=taps)]
    every = zip(
        network.blocks, folding.layers, beat_cycles_behind(len(network.blocks), norm, pool), strict=True
    )
    return [
        ResidualBlock(block, layer, streamed=folding.streamed, target=folding.target, taken_in=cycles)
        for block, layer, cycles in every
    ]


class Network(Component):
    """A network that reads sequences.

    Parameters
    ----------
    network : QuantizedNetwork
    folding : Folding
        A `hdl.planning.planner.Plan` will do.
    taps : bool
        Ports that show every layer's values to a simulation.

    Members
    -------
    i : In(stream of Beat), the features of each step, or its token
    o : Out(stream of Logit), the class scores at the end of each sequence
        Of AnswerLogit, an answer at every stride, if the network has one.
    tap_encoder, tap_array_0, tap_layer_0, ... : Out(Tap), with `taps`
        Named and ordered as the taps of `quantize.trace.Trace`.
    """

    def __init__(self, network: QuantizedNetwork, folding: Folding, taps: bool = False):
        self.network, self.taps = network, taps
        self.encoder: AnyEncoder = make_encoder(
            network.encoder,
            bits=folding.encoder_bits,
            streamed=folding.streamed,
            target=folding.target,
        )
        make_head = HEADS[network.pool.kind].make
        self.pool: Pool = make_head(network.pool, streamed=folding.streamed, target=folding.target)
        self.decoder: Decoder
        if network.answer_stride is not None:
            self.decoder = make_repeated_decoder(network.decoder, folding.decoder_lanes, folding.target)
        elif folding.streamed:
            self.decoder = StreamedDecoder(network.decoder)
        else:
            self.decoder = SerialDecoder(network.decoder, folding.target)
        self.norm = make_final_norm(network.norm, folding)
        self.blocks = make_blocks(network, folding, self.norm, self.pool, taps)
        answer = answer_layout(network.decoder.logit_width, network.answer_stride)
        members = {
            "i": In(beats(network.input.width)),
            "o": Out(stream.Signature(answer)),
        }
        if taps:
            members |= {f"tap_{name}": Out(Tap(STREAM_WIDTH)) for name in network.tap_names()}
        super().__init__(members)

    @property
    def multipliers(self) -> int:
        """Multiplier blocks, or multipliers in logic on a part without them."""
        blocks = sum(block.multipliers for block in self.blocks)
        norm = 0 if self.norm is None else self.norm.multipliers
        return self.encoder.multipliers + blocks + norm + self.decoder.multipliers

    @property
    def cycles_per_step(self) -> int:
        """In the steady state; the worst case where they follow the data."""
        before = pace_of(self.encoder, self.blocks, self.norm, self.pool)
        return max(before, decoding_cycles(self.network, self.decoder))

    @property
    def least_cycles_per_step(self) -> int:
        """In the steady state, whatever the data."""
        parts = self.blocks if self.norm is None else (*self.blocks, self.norm)
        inside = max(part.least_cycles_per_step for part in parts)
        decoding = decoding_cycles(self.network, self.decoder)
        return max(self.encoder.cycles_per_step, inside, self.pool.cycles_per_step, decoding)

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a sequence's last beat to its last logit, when nothing else is under way."""
        steps = self.encoder.latency_cycles + sum(block.latency_cycles for block in self.blocks)
        steps += 0 if self.norm is None else self.norm.latency_taken_in(self.pool.cycles_per_beat)
        taking = self.network.pool.channels * (self.decoder.taking_cycles - 1)
        return steps + self.pool.cycles_of_last_step + taking + self.decoder.cycles_per_sequence

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.encoder, m.submodules.pool, m.submodules.decoder = self.encoder, self.pool, self.decoder
        wiring.connect(m, wiring.flipped(self.i), self.encoder.i)
        taps = {"encoder": self.encoder.o}
        before = self.encoder.o
        layer = 0
        for block in self.blocks:
            name, *_ = block.path_at(layer).split(".")
            m.submodules[name] = block
            wiring.connect(m, before, block.i)
            before = taps[f"layer_{layer + block.layers - 1}"] = block.o
            if self.taps:
                for name, tap in block.taps_at(layer).items():
                    wiring.connect(m, tap, wiring.flipped(getattr(self, f"tap_{name}")))
            layer += block.layers
        if self.norm is not None:
            m.submodules.norm = self.norm
            wiring.connect(m, before, self.norm.i)
            before = taps["norm"] = self.norm.o
        wiring.connect(m, before, self.pool.i)
        wiring.connect(m, self.pool.o, self.decoder.i)
        wiring.connect(m, self.decoder.o, wiring.flipped(self.o))
        if self.taps:
            for name, source in taps.items():
                tap = getattr(self, f"tap_{name}")
                m.d.comb += [tap.valid.eq(source.valid & source.ready), tap.value.eq(source.payload.value)]
        return m

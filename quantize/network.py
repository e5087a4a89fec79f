"""The quantised network: specifications in data-flow order, and the integer reference that composes them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from quantize.block import Block
from quantize.blocks import blocks
from quantize.formats import STREAM_WIDTH, Format, Integers, saturate
from quantize.inputs import require_finite
from quantize.layer_kinds import AnyEncoderSpec, LayerSpec
from quantize.layers.ends import DecoderSpec
from quantize.layers.head import POOLED_WIDTH, HeadSpec
from quantize.layers.norm import LayerNormSpec
from quantize.specification import QuantizedNetworkError
from quantize.trace import Trace

# Sequences computed at once: few enough that the array of a layer, 1 MB, stays in the processor's cache.
VALUES_AT_ONCE = 1 << 17


@dataclass(frozen=True, eq=False)
class QuantizedNetwork:
    """A network in integers; the one truth that reference, circuit, cost and documents read.

    Parameters
    ----------
    encoder, blocks, pool, decoder
        Its layers.
    provenance : dict
        Where it comes from, see `quantize.checkpoint.Checkpoint`.
    verified : bool
        False of a network from a file without a checksum.

    Raises
    ------
    QuantizedNetworkError
        If neighbouring layers disagree about channels or formats.
    """

    encoder: AnyEncoderSpec
    blocks: tuple[Block, ...]
    pool: HeadSpec
    decoder: DecoderSpec
    provenance: dict[str, object] = field(default_factory=dict)
    norm: LayerNormSpec | None = None
    """Behind the last block, before the pool."""
    verified: bool = True

    def __post_init__(self) -> None:
        stream = self.encoder.output
        if stream.width != STREAM_WIDTH:
            raise QuantizedNetworkError(
                f"the residual stream has {stream.width} bits, expected {STREAM_WIDTH}"
            )
        if not self.blocks:
            raise QuantizedNetworkError("the network has no layers")
        for name, layer in self.layers():
            if layer.channels != self.channels:
                raise QuantizedNetworkError(
                    f"{name} has {layer.channels} channels, the encoder has {self.channels}"
                )
        for index, block in enumerate(self.blocks):
            ends = [block.unit.output]
            given = stream
            if block.norm_before is not None:
                ends.append(block.norm_before.input)
                given = block.norm_before.output
            if block.norm_after is not None:
                ends += [block.norm_after.input, block.norm_after.output]
            if block.array.input != given:
                raise QuantizedNetworkError(
                    f"the array of layer {index} takes {block.array.input}, but is given {given}"
                )
            if any(end != stream for end in ends):
                raise QuantizedNetworkError(f"layer {index} leaves the residual stream's format {stream}")
            if block.array.output != block.unit.input or block.array.output.width != STREAM_WIDTH:
                raise QuantizedNetworkError(
                    f"the array and the unit of layer {index} disagree about y's format"
                )
        pooled = stream
        if self.norm is not None:
            if self.norm.input != stream or self.norm.after:
                raise QuantizedNetworkError(
                    f"the norm before the pool takes {self.norm.input}, the residual stream is {stream}"
                )
            pooled = self.norm.output
        if self.pool.input != pooled or pooled.width != POOLED_WIDTH:
            raise QuantizedNetworkError(f"the pool's input is {self.pool.input}, but it is given {pooled}")

    @property
    def model(self) -> str:
        """Kind of the units."""
        return self.blocks[0].unit.kind

    @property
    def features(self) -> int:
        """Of the real data."""
        return self.encoder.features

    @property
    def beats_per_step(self) -> int:
        """Values of a step in integers: a feature each, or one token."""
        return self.encoder.beats_per_step

    @property
    def channels(self) -> int:
        return self.encoder.channels

    @property
    def classes(self) -> int:
        return self.decoder.classes

    @property
    def output(self) -> str:
        """What the logits are, one of `quantize.kinds.OUTPUTS`."""
        return self.decoder.output

    @property
    def answer_stride(self) -> int | None:
        """Steps between two answers; None if there is one, at the end of a sequence (`quantize.answers`)."""
        return self.pool.answer_stride

    @property
    def input(self) -> Format:
        return self.encoder.input

    @property
    def max_steps(self) -> int | None:
        """Steps of the longest sequence that it is made for; None without a limit."""
        return self.pool.limit

    @property
    def any_contents(self) -> bool:
        """Whether widths leave room for any contents of the tables, see `for_any_contents`."""
        return self.encoder.any_contents

    def for_any_contents(self) -> "QuantizedNetwork":
        """A copy whose circuit can be loaded with the tables of other networks.

        See `Specification.for_any_contents`; it computes the same.
        """
        return replace(
            self,
            encoder=self.encoder.for_any_contents(),
            blocks=tuple(block.for_any_contents() for block in self.blocks),
            norm=None if self.norm is None else self.norm.for_any_contents(),
            pool=self.pool.for_any_contents(),
            decoder=self.decoder.for_any_contents(),
        )

    def require_lengths(self, lengths: Integers) -> None:
        """Refuse sequences that the network is not made for.

        Raises
        ------
        QuantizedNetworkError
            If one has more than `max_steps` steps.
        """
        if self.pool.overruns(lengths).any():
            raise QuantizedNetworkError(
                f"a sequence of {int(np.max(lengths))} steps is too long: this network takes at most "
                f"{self.max_steps}; quantise its checkpoint with a larger --max-steps"
            )

    @property
    def multiplications_per_step(self) -> int:
        """Products of one step through the whole network, those of an answer spread over its stride."""
        answers = HeadSpec | DecoderSpec
        steps = sum(layer.multiplications for _, layer in self.layers() if not isinstance(layer, answers))
        stride = self.answer_stride  # without one, an answer's products are those of a sequence
        return steps if stride is None else steps + -(-self.decoder.multiplications // stride)

    @property
    def plain_multiplications_per_step(self) -> int:
        """The same with arrays in the plain complex form, by which circuits of any form compare."""
        return self.multiplications_per_step + sum(block.array.products_saved for block in self.blocks)

    @property
    def memory_bits(self) -> int:
        """Bits of what the network must remember: its tables, and its states from step to step."""
        return sum(layer.table_bits + layer.state_bits for _, layer in self.layers())

    def layers(self) -> Iterator[tuple[str, LayerSpec]]:
        """Every specification with its name, in data-flow order."""
        yield "encoder", self.encoder
        for index, block in enumerate(self.blocks):
            if block.norm_before is not None:
                yield f"norm_{index}", block.norm_before
            yield f"array_{index}", block.array
            yield f"unit_{index}", block.unit
            if block.norm_after is not None:
                yield f"norm_{index}", block.norm_after
        if self.norm is not None:
            yield "norm", self.norm
        yield "pool", self.pool
        yield "decoder", self.decoder

    def inputs(self, x: NDArray[np.floating]) -> Integers:
        """What the network is given of real data (sequences, steps, features): (sequences, steps, beats).

        Raises
        ------
        StatespikeError
            If a value is no finite number, or the network reads tokens and a step is none.
        """
        return self.encoder.inputs(require_finite(np.asarray(x)))

    def tap_formats(self) -> dict[str, Format]:
        """Formats of a trace's taps, in data-flow order."""
        formats = {"encoder": self.encoder.output}
        for index, block in enumerate(self.blocks):
            if block.norm_before is not None:
                formats[f"norm_{index}"] = block.norm_before.output
            formats |= {f"array_{index}": block.array.output, f"layer_{index}": block.unit.output}
        return formats if self.norm is None else formats | {"norm": self.norm.output}

    def tap_names(self) -> list[str]:
        """Names of a trace's taps, in data-flow order."""
        return list(self.tap_formats())

    def compute(self, u: Integers, lengths: Integers | None = None, *, taps: bool = True) -> Trace:
        """The integer reference.

        Parameters
        ----------
        u : (sequences, steps, beats) in the input format
            See `inputs`.
        lengths : (sequences,), optional
            Valid steps of each sequence; all by default. More than `max_steps` are an overrun, which the
            trace tells as the circuit does; see `require_lengths`.
        taps : bool
            Keep every layer's values; without, only the logits (a whole test set then fits in memory).

        Raises
        ------
        QuantizedNetworkError
            If the input has the wrong shape or is out of its format.
        """
        u = np.asarray(u)
        if u.ndim != 3 or u.shape[2] != self.beats_per_step or not np.issubdtype(u.dtype, np.integer):
            raise QuantizedNetworkError(
                f"input has shape {u.shape} and type {u.dtype}, expected integers "
                f"(sequences, steps, {self.beats_per_step})"
            )
        low, high = self.encoder.input_range
        if u.size and (u.min() < low or u.max() > high):
            raise QuantizedNetworkError(f"input leaves its range, {low} to {high}")
        lengths = np.full(len(u), u.shape[1]) if lengths is None else np.asarray(lengths, dtype=np.int64)
        if len(u) == 0 or lengths.min() < 1 or lengths.max() > u.shape[1]:
            raise QuantizedNetworkError(f"sequences need 1 to {u.shape[1]} steps and at least one sequence")
        parts = [
            self._compute_chunk(u[part].astype(np.int64), lengths[part], taps)
            for part in blocks(len(u), u.shape[1] * self.channels, VALUES_AT_ONCE)
        ]
        return Trace(
            np.concatenate([part.logits for part in parts]),
            self.pool.overruns(lengths),
            {name: np.concatenate([part.taps[name] for part in parts]) for name in parts[0].taps},
            {name: sum(part.saturations[name] for part in parts) for name in parts[0].saturations},
            self.answer_stride,
        )

    def _compute_chunk(self, u: Integers, lengths: Integers, taps: bool) -> Trace:
        trace, x = self.stream(u, lengths)
        trace.logits = self.decoder.compute(self.pool.compute(x, lengths))
        return trace if taps else replace(trace, taps={})

    def stream(
        self, u: Integers, lengths: Integers, states: dict[str, Integers] | None = None
    ) -> tuple[Trace, Integers]:
        """All before the head: a trace without logits, and what the head is given (sequences, steps, H).

        Parameters
        ----------
        u : (sequences, steps, beats)
        lengths : (sequences,)
        states : dict, optional
            For each layer's name what it keeps from step to step (`Specification.cleared`). The sequences go
            on from there, and the states move on; from cleared ones by default.
        """
        trace = Trace(np.empty(0, dtype=np.int64), self.pool.overruns(lengths))
        valid = np.arange(u.shape[1]) < lengths[:, None]
        states = states or {}
        x = self.encoder.compute(u)
        kept = {"encoder": x}
        for index, block in enumerate(self.blocks):
            given = x
            if block.norm_before is not None:
                given = kept[f"norm_{index}"] = block.norm_before.compute(x)
            y, clipped = block.array.compute(given, lengths, states.get(f"array_{index}"))
            total = x + block.unit.compute(y, states.get(f"unit_{index}"))
            lost = total[valid] != saturate(total[valid], block.unit.output.width)
            trace.saturations |= {
                f"array_{index} inputs": clipped.inputs,
                f"array_{index} states": clipped.states,
                f"array_{index} outputs": clipped.outputs,
                f"layer_{index} sums": int(np.count_nonzero(lost)),
            }
            x = block.finished(total)
            kept |= {f"array_{index}": y, f"layer_{index}": x}
        if self.norm is not None:
            x = kept["norm"] = self.norm.compute(x)
        trace.taps = kept
        return trace, x

"""The state of a mode moves on: the leapfrog step of `quantize.layers.leapfrog.LeapfrogSpec`."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from hdl.primitives.clips import LayerClips, tell_clip
from hdl.primitives.component import Component
from hdl.primitives.fixed import saturate, shift_left, shifted_with_round_bit
from quantize.formats import OPERAND_WIDTH, signed_width
from quantize.layers.array import SHIFT_CODE_WIDTH, SHIFT_STEP
from quantize.layers.leapfrog import LeapfrogSpec


class StateUpdate(Component):
    """A pipeline with a place for a mode in every cycle:

        cycle  1         2        L + 1     L + 2       L + 3     L + 4     L + 5  L + 6
               states,   driven   feedback  difference  velocity  velocity  moved  position
               u shifted          summed                clipped   shifted          clipped

    so that no stage holds more than an adder or a shifter; L is a product's latency. Cycles count from the
    issue of the mode's slot.

    Parameters
    ----------
    spec : LeapfrogSpec
    interval : int
        Cycles from one mode to the next at least: with 2, values that wait need half the registers.
    product_latency : int
        Cycles from a mode's states to its products.

    Members
    -------
    valid : In(1), velocity, position : In(signed(state_width)), u : In(signed), \
    input_code, position_code : In(3)
        Of a mode that moves, in cycle 1.
    damping, stiffness : In(signed(2 * OPERAND_WIDTH))
        Its products, in cycle L + 1.
    new_velocity, new_position : Out(signed(state_width))
        To be written in the cycles L + 4 and L + 6, when `velocity_valid` and `position_valid` are high.
    """

    clips: LayerClips | None = None
    """Where it tells the states that it clips."""

    def __init__(self, spec: LeapfrogSpec, interval: int, product_latency: int):
        self.spec, self.interval, self.product_latency = spec, interval, product_latency
        state = signed(spec.state_width)
        super().__init__(
            {
                "valid": In(1),
                "velocity": In(state),
                "position": In(state),
                "u": In(signed(spec.input.width)),
                "input_code": In(SHIFT_CODE_WIDTH),
                "position_code": In(SHIFT_CODE_WIDTH),
                "damping": In(signed(2 * OPERAND_WIDTH)),
                "stiffness": In(signed(2 * OPERAND_WIDTH)),
                "velocity_valid": Out(1),
                "new_velocity": Out(state),
                "position_valid": Out(1),
                "new_position": Out(state),
            }
        )

    @property
    def velocity_cycle(self) -> int:
        """The cycle in which a mode's velocity is known."""
        return self.product_latency + 4

    @property
    def position_cycle(self) -> int:
        """The cycle in which its position is known, the last of its way."""
        return self.velocity_cycle + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, width = self.spec, self.spec.state_width
        valid_at = {1: self.valid}
        for age in range(2, self.position_cycle + 1):
            valid_at[age] = Signal(name=f"valid_{age}")
            m.d.sync += valid_at[age].eq(valid_at[age - 1])

        def held(value: Value, arrives: int, needed: int) -> Value:
            """A value of cycle `arrives` in cycle `needed`."""
            for age in range(arrives, needed, self.interval):
                after = Signal.like(value, name=f"held_{age}", reset_less=True)
                if self.interval == 1:
                    m.d.sync += after.eq(value)
                else:
                    with m.If(valid_at[age]):
                        m.d.sync += after.eq(value)
                value = after
            return value

        old_velocity = held(self.velocity, 1, 2)
        old_position = held(self.position, 1, self.position_cycle - 1)
        position_code = held(self.position_code, 1, self.velocity_cycle)

        def shifted(value: Value, code: Value) -> Signal:
            """The value shifted right, its rounding bit below, a cycle later."""
            whole, round_bit = shifted_with_round_bit(value, Cat(Const(0, SHIFT_STEP - 1), code))
            after = Signal(signed(len(value) + 1), reset_less=True)
            m.d.sync += after.eq(Cat(round_bit, whole))
            return after

        # A rounding bit enters the carry of the adder that takes the shifted value.
        drive = shifted(self.u, self.input_code)
        driven_bound = (1 << (width - 1)) + (1 << (spec.input.width - 1))
        pushed = narrow(old_velocity + drive[1:].as_signed() + drive[0], driven_bound)
        driven = held(pushed, 2, self.velocity_cycle - 2)
        feedback = Signal(signed(spec.feedback_width), reset_less=True)
        m.d.sync += feedback.eq(
            shift_left(self.damping, spec.damping_alignment)
            + shift_left(self.stiffness, spec.stiffness_alignment)
        )
        # driven - round_shift(feedback) as one adder: the inverted sum, and for +1 - round bit its inverse.
        amount = spec.feedback_shift
        subtracted = narrow(
            driven + ~(feedback >> amount) + ~feedback[amount - 1],
            driven_bound + (1 << (spec.feedback_width - 1 - amount)) + 1,
        )
        difference = Signal(subtracted.shape(), reset_less=True)
        velocity = Signal(signed(width), reset_less=True)
        m.d.sync += [difference.eq(subtracted), velocity.eq(saturate(difference, width))]

        step = shifted(velocity, position_code)
        moved = Signal(signed(width + 1), reset_less=True)
        m.d.sync += moved.eq(old_position + step[1:].as_signed() + step[0])
        m.d.comb += [
            self.velocity_valid.eq(valid_at[self.velocity_cycle]),
            self.new_velocity.eq(velocity),
            self.position_valid.eq(valid_at[self.position_cycle]),
            self.new_position.eq(saturate(moved, width)),
        ]
        if self.clips is not None:
            tell_clip(m, self.clips.states, valid_at[self.velocity_cycle - 1], difference, width)
            tell_clip(m, self.clips.states, valid_at[self.position_cycle], moved, width)
        return m


def narrow(total: Value, bound: int) -> Value:
    """A sum that cannot exceed `bound` in its own width: Amaranth's grows with every addition."""
    return total[: signed_width(bound)].as_signed()

"""The leapfrog form of a diagonal mode: two multiplications a step instead of four, stable by construction.

A mode of S4D is a complex pole `lambda` with state `x <- lambda x + u`, of which only `Re(c x)` is used.
In a real basis of velocity q and position p the same mode reads

    q' = q - h q - s p + u            h = 1 - |lambda|^2      the damping
    p' = p + q'                       s = |1 - lambda|^2      the stiffness

(its matrix has determinant 1 - h = |lambda|^2 and trace 2 - h - s = 2 Re lambda). Both coefficients are real
and positive. Rounding h moves only the magnitude of the pole and rounding s mostly its angle, each in
proportion, so few bits serve slow and fast modes alike; any 0 < h < 1 with 0 < s < 4 - 2 h is stable.
"""

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


def leapfrog(poles: Complex) -> tuple[Real, Real]:
    """Damping and stiffness of each pole."""
    return 1.0 - np.abs(poles) ** 2, np.abs(1.0 - poles) ** 2


def poles_of(damping: Real, stiffness: Real) -> tuple[Complex, Complex]:
    """Both eigenvalues of each mode with the given damping and stiffness."""
    half_trace = (2.0 - damping - stiffness) / 2.0
    root: Complex = np.sqrt((half_trace**2 - (1.0 - damping)).astype(np.complex128))
    return half_trace + root, half_trace - root


def is_stable(damping: Real, stiffness: Real) -> NDArray[np.bool_]:
    """Whether both poles lie inside the unit circle (Jury's conditions, exact in these coefficients)."""
    return (damping > 0.0) & (damping < 1.0) & (stiffness > 0.0) & (stiffness < 4.0 - 2.0 * damping)


def output_weights(poles: Complex, residues: Complex) -> tuple[Real, Real]:
    """Weights (of p, of q) on the state before a step that give `Re(residue * lambda * x)` of that step.

    Reading the state before its update lets all four products of a mode start together; what `u` adds in the
    same step, `Re(residue) u`, belongs to the skip path.
    """
    # The impulse responses agree for all time when they agree at the first two steps:
    # (p, q) = (1, 1) after the impulse, then q = 1 - h - s, p = 1 + q.
    damping, stiffness = leapfrog(poles)
    first = (residues * poles).real
    second = (residues * poles**2).real
    velocity = 1.0 - damping - stiffness
    of_position = second - first * velocity
    of_velocity = first * (1.0 + velocity) - second
    return of_position, of_velocity

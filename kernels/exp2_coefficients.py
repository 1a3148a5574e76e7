#!/usr/bin/env python3
"""Derive the polynomial of anchor.h: 2^-g on |g| <= 1/2, degree 5, coefficients in floats.

    pip install numpy scipy && python3 exp2_coefficients.py

Minimises E with |2^g P(g) - 1| <= E on a Chebyshev grid, a linear programme in the coefficients of P. P(0) = 1 is held, so that
exp(0) is exactly 1; without that E would be 7.5e-8, with it 9.1e-8,
and after rounding 9.4e-8. The coefficients are rounded to floats one after another,
lowest power first, and the programme is solved again for those still free, so that they make up for what was lost.
Prints the coefficients, times 2^40 as anchor.h has them, and the error that is left on a finer grid.
"""

from math import factorial, log

import numpy as np
from scipy.optimize import linprog

DEGREE, SCALE, UNIT = 5, 40, 1e-7
POWERS = np.arange(DEGREE + 1)
TAYLOR = np.array([(-log(2)) ** k / factorial(k) for k in POWERS])


def basis(points):
    g = np.cos(np.linspace(0, np.pi, points)) / 2
    return g[:, None] ** POWERS * 2.0 ** g[:, None]


def minimax(fixed):
    """Coefficients with the least E, those in `fixed` (a dict by power) held. Solved as a correction to Taylor's, in units of 1e-7."""
    B = basis(1001)
    start = (B @ TAYLOR - 1) / UNIT
    E = np.ones((len(B), 1))
    bounds = [((fixed[k] - TAYLOR[k]) / UNIT,) * 2 if k in fixed else (None, None) for k in POWERS]
    solution = linprog(np.append(0 * POWERS, 1), A_ub=np.block([[B, -E], [-B, -E]]), b_ub=np.append(-start, start),
                       bounds=bounds + [(0, None)])
    return TAYLOR + solution.x[:-1] * UNIT


c = {0: 1.0}
for k in POWERS[1:]:
    c[k] = float(np.float32(minimax(c)[k]))
for k in POWERS:
    print(f"c{k} = {(c[k] * 2.0 ** SCALE).hex()}  /* {c[k]:.9g} */")
print(f"largest relative error: {np.abs(basis(200001) @ [c[k] for k in POWERS] - 1).max():.3g}")

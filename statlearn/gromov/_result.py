"""The result of a search: the interval, the plan, and the certificate."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .._typing import FloatArray
from ..certificate import Certificate

__all__ = ["GromovWassersteinResult"]

EXACT = 1e-9


@dataclass(frozen=True, eq=False)
class GromovWassersteinResult:
    """An interval around the Gromov-Wasserstein value of two measure networks, and the plan that attains its end.

    All values are in the convention ``GW2 = min sum (C1_ij - C2_kl)^2 T_ik T_jl``, without a factor one half and
    without a root; `interval` translates.

    Attributes
    ----------
    lower : float
        Proved lower bound, the largest of ``bounds``.
    upper : float
        Objective of ``plan``. A local optimum: the best that was found, not proved to be the least.
    plan : ndarray of shape (n, m)
        Coupling with marginals ``p`` and ``q``.
    lower_name : str
        Name of the bound that gave ``lower``.
    start_name : str
        Name of the start that led to ``plan``.
    n_iter : int
        Number of linear transport problems solved, over all starts.
    converged : bool
        Whether the descent that led to ``plan`` converged before ``max_iter``.
    bounds : dict of str to float
        Every lower bound that was asked for.
    certificate : Certificate
        What was proved, what was checked numerically, and what was not.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.gromov import gromov_wasserstein_bounds
    >>> K3, K5 = 1 - np.eye(3), 1 - np.eye(5)
    >>> result = gromov_wasserstein_bounds(K3, K5)
    >>> round(result.lower, 4), round(result.upper, 4)
    (0.1333, 0.2044)
    >>> [round(end, 4) for end in result.interval(power=1, half=True)]
    [0.1826, 0.2261]
    """

    lower: float
    upper: float
    plan: FloatArray = field(repr=False)
    lower_name: str
    start_name: str
    n_iter: int
    converged: bool
    bounds: dict[str, float] = field(repr=False)
    certificate: Certificate = field(repr=False)

    @property
    def gap(self) -> float:
        """``upper - lower``."""
        return self.upper - self.lower

    @property
    def rel_gap(self) -> float:
        """``gap / upper``; 0 if the interval is a point, negative only if a proof failed."""
        if self.gap == 0.0:
            return 0.0
        return self.gap / self.upper if self.upper > 0.0 else -np.inf

    @property
    def exact(self) -> bool:
        """Whether the interval is a point up to 1e-9 of its end, so that the plan is proved to be optimal."""
        return bool(abs(self.rel_gap) <= EXACT)

    def interval(self, power: Literal[1, 2] = 2, half: bool = False) -> tuple[float, float]:
        """The interval in another convention.

        Parameters
        ----------
        power : {1, 2}, default=2
            1 takes the root.
        half : bool, default=False
            Whether the root carries the factor one half of Memoli (2011), and so the square a quarter.

        Returns
        -------
        lower : float
            Lower end.
        upper : float
            Upper end.

        Raises
        ------
        ValueError
            If ``power`` is neither 1 nor 2.
        """
        if power not in (1, 2):
            raise ValueError(f"power must be 1 or 2. Got {power!r}.")
        factor = 0.5 if half else 1.0
        return tuple(float((factor * np.sqrt(end)) ** power) for end in (self.lower, self.upper))

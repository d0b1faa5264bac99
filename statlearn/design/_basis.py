"""What samplers and least squares need to know of an orthonormal basis."""

from abc import ABC, abstractmethod
from typing import Self

import numpy as np

from .._support.user_warnings import warn_user
from .._support.validation import check_array
from .._typing import ArrayLike, BoolArray, FloatArray
from ..exceptions import ExtrapolationWarning

__all__ = ["OrthonormalBasis", "check_points", "named_rows", "warn_outside"]

NAMED_ROWS = 5  # in a message


class OrthonormalBasis(ABC):
    """Base class of orthonormal bases of a space of functions.

    A basis consists of m functions ``phi = (phi_1, ..., phi_m)`` that are orthonormal in ``L2(mu)``, where ``mu`` is a
    probability measure on points with ``n_dims`` coordinates. To use functions of your own, derive from this class, set
    the two attributes and write the abstract methods.

    Attributes
    ----------
    n_dims : int
        Number of coordinates of a point.
    n_output_features_ : int
        Number of functions, m.

    See Also
    --------
    PolynomialBasis : Products of orthogonal polynomials.
    FourierBasis : Products of cosines and sines.

    Notes
    -----
    The inverse Christoffel function is ``k(x) = sum_j phi_j(x)^2``, and the induced distribution is ``(k / m) mu``.

    Examples
    --------
    The indicators of the two halves of the unit interval:

    >>> import numpy as np
    >>> from statlearn.design import OrthonormalBasis
    >>> class Halves(OrthonormalBasis):
    ...     n_dims = 1
    ...     n_output_features_ = 2
    ...     def scaled_features(self, X):
    ...         right = np.asarray(X) >= 0.5
    ...         return np.sqrt(2.0) * np.hstack([~right, right]), np.zeros(len(right))
    ...     def sample_measure(self, n, rng):
    ...         return rng.uniform(size=(n, 1))
    ...     def sample_induced(self, n, rng):
    ...         return self.sample_measure(n, rng)  # k is constant
    >>> Halves().features([[0.2], [0.7]]).round(3)
    array([[1.414, 0.   ],
           [0.   , 1.414]])
    """

    n_dims: int
    n_output_features_: int

    @abstractmethod
    def scaled_features(self, X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Compute the functions up to a factor per point, so that nothing overflows.

        Parameters
        ----------
        X : array-like of shape (n, n_dims)
            Points.

        Returns
        -------
        features : ndarray of shape (n, m)
            ``phi(x) exp(-log_scale)``, where the largest entry of a row is of moderate size.
        log_scale : ndarray of shape (n,)
            Logarithms of the factors; zeros are fine where ``phi`` is moderate.
        """

    @abstractmethod
    def sample_measure(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw independent points from ``mu``.

        Parameters
        ----------
        n : int
            Number of points.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        points : ndarray of shape (n, n_dims)
            The points.
        """

    @abstractmethod
    def sample_induced(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw independent points from the induced distribution ``(k / m) mu``.

        Parameters
        ----------
        n : int
            Number of points.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        points : ndarray of shape (n, n_dims)
            The points.
        """

    def sample_dpp(self, rng: np.random.Generator) -> FloatArray | None:
        """Draw the m points of the projection DPP directly, if there is a way.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        points : ndarray of shape (m, n_dims) or None
            The points, in random order; None where only the chain rule is left, as here.
        """
        return None

    def in_support(self, X: ArrayLike) -> BoolArray:
        """Tell which points lie in the support of ``mu``.

        Parameters
        ----------
        X : array-like of shape (n, n_dims)
            Points.

        Returns
        -------
        inside : ndarray of bool of shape (n,)
            The answers; all True unless a derived class knows better.
        """
        return np.ones(len(X), dtype=bool)

    def resolved(self) -> Self:
        """Get the basis with all that its parameters left open settled.

        Returns
        -------
        basis : OrthonormalBasis
            The basis itself, unless it is an estimator.
        """
        return self

    def features(self, X: ArrayLike) -> FloatArray:
        """Compute the functions.

        Parameters
        ----------
        X : array-like of shape (n, n_dims)
            Points.

        Returns
        -------
        features : ndarray of shape (n, m)
            ``phi(x)``.

        Raises
        ------
        ValueError
            Where a value overflows; `scaled_features` and `unit_features` have no such limit.

        Warns
        -----
        ExtrapolationWarning
            Where points lie outside the support of ``mu``.
        """
        scaled, log_scale = self.scaled_features(X)
        root = np.exp(0.5 * log_scale)[:, None]  # twice, for the product may be finite where exp(log_scale) is not
        with np.errstate(over="ignore"):
            features = scaled * root * root
        overflown = ~np.isfinite(features).all(axis=1)
        if overflown.any():
            raise ValueError(
                f"Values of the basis at {named_rows(overflown)} exceed the largest float. Use scaled_features of "
                "resolved(), which never overflows, or a lower degree, or points nearer to the bulk of the measure."
            )
        warn_outside(self, X)
        return features

    def unit_features(self, X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Compute the functions divided by their norm at each point.

        Weighted least squares with the optimal weight ``w = m / k`` needs no more: ``sqrt(w / m) phi`` has rows of norm
        1, whatever the size of ``phi``.

        Parameters
        ----------
        X : array-like of shape (n, n_dims)
            Points.

        Returns
        -------
        rows : ndarray of shape (n, m)
            ``phi(x) / ||phi(x)||``; zeros where all functions are zero.
        log_christoffel : ndarray of shape (n,)
            ``log k(x) = 2 log ||phi(x)||``.

        Raises
        ------
        ValueError
            If `scaled_features` does not return ``n_output_features_`` columns.
        """
        rows, log_scale = self.scaled_features(X)
        if rows.shape[1] != self.n_output_features_:
            raise ValueError(
                f"scaled_features of {type(self).__name__} returned {rows.shape[1]} columns, which must be as many as "
                f"n_output_features_={self.n_output_features_}."
            )
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        with np.errstate(divide="ignore"):
            log_christoffel = 2.0 * (np.log(norms) + log_scale)
        return rows / np.where(norms > 0.0, norms, 1.0)[:, None], log_christoffel


def check_points(X, n_dims):
    """Points as an array of float64 with the right number of columns."""
    X = check_array(X, dtype=np.float64, input_name="X")
    if X.shape[1] != n_dims:
        raise ValueError(f"X must have {n_dims} columns, one per dimension of the basis. Got {X.shape[1]} instead.")
    return X


def warn_outside(basis, X):
    """Warn of points outside the support of the measure of a basis."""
    outside = ~basis.in_support(X)
    if outside.any():
        warn_user(
            f"{named_rows(outside)} outside the support of the measure: the basis is extrapolated there, and no bound "
            "on the error holds. Choose a measure whose support holds all points.",
            ExtrapolationWarning,
        )


def named_rows(mask):
    """The first few rows where a mask holds, in words."""
    rows = np.flatnonzero(mask)
    more = ", ..." if rows.size > NAMED_ROWS else ""
    return f"{rows.size} of {mask.size} points (rows {', '.join(map(str, rows[:NAMED_ROWS]))}{more})"

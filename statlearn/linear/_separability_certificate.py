"""What was proved about the separability of two classes, in words and numbers."""

import numpy as np

from ..certificate import Certificate, Check
from ._separability_evidence import LEAST_REACH

__all__ = ["separability_certificate"]

HARD_RATIO = 1e3  # of the longest row to the margin: first-order methods take the square of it in steps
CLAIMS = {
    ("separable", False): "The classes are strictly separable by a linear rule, with a margin of {lower:.6g} at least.",
    ("not separable", True): (
        "No linear rule has every row strictly on its side, but one has none on the wrong side: the maximum-likelihood "
        "estimate of logistic regression is infinite."
    ),
    ("not separable", False): (
        "No linear rule separates the classes, not even weakly: the maximum-likelihood estimate of logistic regression "
        "is finite."
    ),
    ("not separable", None): "No linear rule has every row strictly on its side.",
    ("undetermined", None): "If the classes are separable at all, it is with a margin of {upper:.3g} at most.",
}
ASSUMPTIONS = ("the numbers in X and the labels in y are exact as they are stored",)


def separability_certificate(evidence, columns):
    """The certificate of what is known.

    Parameters
    ----------
    evidence : Evidence
        What is known.
    columns : tuple
        Names of the features that separate by themselves.

    Returns
    -------
    certificate : Certificate
        The claim, proved or found numerically; not decided if nothing was.
    """
    status, quasi = evidence.status, evidence.quasi
    strict = {"separable": _direction, "not separable": _combination, "undetermined": _undetermined}[status]
    checks = [strict(evidence)]
    if status == "not separable":
        checks.append(_weakly_separated(evidence, quasi, columns))
    else:
        checks += [_by_column("weak separation", columns)] if columns else []
        checks += [_interval(evidence), _scale(evidence)]
    return Certificate(
        CLAIMS[status, quasi].format(lower=evidence.lower, upper=evidence.upper),
        checks,
        ASSUMPTIONS,
    )


def _direction(evidence):
    return Check(
        "separating direction",
        evidence.lower,
        0.0,
        True,
        "proof",
        "least margin of a unit vector, less what rounding may have added",
    )


def _combination(evidence):
    """How it is known that rows combine to zero; the strongest reason that there is."""
    name = "rows combine to zero"
    if evidence.pairs.size:
        detail = f"equal rows with opposite labels: {len(evidence.pairs)} distinct"
        return Check(name, len(evidence.pairs), 1, True, "proof", detail)
    if evidence.zeros.size:
        detail = f"rows of zeros, without an intercept: {evidence.zeros.size}"
        return Check(name, evidence.zeros.size, 1, True, "proof", detail)
    n_rows = np.count_nonzero(evidence.weights)
    if evidence.overlap is not None:
        detail = f"largest relative change of the weights of {n_rows} rows that makes their sum exactly zero"
        return Check(name, evidence.overlap.ratio, 1.0, True, "proof", detail)
    detail = f"norm of the sum of {n_rows} weighted rows, relative to the longest row; in no column more than rounding"
    return Check(name, evidence.upper / evidence.radius, None, True, "numerical", detail)


def _undetermined(evidence):
    detail = "upper bound of the margin; the largest lower bound, " + f"{evidence.lower:.3g}, is not positive"
    if evidence.upper > 0.0 and evidence.radius / evidence.upper > HARD_RATIO:
        detail += "; the exact methods of separability find smaller margins than steps do"
    return Check("separating direction", evidence.upper, 0.0, None, "proof", detail)


def _weakly_separated(evidence, quasi, columns):
    """Whether a rule has no row on the wrong side."""
    name = "no weak separation" if quasi is False else "weak separation"
    if columns:
        return _by_column(name, columns)
    if quasi is None:
        return Check(name, None, None, None, "reported", 'not known: try separability(X, y, method="lp")')
    if quasi:
        theta = evidence.recession_direction()
        n_separated = int(np.count_nonzero(evidence.recession.separated))
        detail = f"least margin of a rule that has {n_separated} rows on their side; zero up to rounding"
        return Check(name, float(evidence.rows.margins(theta).min()), None, True, "numerical", detail)
    if evidence.overlap is not None and evidence.overlap.spans:
        detail = (
            "rows that combine to zero with positive weights span all features, but for those that are exact "
            "combinations of others: no rule has none on the wrong side"
        )
        return Check(name, evidence.overlap.ratio, 1.0, True, "proof", detail)
    if evidence.recession is None:
        detail = (
            "if a rule has none on the wrong side, its margins are at most this share of the mean size of their terms"
        )
        return Check(name, evidence.reach, LEAST_REACH, True, "numerical", detail)
    return Check(name, 0, None, True, "numerical", "rows that a linear program can separate weakly")


def _by_column(name, columns):
    some = ", ".join(map(str, columns[:5])) + (", ..." if len(columns) > 5 else "")
    return Check(name, len(columns), 1, True, "proof", f"features that separate by themselves: {some}")


def _interval(evidence):
    width = evidence.upper - evidence.lower
    detail = f"width of the interval of the margin, {evidence.lower:.6g} to {evidence.upper:.6g}"
    return Check("margin interval", width, None, None, "reported", detail)


def _scale(evidence):
    """The ratio whose square bounds the steps of a perceptron."""
    ratio = evidence.radius / evidence.upper if evidence.upper > 0.0 else np.inf
    detail = "longest row over the margin's upper bound; its square is of the order of the steps a perceptron may take"
    if ratio > HARD_RATIO:
        detail += "; try StandardScaler if the features differ in scale"
    return Check("scale", ratio, None, None, "reported", detail)

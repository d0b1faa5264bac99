"""What a linear rule may claim on rows that had no part in choosing it."""

from dataclasses import dataclass

from ..certificate import Certificate, Check
from ._angle_bounds import RIGHT_ANGLE

__all__ = ["HalfspaceCertificate", "halfspace_certificate"]

BOUNDED = (
    "Under the assumptions below, the error exceeds that of the best halfspace through the same point by at most "
    "{excess:.3g}, with confidence {confidence:g}."
)
UNBOUNDED = "The error is near that of the best halfspace through the same point; how near is not known."
REFUSED = "A test failed, so that no bound of the error is claimed."
GAUSSIAN = (
    "rows are Gaussian beyond what the tests see: no departure at level {level:g} is no proof that there is none, and "
    "the bound holds for exactly Gaussian rows"
)
MASSART = "each label is flipped independently with a probability of at most {eta:g} at its row (Massart noise)"
AGNOSTIC = "nothing about wrong labels but their share, which is at most the error of the rule"
CENTRAL = "the mean of the rows is as near to that of their distribution as the central limit theorem has it"
INDEPENDENT = "rows are independent, and those of the tests had no part in choosing the rule"
INTERCEPT = "the intercept was chosen by the 0-1 error; bounds are about a hyperplane amid the rows, not about this"


@dataclass(frozen=True)
class HalfspaceCertificate(Certificate):
    """The certificate of a halfspace, with its numbers.

    Parameters
    ----------
    claim : str
        One sentence that may be quoted if every check holds.
    checks : sequence of Check
        The tests.
    assumptions : sequence of str
        What nothing verified.
    p_value : float
        P-value of all tests of Gaussian rows together, the tolerance taken off. NaN if they were not made.
    angle_bound : float
        Upper confidence bound of the angle to the halfspace behind the labels, in degrees; 90 if nothing is excluded,
        or a test failed.
    excess_error_bound : float
        Upper confidence bound of the error above that of the best halfspace; 1 if nothing is excluded or a test failed.
    gradient_norm : float
        Norm of the gradient of the surrogate's risk.
    gradient_ucb : float
        Its upper confidence bound.
    error : float
        Share of wrong labels among the rows of the tests.
    covers_intercept : bool
        Whether the claim is about the rule as it is; False if an intercept was fitted.

    Examples
    --------
    >>> from statlearn.datasets import make_massart_halfspace
    >>> from statlearn.halfspace import TestableHalfspaceClassifier
    >>> X, y = make_massart_halfspace(20000, 5, recipe="massart-far", random_state=0)
    >>> certificate = TestableHalfspaceClassifier(random_state=0).fit(X, y).certificate_
    >>> certificate.holds, bool(certificate.angle_bound < 25.0)
    (True, True)
    """

    p_value: float = float("nan")
    angle_bound: float = RIGHT_ANGLE
    excess_error_bound: float = 1.0
    gradient_norm: float = float("nan")
    gradient_ucb: float = float("inf")
    error: float = float("nan")
    covers_intercept: bool = True


def halfspace_certificate(examination, *, noise, target, eta, level, covers_intercept):
    """The certificate of what `examine` found."""
    assumptions = [MASSART.format(eta=eta) if noise == "massart" else AGNOSTIC, INDEPENDENT]
    if target == "gaussian":
        assumptions.insert(1, GAUSSIAN.format(level=level))
        checks, p_value = _marginal_checks(examination.law, examination.no_law, level)
    else:
        checks, p_value = [_moment_check(examination.law, examination.no_law)], float("nan")
        if examination.bounded.offset > 0.0:
            assumptions.append(CENTRAL)
    checks += _bound_checks(examination)
    if noise == "massart":
        checks += _noise_checks(examination.noise, level, examination.no_law)
    if not covers_intercept:
        checks.append(Check("no intercept", None, None, None, "test", "not decided: an intercept was fitted"))
        assumptions.append(INTERCEPT)
    failed = any(check.holds is False for check in checks)
    excess = 1.0 if failed else examination.excess
    claim = BOUNDED.format(excess=excess, confidence=1.0 - level) if excess < 1.0 else UNBOUNDED
    return HalfspaceCertificate(
        REFUSED if failed else claim,
        checks,
        assumptions,
        p_value=p_value,
        angle_bound=RIGHT_ANGLE if failed else examination.angle,
        excess_error_bound=excess,
        gradient_norm=examination.gradient.norm,
        gradient_ucb=examination.bounded.gradient,
        error=examination.error,
        covers_intercept=covers_intercept,
    )


def _marginal_checks(marginal, reason, level):
    """The tests of Gaussian rows, and their p-value."""
    if marginal is None:
        return [Check("Gaussian", None, level, None, "test", f"not decided: {reason}")], float("nan")
    return list(marginal.certificate.checks), marginal.tolerant_p_value


def _moment_check(moments, reason):
    """Whether there are moments for the universal bound of the angle."""
    if reason:
        return Check("band moments", None, None, None, "numerical", f"not decided: {reason}")
    if moments is None:
        return Check("band moments", None, None, True, "numerical", "one direction only: there are no angles")
    detail = (
        f"least mean size of the rows near the boundary, in any direction along it (.8 if they are Gaussian): from "
        f"their second moments, {moments.least_second:.3g} at least, and kurtoses, {moments.largest_kurtosis:.3g} at "
        "most"
    )
    return Check("band moments", moments.least_size, None, True, "numerical", detail)


def _bound_checks(examination):
    """The angle bound, decided only if it excludes something, and on which side the positive class lies."""
    gradient, angle = examination.gradient, examination.angle
    detail = (
        f"largest angle in degrees that a gradient of {examination.bounded.gradient:.3g} at most leaves; "
        f"{gradient.norm:.3g} was measured, from {gradient.n_band} of {gradient.n_rows} rows near the boundary"
    )
    if angle >= RIGHT_ANGLE:
        detail = f"not decided, nothing is excluded: {detail}"
    found = [Check("angle", angle, RIGHT_ANGLE, True if angle < RIGHT_ANGLE else None, "test", detail)]
    distance = examination.bounded.distance
    detail = "of the hyperplane from the middle of these rows, in standard deviations; the bounds have room for it"
    found.append(Check("distance", distance, None, None, "reported", detail))
    side, detail = None, "error on the rows of the tests; "
    if examination.oriented:
        side, detail = True, detail + "small enough that the positive class lies on the right side"
    elif examination.error > 0.5:
        side, detail = False, detail + "the opposite rule makes fewer errors"
    elif angle >= RIGHT_ANGLE:
        detail += "not decided: on which side the positive class lies matters only if an angle is excluded"
    else:
        detail += "not decided: the opposite rule could make as few"
    return [*found, Check("error", examination.error, None, side, "test", detail)]


def _noise_checks(noise, level, reason):
    """Whether errors are as few as the noise bound allows."""
    if noise is None:
        detail = f"not decided: {reason}"
        bounds = {"noise bound": level, "no coin flips": 0.5}
        return [Check(name, None, bound, None, "test", detail) for name, bound in bounds.items()]
    slab = noise.worst
    detail = (
        f"p-value of errors in nested slabs of margins, {noise.n_slabs} in all; the worst, {slab.low:.2g} to "
        f"{slab.high:.2g}, has {slab.n_errors} errors in {slab.n_rows} rows, of which eta and the angle allow "
        f"{100.0 * slab.bound:.3g} % on average"
    )
    return [
        Check("noise bound", noise.p_value, level, noise.p_value > level, "test", detail),
        Check(
            "no coin flips",
            noise.largest_error,
            0.5,
            noise.beats_coin,
            "test",
            "upper bound of the error: of labels that are coin flips, every rule has an error of one half"
            + ("" if noise.beats_coin is not None else "; not decided: eta and the angle allow that many errors"),
        ),
    ]

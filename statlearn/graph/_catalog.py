"""The table of all measures, under the names of the literature."""

import difflib
from typing import Any

from . import _parameters as parameters
from . import _spectra as spectra
from ._measures import (
    BY_DEGREE,
    CENTERED,
    SIMILAR,
    ExponentialLog,
    SpectralMeasure,
    double_factorial_log,
    forest_log,
    katz_log,
    page_rank_log,
)
from ._path_measures import Absorption, FreeEnergy, PathMix, RandomizedShortestPath, ShortestPath, SigmoidMeasure

__all__ = ["MEASURES", "find_measure", "list_node_kernels"]

RESISTANCE = SpectralMeasure(
    "commute_time",
    ("ct", "resistance"),
    "L^+; its distance is the resistance, the commute time over the volume",
    None,
    psd=True,
    metric=True,
    connected=True,
    has_log=False,
    spectrum=spectra.COMMUTE_TIME,
)
CORRECTED = SpectralMeasure(
    "corrected_ct",
    ("cct",),
    "H D^(-1/2) M (I - M)^(-1) M D^(-1/2) H with M = S - sqrt(d) sqrt(d)' / vol",
    None,
    psd=True,
    connected=True,
    has_log=False,
    spectrum=spectra.CORRECTED,
    frame=CENTERED,
)
SHORTEST = ShortestPath(
    "shortest_path",
    ("sp",),
    "D_ij = length of the shortest path with edge lengths 1 / a_ij",
    None,
    metric=True,
    connected=True,
    has_log=False,
)

FOREST = SpectralMeasure(
    "forest",
    ("for", "regularized_laplacian"),
    "(I + t L)^(-1)",
    parameters.LAPLACIAN_TIME,
    psd=True,
    metric=True,
    log_metric=True,
    spectrum=spectra.FOREST,
    positive=forest_log,
)

ALL = (
    SpectralMeasure(
        "katz",
        ("pwalk", "von_neumann"),
        "(I - t A)^(-1)",
        parameters.KATZ,
        psd=True,
        log_metric=True,
        spectrum=spectra.KATZ_RESOLVENT,
        positive=katz_log,
    ),
    SpectralMeasure(
        "communicability",
        ("comm", "estrada", "exponential_diffusion"),
        "exp(t A)",
        parameters.EXPONENT,
        psd=True,
        spectrum=spectra.COMMUNICABILITY,
        positive=ExponentialLog("A"),
    ),
    SpectralMeasure(
        "double_factorial",
        ("df",),
        "sum over k of (t A)^k / k!!",
        parameters.EXPONENT,
        spectrum=spectra.DOUBLE_FACTORIAL,
        positive=double_factorial_log,
    ),
    FOREST,
    SpectralMeasure(
        "heat",
        ("laplacian_exponential_diffusion",),
        "exp(-t L)",
        parameters.LAPLACIAN_TIME,
        psd=True,
        spectrum=spectra.HEAT,
        positive=ExponentialLog("L"),
    ),
    SpectralMeasure(
        "normalized_heat",
        ("nheat",),
        "exp(-t (I - S))",
        parameters.TIME,
        psd=True,
        spectrum=spectra.NORMALIZED_HEAT,
        positive=ExponentialLog("S"),
    ),
    SpectralMeasure(
        "ppr",
        ("pagerank", "personalized_pagerank", "random_walk_with_restart", "rwr"),
        "(I - a P)^(-1), symmetrized after the logarithm",
        parameters.FRACTION,
        log_metric=True,
        spectrum=spectra.PAGE_RANK,
        frame=SIMILAR,
        positive=page_rank_log,
    ),
    SpectralMeasure(
        "modified_ppr",
        ("mppr",),
        "(D - a A)^(-1)",
        parameters.FRACTION,
        psd=True,
        metric=True,
        log_metric=True,
        spectrum=spectra.PAGE_RANK,
        frame=BY_DEGREE,
        positive=page_rank_log,
    ),
    SpectralMeasure(
        "heat_ppr",
        ("heatpr", "hpr"),
        "exp(-t (I - P)), symmetrized after the logarithm",
        parameters.TIME,
        spectrum=spectra.NORMALIZED_HEAT,
        frame=SIMILAR,
        positive=ExponentialLog("S"),
    ),
    RESISTANCE,
    SigmoidMeasure(
        "sigmoid_ct",
        ("sct",),
        "1 / (1 + exp(-a K / s)) with K = L^+ and s the standard deviation of its entries",
        parameters.SLOPE,
        connected=True,
        base=RESISTANCE,
    ),
    CORRECTED,
    SigmoidMeasure(
        "sigmoid_cct",
        ("scct",),
        "1 / (1 + exp(-a K / s)) with K the corrected commute-time kernel and s the standard deviation of its entries",
        parameters.SLOPE,
        connected=True,
        base=CORRECTED,
    ),
    RandomizedShortestPath(
        "rsp",
        ("randomized_shortest_path",),
        "R = (Z (C o W) Z) / Z - 1 diag, D = (R + R') / 2 with Z = (I - W)^(-1) and W = P o exp(-b C)",
        parameters.TEMPERATURE,
        connected=True,
        has_log=False,
    ),
    FreeEnergy(
        "fe",
        ("free_energy", "potential_distance"),
        "F_ij = -(1/b) log(Z_ij / Z_jj), D = (F + F') / 2 with Z as in rsp",
        parameters.TEMPERATURE,
        metric=True,
        connected=True,
        has_log=False,
    ),
    SHORTEST,
    PathMix(
        "sp_ct",
        (),
        "(1 - x) L^+ + x (-1/2 H D_SP H)",
        parameters.MIX,
        metric=True,
        connected=True,
        has_log=False,
        resistance=RESISTANCE,
        path=SHORTEST,
    ),
    Absorption(
        "absorption",
        (),
        "(L + diag(a))^(-1)",
        parameters.ABSORPTION,
        psd=True,
        metric=True,
        log_metric=True,
        forest=FOREST,
    ),
)

MEASURES = {measure.name: measure for measure in ALL}
BY_ANY_NAME = {name: measure for measure in ALL for name in (measure.name, *measure.aliases)}


def find_measure(name):
    """The measure of a name or alias."""
    if not isinstance(name, str):
        raise TypeError(f"kernel must be the name of a measure. Got {name!r} instead.")
    measure = BY_ANY_NAME.get(name.lower())
    if measure is None:
        plain = name.lower().removeprefix("log_").removeprefix("log ")
        if plain in BY_ANY_NAME:
            raise ValueError(f"kernel={name!r} is written kernel={plain!r}, log=True.")
        near = difflib.get_close_matches(plain, BY_ANY_NAME, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"kernel must be one of {sorted(MEASURES)} or an alias. Got {name!r} instead.{hint}")
    return measure


def list_node_kernels() -> list[dict[str, Any]]:
    """All measures, with their formulas and what is known about them.

    Returns
    -------
    measures : list of dict
        One per measure: ``name``; ``aliases``; ``formula`` in terms of the adjacency A, degrees d with D = diag(d),
        L = D - A, P = D^(-1) A, S = D^(-1/2) A D^(-1/2); ``parameter``, its symbol, or None; ``domain`` of the raw
        parameter; ``default`` on the spectral scale; ``has_log``: whether all entries are positive, so that the
        logarithm exists; ``psd``: the plain kernel is positive semi-definite on every graph; ``metric``: its distance
        is a metric; ``log_metric``: the distance of the log kernel is a metric (the transition inequality of
        Chebotarev); ``connected``: the plain kernel needs a connected graph. `pandas.DataFrame` makes a table of it.

    References
    ----------
    V. Ivashkin and P. Chebotarev. Do logarithmic proximity measures outperform plain ones in graph clustering? 2016.
    K. Avrachenkov, P. Chebotarev and D. Rubanov. Kernels on graphs as proximity measures. 2017.

    Examples
    --------
    >>> from statlearn.graph import list_node_kernels
    >>> [row["name"] for row in list_node_kernels() if row["parameter"] is None]
    ['commute_time', 'corrected_ct', 'shortest_path']
    """
    return [_row(measure) for measure in ALL]


def _row(measure):
    parameter = measure.parameter
    return {
        "name": measure.name,
        "aliases": measure.aliases,
        "formula": measure.formula,
        "parameter": parameter and parameter.symbol,
        "domain": parameter and parameter.domain,
        "default": parameter and parameter.default,
        "has_log": measure.has_log,
        "psd": measure.psd,
        "metric": measure.metric,
        "log_metric": measure.log_metric,
        "connected": measure.connected,
    }

"""A synthetic motor portfolio whose predictors are proxies of protected attributes."""

from numbers import Integral, Real
from typing import Any, Literal, overload

import numpy as np
from sklearn.utils import Bunch

from statlearn._support._sklearn import Interval, validate_params
from statlearn._support.random_streams import spawn_generators

from .._typing import LegacyRandomState

__all__ = ["make_motor_claims"]

SENSITIVE_NAMES = ("sex", "region", "age")
SEXES = ("female", "male")
REGIONS = ("north", "east", "south", "west")
REGION_SHARES = (0.3, 0.3, 0.2, 0.2)
REGION_SIGNS = (1.0, -1.0, 1.0, -1.0)  # half of the drivers on either side: the interaction has no marginal effect
REGION_LOG_DENSITIES = (6.5, 5.5, 5.0, 4.0)


@overload
def make_motor_claims(
    n_samples: int = 10000,
    *,
    gerrymandering: float = 0.0,
    random_state: LegacyRandomState = None,
    return_X_y: Literal[False] = False,
    as_frame: bool = False,
) -> Bunch: ...


@overload
def make_motor_claims(
    n_samples: int = 10000,
    *,
    gerrymandering: float = 0.0,
    random_state: LegacyRandomState = None,
    return_X_y: Literal[True],
    as_frame: bool = False,
) -> tuple[Any, Any]: ...


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "gerrymandering": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "return_X_y": ["boolean"],
        "as_frame": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_motor_claims(
    n_samples: int = 10_000,
    *,
    gerrymandering: float = 0.0,
    random_state: LegacyRandomState = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    r"""Draw a motor portfolio: claim counts, exposures, predictors, and protected attributes they are proxies of.

    The protected attributes (sex, region, age) have no effect of their own on the claims: all of it passes through
    the predictors. A model of the predictors alone is unaware of the attributes and still far from independent of
    them.

    Parameters
    ----------
    n_samples : int, default=10_000
        Number of policies.
    gerrymandering : float, default=0.0
        How far the annual mileage tells the combinations of sex and region apart, in units of its standard deviation
        (of the logarithm) within a combination. The mileage stays independent of each attribute alone, and of age and
        either of the two together, so that a penalty on one attribute at a time does not see the effect.
    random_state : int, RandomState instance or None, default=None
        Source of all randomness; pass an int for the same portfolio in every call. For one seed, ``gerrymandering``
        changes the mileage and the claims only.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether the tables are pandas DataFrames and the vectors pandas Series instead of ndarrays.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch` or tuple (data, target)
        The Bunch has attributes

        - ``data``: ndarray or DataFrame of shape (n_samples, 7), the numeric predictors;
        - ``target``: ndarray or Series of shape (n_samples,), numbers of claims, integers;
        - ``exposure``: ndarray or Series of shape (n_samples,), years under risk, from 1/12 to 1;
        - ``sensitive``: object ndarray or DataFrame of shape (n_samples, 3), the protected attributes ``"sex"``
          (``"female"``, ``"male"``), ``"region"`` (``"north"``, ``"east"``, ``"south"``, ``"west"``) and ``"age"``
          (years);
        - ``rate``: ndarray or Series of shape (n_samples,), the true expected number of claims per year;
        - ``feature_names``: list of 7 str;
        - ``sensitive_names``: list of 3 str;
        - ``frame``: DataFrame with all predictors, attributes, ``"exposure"`` and ``"claims"`` if ``as_frame=True``,
          else None.

    Raises
    ------
    ValueError
        If an argument is out of range.
    ImportError
        If ``as_frame=True`` and pandas is not installed.

    See Also
    --------
    make_rare_ordinal : Synthetic ordered outcome with a rare last class.

    Notes
    -----
    All draws are independent, between policies and of each other. :math:`Z_1, \dots, Z_4` are standard normal.

    - Sex is a fair coin, :math:`s = 1` for men and :math:`-1` for women. The regions have shares .3, .3, .2 and .2
      in the order above and :math:`r = 1, -1, 1, -1`. Age is :math:`18 + 62 B` with :math:`B` from a beta distribution
      with parameters 2 and 3 (mean 43).
    - ``vehicle_power`` (kW): :math:`75 \exp(0.15 s + 0.25 Z_1)`, a proxy of sex.
    - ``vehicle_age`` (years): gamma with shape 2 and scale 3.5, independent of the attributes.
    - ``vehicle_value`` (euro): ``300 * vehicle_power`` times :math:`\exp(0.2 Z_2 - 0.12\, \text{vehicle age})`.
    - ``driver_experience`` (years): age minus 18, times a uniform number from 0.6 to 1: a proxy of age.
    - ``bonus_malus``: :math:`50 + 60 \exp(-\text{experience} / 8) + 8 E` with :math:`E` standard exponential.
    - ``density`` (inhabitants per square kilometer): :math:`\exp(m + Z_3)` with :math:`m` = 6.5, 5.5, 5 and 4 for the
      four regions, a proxy of region.
    - ``annual_mileage`` (km): :math:`12000 \exp(0.35 (Z_4 + g s r))` with :math:`g` = ``gerrymandering``. Half of
      each sex and half of each region have :math:`s r = 1`, at every age.
    - ``exposure``: 1 year with probability 0.7, else uniform from 1/12 to 1.
    - The number of claims is Poisson with mean ``exposure * rate``, where

      .. math::
          \log \text{rate} = -2.5 + (0.8 + 1.5 e) \log \frac{\text{power}}{75} + 0.2 \log \frac{\text{density}}{200}
          + 0.8 \log \frac{\text{mileage}}{12000} + 0.015\, (\text{bonus malus} - 50)
          - 0.02\, \text{vehicle age} + 0.5 e

      with :math:`e = \exp(-\text{experience} / 4)`: fast cars are more dangerous in the hands of beginners, which no
      linear predictor can tell. The value of the vehicle has no effect.

    The mean rate is 0.114 claims per year without gerrymandering, and 0.119 with ``gerrymandering=1``.

    Examples
    --------
    >>> from statlearn.datasets import make_motor_claims
    >>> motor = make_motor_claims(random_state=0)
    >>> motor.data.shape, motor.sensitive.shape, motor.sensitive_names
    ((10000, 7), (10000, 3), ['sex', 'region', 'age'])
    >>> bool(0.1 < motor.target.sum() / motor.exposure.sum() < 0.15)
    True
    >>> bool(((motor.exposure > 0) & (motor.exposure <= 1)).all())
    True
    """
    (rng,) = spawn_generators(random_state, 1)
    attributes = _draw_attributes(rng, n_samples)
    predictors = _draw_predictors(rng, attributes, gerrymandering)
    exposure = np.where(rng.random(n_samples) < 0.7, 1.0, rng.uniform(1 / 12, 1.0, size=n_samples))
    rate = _claim_rate(predictors)
    claims = rng.poisson(exposure * rate)
    portfolio = _as_frames if as_frame else _as_arrays
    bunch = portfolio(predictors, attributes, exposure=exposure, rate=rate, claims=claims)
    return (bunch.data, bunch.target) if return_X_y else bunch


def _draw_attributes(rng, n_samples):
    """The protected attributes, by name."""
    return {
        "sex": np.array(SEXES)[rng.integers(2, size=n_samples)],
        "region": np.array(REGIONS)[rng.choice(len(REGIONS), size=n_samples, p=REGION_SHARES)],
        "age": 18.0 + 62.0 * rng.beta(2.0, 3.0, size=n_samples),
    }


def _draw_predictors(rng, attributes, gerrymandering):
    """The predictors given the protected attributes, by name."""
    n_samples = attributes["age"].size
    normal = rng.standard_normal((4, n_samples))
    sex_sign = np.where(attributes["sex"] == "male", 1.0, -1.0)
    region_sign = np.select([attributes["region"] == name for name in REGIONS], REGION_SIGNS)
    log_density = np.select([attributes["region"] == name for name in REGIONS], REGION_LOG_DENSITIES)
    power = 75.0 * np.exp(0.15 * sex_sign + 0.25 * normal[0])
    vehicle_age = rng.gamma(2.0, 3.5, size=n_samples)
    experience = (attributes["age"] - 18.0) * rng.uniform(0.6, 1.0, size=n_samples)
    return {
        "vehicle_power": power,
        "vehicle_age": vehicle_age,
        "vehicle_value": 300.0 * power * np.exp(0.2 * normal[1] - 0.12 * vehicle_age),
        "driver_experience": experience,
        "bonus_malus": 50.0 + 60.0 * np.exp(-experience / 8.0) + 8.0 * rng.standard_exponential(n_samples),
        "density": np.exp(log_density + normal[2]),
        "annual_mileage": 12000.0 * np.exp(0.35 * (normal[3] + gerrymandering * sex_sign * region_sign)),
    }


def _claim_rate(predictors):
    """Expected claims per year; the formula of the docstring."""
    beginner = np.exp(-predictors["driver_experience"] / 4.0)
    return np.exp(
        -2.5
        + (0.8 + 1.5 * beginner) * np.log(predictors["vehicle_power"] / 75.0)
        + 0.2 * np.log(predictors["density"] / 200.0)
        + 0.8 * np.log(predictors["annual_mileage"] / 12000.0)
        + 0.015 * (predictors["bonus_malus"] - 50.0)
        - 0.02 * predictors["vehicle_age"]
        + 0.5 * beginner
    )


def _as_arrays(predictors, attributes, *, exposure, rate, claims):
    sensitive = np.empty((exposure.size, len(SENSITIVE_NAMES)), dtype=object)
    for position, name in enumerate(SENSITIVE_NAMES):
        sensitive[:, position] = attributes[name]
    return Bunch(
        data=np.column_stack(list(predictors.values())),
        target=claims,
        exposure=exposure,
        sensitive=sensitive,
        rate=rate,
        feature_names=list(predictors),
        sensitive_names=list(SENSITIVE_NAMES),
        frame=None,
    )


def _as_frames(predictors, attributes, *, exposure, rate, claims):
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "make_motor_claims with as_frame=True needs pandas; install it with `pip install 'statlearn[dataframe]'`, "
            "or use as_frame=False."
        ) from error
    data, sensitive = pd.DataFrame(predictors), pd.DataFrame(attributes)
    target, exposure = pd.Series(claims, name="claims"), pd.Series(exposure, name="exposure")
    return Bunch(
        data=data,
        target=target,
        exposure=exposure,
        sensitive=sensitive,
        rate=pd.Series(rate, name="rate"),
        feature_names=list(predictors),
        sensitive_names=list(SENSITIVE_NAMES),
        frame=pd.concat([data, sensitive, exposure, target], axis=1),
    )

"""Marriage ratings of 6,366 women, read from the copy that statsmodels ships."""

from typing import Any, Literal, overload

from sklearn.utils import Bunch

from statlearn._support._sklearn import validate_params

__all__ = ["load_marriage"]

FEATURE_NAMES = ("age", "yrs_married", "children", "religious", "educ", "occupation", "occupation_husb", "affairs")
TARGET_NAMES = ("very good", "good", "fair", "poor", "very poor")
HIGHEST_RATING = 5

DESCRIPTION = """\
Marriage ratings
----------------
A magazine survey of 1974 asked married women to rate their marriage; Fair (1978) studied the answers. 6,366 rows, no
missing values. The rating is turned around: the classes go from very good to very poor, and the last one is rare.

:Target: how the respondent rates her marriage
    0 = very good (2684 rows), 1 = good (2242), 2 = fair (993), 3 = poor (348), 4 = very poor (99 rows, 1.56 %)
:Features: all numeric
    - age: years, in classes
    - yrs_married: years married, in classes
    - children: number of children
    - religious: 1 = not, 2 = mildly, 3 = fairly, 4 = strongly
    - educ: years of education; 9 = grade school, 12 = high school, 14 = some college, 16 = college graduate,
      17 = some graduate school, 20 = advanced degree
    - occupation: 1 = student, 2 = farming or unskilled, 3 = white collar, 4 = teacher, nurse, technician, skilled,
      5 = managerial, 6 = professional with advanced degree
    - occupation_husb: the same for the husband
    - affairs: measure of the time spent in extramarital affairs

The numbers are read from the installed statsmodels package (statsmodels.datasets.fair), which includes them with the
permission of the author.

R. C. Fair (1978). "A Theory of Extramarital Affairs". Journal of Political Economy, 86(1), 45-61.
"""


@overload
def load_marriage(*, return_X_y: Literal[False] = False, as_frame: bool = False) -> Bunch: ...


@overload
def load_marriage(*, return_X_y: Literal[True], as_frame: bool = False) -> tuple[Any, Any]: ...


@validate_params({"return_X_y": ["boolean"], "as_frame": ["boolean"]}, prefer_skip_nested_validation=True)
def load_marriage(*, return_X_y: bool = False, as_frame: bool = False) -> Bunch | tuple[Any, Any]:
    """Load the marriage ratings, an ordered outcome whose last class is rare.

    ==================  ==============================================================
    Rows                6366
    Features            8, numeric
    Classes             5, from "very good" to "very poor"
    Rows per class      2684, 2242, 993, 348, 99 (the last: 1.56 %)
    ==================  ==============================================================

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether the features are a pandas DataFrame and the target a pandas Series instead of ndarrays.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch` or tuple (data, target)
        The Bunch has attributes

        - ``data``: ndarray or DataFrame of shape (6366, 8), float;
        - ``target``: ndarray or Series of shape (6366,), integers 0 to 4, where 4 is "very poor", the rare class;
        - ``feature_names``: list of 8 str;
        - ``target_names``: list of 5 str, in the order of the classes;
        - ``frame``: DataFrame of shape (6366, 9) with the target in column ``"marriage"`` if ``as_frame=True``, else
          None;
        - ``DESCR``: str, the description of the data.

    Raises
    ------
    ImportError
        If statsmodels, which holds the data, is not installed.

    See Also
    --------
    make_rare_ordinal : Synthetic ordered outcome with known rare-class probabilities.

    Examples
    --------
    >>> from statlearn.datasets import load_marriage
    >>> marriage = load_marriage()
    >>> marriage.data.shape, marriage.target_names[-1]
    ((6366, 8), 'very poor')
    >>> int((marriage.target == 4).sum())
    99
    """
    table = _read_table()
    features = table[list(FEATURE_NAMES)].astype("float64")
    target = (HIGHEST_RATING - table["rate_marriage"]).astype("int64").rename("marriage")
    data, labels, frame = features.to_numpy(), target.to_numpy(), None
    if as_frame:
        data, labels, frame = features, target, features.join(target)
    if return_X_y:
        return data, labels
    return Bunch(
        data=data,
        target=labels,
        frame=frame,
        feature_names=list(FEATURE_NAMES),
        target_names=list(TARGET_NAMES),
        DESCR=DESCRIPTION,
    )


def _read_table():
    """The survey as statsmodels stores it: a DataFrame with ``rate_marriage`` from 1 (very poor) to 5."""
    try:
        from statsmodels.datasets import fair
    except ImportError as error:
        raise ImportError(
            "load_marriage reads the data that statsmodels ships, and statsmodels is not installed; install it with "
            "`pip install 'statlearn[examples]'`."
        ) from error
    return fair.load_pandas().data

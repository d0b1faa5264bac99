"""Data of the benchmarks of dependence and fairness: two real tables, and generated ones of any size."""

from typing import NamedTuple

import numpy as np

from benchmarks.ordinal_data import data_folder

__all__ = ["DEPENDENCE_KINDS", "Split", "load_compas", "load_motor", "make_dependent", "one_hot", "standardize"]

N_CELLS = 20
RARE_RACES = ("Asian", "Native American")
MOTOR_NUMERIC = ("Age", "Group1", "Bonus", "Poldur", "Value", "Adind", "Density")
MOTOR_NOMINAL = ("Type", "Category", "Occupation")
SHARE_OF_TRAINING = 0.8


class Split(NamedTuple):
    """Training or test rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Predictors, standardized by the training rows.
    y : ndarray of shape (n_samples,)
        Targets.
    sensitive : DataFrame of shape (n_samples, n_attributes)
        Raw protected attributes.
    exposure : ndarray of shape (n_samples,)
        Years under risk; ones where there is no such thing.
    """

    X: np.ndarray
    y: np.ndarray
    sensitive: object
    exposure: np.ndarray


# --- real tables -----------------------------------------------------------------------------------------------------


def load_compas():
    """The COMPAS table of two-year recidivism after ProPublica's filter.

    Two small groups of the attribute race are counted among the others.

    Returns
    -------
    X : ndarray of shape (6172, 5)
        Prior counts, three kinds of juvenile counts and whether the charge is a felony.
    y : ndarray of shape (6172,)
        1 for recidivism within two years.
    sensitive : DataFrame of shape (6172, 3)
        The attributes sex, race (four groups) and age (in years).

    Raises
    ------
    FileNotFoundError
        If the shared data are not there.
    """
    import pandas as pd

    table = pd.read_csv(data_folder() / "fairness" / "compas_two_years.csv.gz")
    kept = table["days_b_screening_arrest"].between(-30, 30) & (table["is_recid"] != -1)
    table = table[kept & (table["c_charge_degree"] != "O") & table["score_text"].notna()]
    counts = table[["priors_count", "juv_fel_count", "juv_misd_count", "juv_other_count"]].to_numpy(dtype=np.float64)
    X = np.column_stack([counts, table["c_charge_degree"] == "F"])
    sensitive = table[["sex", "race", "age"]].reset_index(drop=True)
    sensitive["race"] = sensitive["race"].where(~sensitive["race"].isin(RARE_RACES), "Other")
    return X, table["two_year_recid"].to_numpy(), sensitive


def load_motor(seed=0):
    """The motor portfolio pg15training: frequencies of property claims, protected by gender and region.

    The first 21 rows repeat later policies and are left out. A fifth of the rows, the same share of every combination
    of gender and region, is set aside for testing.

    Parameters
    ----------
    seed : int, default=0
        Of the split.

    Returns
    -------
    train, test : Split
        Targets are counts per exposure.

    Raises
    ------
    FileNotFoundError
        If the shared data are not there.
    """
    import pandas as pd
    from sklearn.model_selection import train_test_split

    table = pd.read_csv(data_folder() / "insurance" / "pg15training.csv.gz").iloc[21:]
    numeric = table[list(MOTOR_NUMERIC)].to_numpy(dtype=np.float64)
    numeric[:, MOTOR_NUMERIC.index("Value")] = np.log(numeric[:, MOTOR_NUMERIC.index("Value")])
    nominal = pd.get_dummies(table[list(MOTOR_NOMINAL)], drop_first=True).to_numpy(dtype=np.float64)
    X, exposure = np.hstack([numeric, nominal]), table["Exppdays"].to_numpy() / 365.0
    sensitive = table[["Gender", "Group2"]].reset_index(drop=True)
    cells = sensitive["Gender"] + sensitive["Group2"]
    rows = train_test_split(np.arange(len(table)), train_size=SHARE_OF_TRAINING, random_state=seed, stratify=cells)
    y = table["Numtppd"].to_numpy() / exposure
    X = standardize(X, rows[0])
    return tuple(Split(X[part], y[part], sensitive.iloc[part].reset_index(drop=True), exposure[part]) for part in rows)


def standardize(X, rows):
    """Columns of zero mean and unit deviation over the given rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    rows : ndarray of int
        Training rows.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)

    Examples
    --------
    >>> standardize(np.array([[1.0], [3.0], [7.0]]), [0, 1]).ravel().tolist()
    [-1.0, 1.0, 5.0]
    """
    return (X - X[rows].mean(axis=0)) / X[rows].std(axis=0)


# --- generated tables ------------------------------------------------------------------------------------------------


def one_hot(codes):
    """One column of zeros and ones per level, none dropped.

    Parameters
    ----------
    codes : array-like of shape (n_samples,)

    Returns
    -------
    columns : ndarray of shape (n_samples, n_levels)

    Examples
    --------
    >>> one_hot(["a", "b", "a"])
    array([[1., 0.],
           [0., 1.],
           [1., 0.]])
    """
    levels, codes = np.unique(codes, return_inverse=True)
    columns = np.zeros((len(codes), len(levels)))
    columns[np.arange(len(codes)), codes] = 1.0
    return columns


def make_dependent(kind, n_samples, seed=0):
    """Predictions that depend on protected attributes a little.

    Parameters
    ----------
    kind : str
        One of `DEPENDENCE_KINDS`. Cells are 20 combinations: as one column of codes, as one attribute of 20 columns, or
        as an attribute with ten levels and one with two. A column is continuous; with it there may be four cells, or
        another column.
    n_samples : int
    seed : int, default=0

    Returns
    -------
    f : ndarray of shape (n_samples,)
        Predictions, without ties.
    blocks : list of ndarray of shape (n_samples, n_columns)
        Attributes.

    Raises
    ------
    ValueError
        If the kind is unknown.

    Examples
    --------
    >>> f, (regions, sexes) = make_dependent("cells, two attributes", 1000)
    >>> regions.shape, sexes.shape
    ((1000, 10), (1000, 1))
    """
    if kind not in ATTRIBUTES:
        raise ValueError(f"kind must be one of {DEPENDENCE_KINDS}, got {kind!r}.")
    rng = np.random.default_rng(seed)
    codes, column, other = (
        rng.integers(N_CELLS, size=n_samples),
        rng.uniform(size=n_samples),
        rng.uniform(size=n_samples),
    )
    f = rng.normal(size=n_samples) + 0.02 * codes + 0.3 * column
    return f, ATTRIBUTES[kind](codes, column, other)


ATTRIBUTES = {
    "cells, codes": lambda codes, column, other: [codes[:, None].astype(np.float64)],
    "cells, one-hot": lambda codes, column, other: [one_hot(codes)],
    "cells, two attributes": lambda codes, column, other: [one_hot(codes % 10), np.float64(codes >= 10)[:, None]],
    "column": lambda codes, column, other: [column[:, None]],
    "column and cells": lambda codes, column, other: [one_hot(codes % 4), column[:, None]],
    "columns": lambda codes, column, other: [np.column_stack([column, other])],
}
DEPENDENCE_KINDS = tuple(ATTRIBUTES)

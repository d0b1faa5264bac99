"""What a fit may claim: named checks, the claim they support and the assumptions nobody checked.

Every estimator leaves a `Certificate` in ``certificate_`` after ``fit``, results that claim something have one in
``certificate``.
"""

import html
import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from pandas import DataFrame
else:
    DataFrame = Any  # this module imports nothing of ours, and pandas on first use only

__all__ = ["Check", "Certificate"]

KINDS = ("proof", "numerical", "test", "reported")
COLUMNS = ("name", "kind", "statistic", "bound", "holds", "detail")
LINE_WIDTH = 100
VERDICTS = {True: "holds", False: "does not hold", None: "not decided"}
HEADINGS = {True: "Claim", False: "Claim, refused", None: "Claim, not decided"}
ANSWERS = {True: "yes", False: "NO", None: "not decided"}


@dataclass(frozen=True)
class Check:
    """One thing that was examined about a fit.

    Parameters
    ----------
    name : str
        What was examined, such as ``"duality gap"``. Unique within a certificate.
    statistic : float, int or None
        The number that was computed; None if there is none.
    bound : float, int or None
        The number that ``statistic`` is compared with; None if there is none.
    holds : bool or None
        The outcome; None if nothing was decided: too little data, not applicable, or a number reported for the reader.
    kind : {"proof", "numerical", "test", "reported"}
        How strong the outcome is. A ``"proof"`` is a mathematical bound evaluated at this fit, a ``"numerical"`` check
        holds up to rounding and tolerance, a ``"test"`` is statistical (it may find no violation, which does not show
        that there is none), and ``"reported"`` is a plain count or measurement.
    detail : str, default=""
        A remark for the reader.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If ``kind`` is unknown, ``name`` is empty, or an outcome is stated about a statistic or bound that is NaN.

    Examples
    --------
    >>> from statlearn.certificate import Check
    >>> check = Check("duality gap", 2e-9, 1e-6, True, "proof")
    >>> check.holds
    True
    """

    name: str
    statistic: float | int | None
    bound: float | int | None
    holds: bool | None
    kind: Literal["proof", "numerical", "test", "reported"]
    detail: str = ""

    def __post_init__(self):
        _require_text("Check", "name", self.name)
        _set(self, "statistic", _plain_number("statistic", self.statistic))
        _set(self, "bound", _plain_number("bound", self.bound))
        _set(self, "holds", _plain_outcome(self.holds))
        if self.kind not in KINDS:
            raise ValueError(f"kind of Check must be one of {', '.join(map(repr, KINDS))}. Got {self.kind!r} instead.")
        if not isinstance(self.detail, str):
            raise TypeError(f"detail of Check must be a str. Got {self.detail!r} instead.")
        if self.holds is not None and any(number != number for number in (self.statistic, self.bound)):  # only NaN is
            raise ValueError(f"holds of Check {self.name!r} must be None when the statistic or the bound is NaN.")

    def to_dict(self) -> dict[str, Any]:
        """Return the check as a dictionary that `json.dumps` writes as standard JSON.

        Returns
        -------
        content : dict
            One entry per field. Infinities and NaN, which JSON does not have, become the strings ``"inf"``, ``"-inf"``
            and ``"nan"``; `float` reads them back.

        Examples
        --------
        >>> from statlearn.certificate import Check
        >>> Check("crossing rows", 3, None, None, "reported").to_dict()["statistic"]
        3
        """
        return {name: _json_safe(getattr(self, name)) for name in COLUMNS}

    def _cells(self):
        answer = "-" if self.holds is None and self.kind == "reported" else ANSWERS[self.holds]
        return (self.name, self.kind, _shown(self.statistic), _shown(self.bound), answer, self.detail)


@dataclass(frozen=True)
class Certificate:
    """A claim about a fit, the checks behind it and the assumptions it rests on.

    A certificate never changes after construction. A subclass that is itself a frozen dataclass may add fields; they
    appear in `to_dict`, in the printed table and in notebooks.

    Parameters
    ----------
    claim : str
        One sentence that may be quoted when every check holds.
    checks : sequence of Check
        What was examined, in the order in which it is shown.
    assumptions : sequence of str, default=()
        What the claim needs and nothing here verified.

    Raises
    ------
    TypeError
        If an argument, or an added field, has the wrong type.
    ValueError
        If ``claim`` is empty or two checks share a name.

    Notes
    -----
    The certificate as a whole

    - fails (``holds`` is False) if any check fails, whatever its kind;
    - is undecided (None) if no check fails but a check of kind ``"proof"``, ``"numerical"`` or ``"test"`` is undecided;
    - is undecided as well if not a single check was decided, for then nothing supports the claim;
    - holds (True) otherwise.

    A check of kind ``"reported"`` whose outcome is None is a number for the reader and has no say. Give a reported
    check an outcome only if the claim depends on it.

    ``bool(certificate)`` is True only if the certificate holds: undecided counts as False. Otherwise a certificate is a
    mapping of names to checks: ``certificate[name]``, ``name in certificate``, ``len``, and iteration over the names.

    An added field holds a number, a string, a bool, None, or a sequence of these; arrays and lists are stored as
    tuples.

    Examples
    --------
    >>> from statlearn.certificate import Certificate, Check
    >>> certificate = Certificate(
    ...     claim="The coefficients minimize the objective up to the duality gap.",
    ...     checks=[
    ...         Check("duality gap", 2e-9, 1e-6, True, "proof"),
    ...         Check("crossing rows", 3, None, None, "reported", "of 100 training rows"),
    ...     ],
    ...     assumptions=["rows are independent"],
    ... )
    >>> bool(certificate)
    True
    >>> certificate["duality gap"].statistic
    2e-09
    >>> "gap" in certificate, list(certificate)
    (False, ['duality gap', 'crossing rows'])
    >>> print(certificate)
    Certificate: holds
    Claim: The coefficients minimize the objective up to the duality gap.
    Checks:
      name           kind      statistic  bound  holds  detail
      -------------  --------  ---------  -----  -----  --------------------
      duality gap    proof         2e-09  1e-06  yes
      crossing rows  reported          3      -  -      of 100 training rows
    Assumed, not verified:
      - rows are independent
    """

    claim: str
    checks: Sequence[Check]
    assumptions: Sequence[str] = ()

    def __post_init__(self):
        _require_text(type(self).__name__, "claim", self.claim)
        _set(self, "checks", _tuple_of(self, "checks", Check))
        _set(self, "assumptions", _tuple_of(self, "assumptions", str))
        names = self._names()
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"checks of {type(self).__name__} must have distinct names. Got {twice!r} twice.")
        for name in self._added_fields():
            _set(self, name, _frozen(f"{name} of {type(self).__name__}", getattr(self, name)))

    @property
    def holds(self) -> bool | None:
        """True, False or None (undecided): the outcome of all checks together."""
        outcomes = [check.holds for check in self.checks if check.holds is not None or check.kind != "reported"]
        if False in outcomes:
            return False
        return None if None in outcomes or not outcomes else True

    def __bool__(self) -> bool:
        return self.holds is True

    def __getitem__(self, name: str) -> Check:
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(f"no check named {name!r}; the checks are {', '.join(map(repr, self._names())) or 'none'}")

    def __contains__(self, name: object) -> bool:
        return name in self._names()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as a dictionary that `json.dumps` writes as standard JSON.

        Returns
        -------
        content : dict
            ``"claim"``, ``"holds"``, ``"checks"`` (a list of dictionaries), ``"assumptions"`` (a list) and one entry
            per added field. Infinities and NaN become strings, as in `Check.to_dict`.

        Examples
        --------
        >>> import json
        >>> from statlearn.certificate import Certificate, Check
        >>> certificate = Certificate("The gap is closed.", [Check("gap", 0.0, 1e-6, True, "proof")])
        >>> json.loads(json.dumps(certificate.to_dict())) == certificate.to_dict()
        True
        """
        content = {"claim": self.claim, "holds": self.holds}
        return content | {field.name: _json_safe(getattr(self, field.name)) for field in fields(self)}

    def to_frame(self) -> DataFrame:
        """Return the checks as a pandas table.

        Returns
        -------
        frame : pandas.DataFrame
            One row per check; columns ``name``, ``kind``, ``statistic``, ``bound``, ``holds`` (nullable boolean) and
            ``detail``.

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> from statlearn.certificate import Certificate, Check
        >>> certificate = Certificate("The gap is closed.", [Check("gap", 0.0, 1e-6, True, "proof")])
        >>> certificate.to_frame()["name"].tolist()
        ['gap']
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "Certificate.to_frame needs pandas. Install it with: pip install 'statlearn[dataframe]'"
            ) from error
        rows = [[getattr(check, name) for name in COLUMNS] for check in self.checks]
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        return frame.astype({"statistic": float, "bound": float, "holds": "boolean"})

    def __str__(self):
        lines = [
            f"{type(self).__name__}: {VERDICTS[self.holds]}",
            *textwrap.wrap(f"{HEADINGS[self.holds]}: {self.claim}", LINE_WIDTH, subsequent_indent="  "),
            "Checks:",
            textwrap.indent(format_table(COLUMNS, [check._cells() for check in self.checks], right=(2, 3)), "  "),
        ]
        if self.assumptions:
            lines.append("Assumed, not verified:")
            for text in self.assumptions:
                lines += textwrap.wrap(text, LINE_WIDTH, initial_indent="  - ", subsequent_indent="    ")
        for name in self._added_fields():
            lines += textwrap.wrap(f"{name}: {_shown(getattr(self, name))}", LINE_WIDTH, subsequent_indent="  ")
        return "\n".join(lines)

    def _repr_html_(self):
        """Table shown by notebooks."""
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in check._cells()) + "</tr>"
            for check in self.checks
        )
        added = [f"{name}: {_shown(getattr(self, name))}" for name in self._added_fields()]
        return (
            f"<p><b>{html.escape(type(self).__name__)}: {VERDICTS[self.holds]}</b><br>{HEADINGS[self.holds]}: "
            f"{html.escape(self.claim)}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
            + _html_list("Assumed, not verified", self.assumptions)
            + _html_list("Further fields", added)
        )

    def _names(self):
        return [check.name for check in self.checks]

    def _added_fields(self):
        return [field.name for field in fields(self) if field.name not in ("claim", "checks", "assumptions")]


def format_table(headers, rows, *, right=()):
    """Lay out text cells as an aligned plain-text table.

    Parameters
    ----------
    headers : sequence of str
        One per column.
    rows : sequence of sequence of str
        The cells.
    right : collection of int, default=()
        Positions of the columns that are aligned to the right.

    Returns
    -------
    table : str
        Lines joined by newlines, without trailing blanks.

    Examples
    --------
    >>> from statlearn.certificate import format_table
    >>> print(format_table(["name", "value"], [["gap", "0.5"], ["rows", "10"]], right=[1]))
    name  value
    ----  -----
    gap     0.5
    rows     10
    """
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    lines = [headers, ["-" * width for width in widths], *rows]
    return "\n".join(_format_row(cells, widths, right) for cells in lines)


def _format_row(cells, widths, right):
    padded = [
        cell.rjust(width) if position in right else cell.ljust(width)
        for position, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _html_list(title, entries):
    if not entries:
        return ""
    return f"<p>{title}</p><ul>" + "".join(f"<li>{html.escape(entry)}</li>" for entry in entries) + "</ul>"


def _set(frozen_object, name, value):
    object.__setattr__(frozen_object, name, value)


def _require_text(owner, name, value):
    if not isinstance(value, str):
        raise TypeError(f"{name} of {owner} must be a str. Got {value!r} instead.")
    if not value.strip():
        raise ValueError(f"{name} of {owner} must not be empty.")


def _plain_number(name, value):
    if value is None:
        return None
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} of Check must be a real number or None. Got {value!r} instead.")
    return int(value) if isinstance(value, Integral) else float(value)


def _plain_outcome(value):
    if value is not None and not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"holds of Check must be True, False or None. Got {value!r} instead.")
    return None if value is None else bool(value)


def _tuple_of(certificate, name, kind):
    values, owner = getattr(certificate, name), type(certificate).__name__
    message = f"{name} of {owner} must be a sequence of {kind.__name__}."
    if isinstance(values, (str, Check)) or not hasattr(values, "__iter__"):
        raise TypeError(f"{message} Got {values!r} instead.")
    values = tuple(values)
    for value in values:
        if not isinstance(value, kind):
            raise TypeError(f"{message} Got the entry {value!r}.")
    return values


def _frozen(name, value):
    """Immutable plain-Python twin of the value of an added field."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return _frozen(name, value.tolist())
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(name, entry) for entry in value)
    raise TypeError(
        f"{name} must be a number, a string, a bool, None, or a sequence or array of these. Got {value!r} instead."
    )


def _json_safe(value):
    if isinstance(value, Check):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_json_safe(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _shown(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_shown, value)) + ")"
    return str(value)

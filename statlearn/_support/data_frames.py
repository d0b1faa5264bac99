"""Tables of pandas, which no part of the library needs to be installed."""

__all__ = ["check_same_index", "data_frame"]


def check_same_index(**columns):
    """Refuse pandas objects whose rows are not those of one another: they would be paired by position.

    Parameters
    ----------
    **columns : dict of str to object
        Arguments by name; those without an index are not looked at.

    Raises
    ------
    ValueError
        If two of them have different indices.

    Examples
    --------
    >>> from statlearn._support.data_frames import check_same_index
    >>> check_same_index(x=[1, 2], y=[3, 4])
    """
    indices = {name: getattr(column, "index", None) for name, column in columns.items()}
    first, *others = [name for name, index in indices.items() if hasattr(index, "equals")] or [None]
    for name in others:
        if not indices[first].equals(indices[name]):
            raise ValueError(
                f"{first} and {name} must have the same index. Align them first, as by {name}.loc[{first}.index]."
            )


def data_frame(columns, method):
    """Put columns into a table.

    Parameters
    ----------
    columns : dict of str to array-like
        The columns by their names.
    method : str
        Name of the method that was called, for the message.

    Returns
    -------
    frame : pandas.DataFrame
        The table.

    Raises
    ------
    ImportError
        If pandas is not installed.

    Examples
    --------
    >>> from statlearn._support.data_frames import data_frame
    >>> data_frame({"name": ["gap"], "value": [0.5]}, "Result.to_frame")
      name  value
    0  gap    0.5
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(f"{method} needs pandas. Install it with: pip install 'statlearn[dataframe]'") from error
    return pd.DataFrame(columns)

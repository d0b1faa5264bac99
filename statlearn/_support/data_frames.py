"""Tables for pandas, which no part of the library needs to be installed."""

__all__ = ["data_frame"]


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

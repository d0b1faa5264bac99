"""Axes for pictures."""

from ._sklearn import check_matplotlib_support

__all__ = ["axes_of"]


def axes_of(display, ax, size=None):
    """Axes to draw on, those that were given or those of a new figure, and their figure.

    Parameters
    ----------
    display : object
        What is drawn, for the message if matplotlib is not installed.
    ax : matplotlib Axes or None
        Where to draw; None makes a new figure.
    size : tuple of (float, float), default=None
        Size of a new figure in inches.

    Returns
    -------
    ax : matplotlib Axes
        The axes.
    figure : matplotlib Figure
        Their figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    check_matplotlib_support(f"{type(display).__name__}.plot")
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax, ax.figure

"""A linear classifier that survives label noise and says whether to believe it. Under construction, not public yet."""

__all__ = []

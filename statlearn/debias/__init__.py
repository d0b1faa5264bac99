"""Predictions used as outcomes, without shrunken effects. Under construction: nothing here is public yet."""

__all__ = []

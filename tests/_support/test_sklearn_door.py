"""The door to scikit-learn's private names: it exports what it says, and no name twice."""

from statlearn._support import _sklearn as door


def test_every_name_is_there_once():
    assert len(set(door.__all__)) == len(door.__all__)
    assert all(hasattr(door, name) for name in door.__all__)
    assert all(getattr(door, name).__module__.startswith("sklearn.") for name in door.__all__)

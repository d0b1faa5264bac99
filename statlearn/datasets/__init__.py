"""Generators and loaders of small data sets for examples, tests and benchmarks.

`make_rare_ordinal` draws the designs of the PRESTO paper with their true probabilities; `load_marriage` reads the
marriage ratings that statsmodels ships. `make_sbm` and `make_lfr` draw graphs with known communities,
`make_graph_families` connected graphs of eight kinds. `make_motor_claims` draws a motor portfolio whose predictors are
proxies of protected attributes. `make_massart_halfspace` draws labels of a linear rule under noise that depends on the
row.
"""

from ._block_models import make_lfr, make_sbm
from ._graph_families import make_graph_families
from ._marriage import load_marriage
from ._massart_halfspace import make_massart_halfspace
from ._motor_claims import make_motor_claims
from ._rare_ordinal import make_rare_ordinal

__all__ = [
    "load_marriage",
    "make_graph_families",
    "make_lfr",
    "make_massart_halfspace",
    "make_motor_claims",
    "make_rare_ordinal",
    "make_sbm",
]

"""What cost objects are made of: whose array it is afterwards, which forms are read, and what is refused."""

import numpy as np
import pytest
from scipy import sparse

from statlearn.gromov._costs import (
    Cost,
    DenseCost,
    GramCost,
    LineCost,
    LowRankCost,
    SparseGraphCost,
    SquaredEuclideanCost,
    as_cost,
)

N = 60


def sparse_table(shape, rng, density=0.1):
    table = sparse.random_array(shape, density=density, rng=rng, format="csr")
    table.data = rng.normal(size=table.nnz)
    return table


# --- whose array is it ------------------------------------------------------------------------------------------------

MAKERS = {
    "DenseCost": (DenseCost, lambda rng: rng.normal(size=(5, 5))),
    "SquaredEuclideanCost": (SquaredEuclideanCost, lambda rng: rng.normal(size=(5, 2))),
    "LowRankCost": (lambda U: LowRankCost(U, U), lambda rng: rng.normal(size=(5, 2))),
    "GramCost": (GramCost, lambda rng: rng.normal(size=(2, 5))),
    "LineCost": (LineCost, lambda rng: rng.normal(size=5)),
    "SparseGraphCost": (SparseGraphCost, lambda rng: sparse_table((5, 5), rng, density=0.5)),
    "GramCost of a sparse table": (GramCost, lambda rng: sparse_table((5, 5), rng, density=0.5)),
}
every_maker = pytest.mark.parametrize(("make", "source"), MAKERS.values(), ids=MAKERS)


@every_maker
def test_later_edits_of_the_input_change_no_cost(make, source, rng):
    table = source(rng)
    cost = make(table)
    values = table.data if sparse.issparse(table) else table
    before = cost.entries().copy()
    values *= 2.0  # which also says that the input can still be written to
    p = np.full(5, 0.2)
    assert np.array_equal(cost.entries(), before)
    np.testing.assert_allclose(cost.row_mean(p), before @ p, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, np.float32])
@every_maker
def test_numbers_of_any_kind(make, source, dtype, rng):
    table = (abs(source(rng)) > 0.5).astype(dtype)
    cost = make(table)
    assert cost.entries().dtype == np.float64
    assert np.array_equal(cost.entries(), make(table.astype(np.float64)).entries())


def test_numbers_as_objects():
    assert DenseCost(np.array([[0, 1.5], [True, 2]], dtype=object)).C.tolist() == [[0.0, 1.5], [1.0, 2.0]]


def test_read_only_arrays_are_shared():
    C = np.zeros((3, 3))
    C.setflags(write=False)
    assert np.shares_memory(DenseCost(C).C, C)
    assert DenseCost(DenseCost(C).entries()).C is C


def test_a_read_only_view_of_a_writable_array_is_copied():
    C = np.zeros((3, 3))
    view = C[:]
    view.setflags(write=False)
    cost = DenseCost(view)
    C[:] = 1.0
    assert not cost.C.any()


def test_unusual_layouts(rng):
    C = rng.normal(size=(6, 6))
    for layout in (np.asfortranarray(C), np.repeat(C, 2, axis=1)[:, ::2], C.tolist()):
        assert np.array_equal(DenseCost(layout).C, C)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr"])
@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csr_matrix])
def test_every_sparse_format(form, container, rng):
    A = sparse_table((N, N), rng)
    cost = SparseGraphCost(container(A).asformat(form))
    assert isinstance(cost.A, sparse.csr_array)
    assert np.array_equal(cost.entries(), A.toarray())


def test_diagonals():
    assert SparseGraphCost(sparse.eye_array(3, k=1)).entries().tolist() == np.eye(3, k=1).tolist()


def test_duplicates_are_summed_and_stored_zeros_are_fine():
    A = sparse.coo_array(([1.0, 2.0, 0.0, -3.0], ([0, 0, 1, 1], [1, 1, 1, 0])), shape=(2, 2))
    cost = SparseGraphCost(A)
    assert cost.entries().tolist() == [[0.0, 3.0], [-3.0, 0.0]]
    assert cost.row_second_moment([0.5, 0.5]).tolist() == [4.5, 4.5]
    csr = sparse.csr_array((np.array([1.0, 2.0]), np.array([1, 1]), np.array([0, 2, 2])), shape=(2, 2))
    assert SparseGraphCost(csr).row_second_moment([0.0, 1.0]).tolist() == [9.0, 0.0]
    assert csr.nnz == 2  # the input keeps its duplicates


# --- reading ----------------------------------------------------------------------------------------------------------


def test_as_cost_reads_what_the_user_holds(rng):
    pandas = pytest.importorskip("pandas")
    C = rng.normal(size=(3, 3))
    line = LineCost([0.0, 1.0])
    assert as_cost(line) is line
    assert isinstance(as_cost(sparse.coo_array(C)), SparseGraphCost)
    for dense in (C, C.tolist(), pandas.DataFrame(C)):
        cost = as_cost(dense, "C1")
        assert isinstance(cost, DenseCost)
        assert np.array_equal(cost.entries(), C)


def test_the_base_class_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        Cost()


def spoiled(value, shape=(2, 2)):
    C = np.zeros(shape)
    C.flat[-1] = value
    return C


class Opaque:
    """Neither an array nor a graph."""


BAD_MATRICES = {
    "nan": (spoiled(np.nan), ValueError, r"C1 must be finite\. Got nan at position \(1, 1\): drop or impute"),
    "inf": (spoiled(np.inf), ValueError, r"C1 must be finite\. Got inf at position \(1, 1\).*infinite costs"),
    "minus inf": (spoiled(-np.inf), ValueError, r"C1 must be finite\. Got -inf"),
    "sparse nan": (sparse.csr_array(spoiled(np.nan)), ValueError, r"C1.data must be finite\. Got nan"),
    "complex": (np.eye(2) * 1j, TypeError, r"C1 must hold real numbers\. Got complex ones: pass its real part"),
    "sparse complex": (sparse.csr_array(np.eye(2) * 1j), TypeError, r"C1 must hold real numbers\. Got complex ones"),
    "rectangle": (np.zeros((2, 3)), ValueError, r"C1 must be square.*shape \(2, 3\).*SquaredEuclideanCost\(C1\)"),
    "sparse rectangle": (sparse.csr_array((2, 3)), ValueError, r"C1 must be square.*Got shape \(2, 3\)"),
    "vector": (np.zeros(4), ValueError, r"C1 must be a two-dimensional array\. Got an array of shape \(4,\) "),
    "cube": (
        np.zeros((2, 2, 2)),
        ValueError,
        r"C1 must be a two-dimensional array\. Got.*\(2, 2, 2\)",
    ),
    "empty": (np.zeros((0, 0)), ValueError, r"C1 must not be empty\. Got an array of shape \(0, 0\)"),
    "sparse empty": (sparse.csr_array((0, 0)), ValueError, r"C1 must be a two-dimensional sparse array with entries"),
    "sparse vector": (sparse.coo_array([1.0, 2.0]), ValueError, r"C1 must be a two-dimensional sparse array"),
    "ragged": ([[0.0, 1.0], [1.0]], ValueError, "C1 must be an array whose rows have equal lengths"),
    "strings": ([["a", "b"], ["c", "d"]], TypeError, r"C1 must hold real numbers\. Got entries of type <U1"),
    "objects": ([[{}, 1], [1, {}]], TypeError, r"C1 must hold real numbers\. Got entries that are none"),
    "none": ([[None, 1], [1, None]], ValueError, r"C1 must be finite\. Got nan at position \(0, 0\)"),
    "dates": (
        np.zeros((2, 2), dtype="M8[s]"),
        TypeError,
        r"C1 must hold real numbers\. Got.*datetime64",
    ),
    "masked": (np.ma.ones((2, 2)), TypeError, r"C1 must not be a masked array: pass C1.filled"),
    "nothing": (None, TypeError, r"C1 must be an array, a sparse matrix or a cost object\. Got.*NoneType"),
    "opaque": (Opaque(), TypeError, r"C1 must be an array, .* Got an object of type Opaque"),
    "huge": (spoiled(1e151), ValueError, r"C1 gives costs up to 1e\+151, whose squares overflow.*divide it by a scale"),
    "tiny": (spoiled(-1e-151), ValueError, r"C1 gives costs of at most 1e-151, whose squares vanish.*multiply it by"),
}


@pytest.mark.parametrize(("C", "error", "message"), BAD_MATRICES.values(), ids=BAD_MATRICES)
def test_bad_matrices(C, error, message):
    with pytest.raises(error, match=message):
        as_cost(C, "C1")
    with pytest.raises(error, match=message.replace("C1", "A" if sparse.issparse(C) else "C")):
        (SparseGraphCost if sparse.issparse(C) else DenseCost)(C)


def test_a_networkx_graph_is_sent_to_graph_cost():
    networkx = pytest.importorskip("networkx")
    for name, argument in {"C2": "C2", "the matrix": "graph"}.items():
        message = rf"{name} must be an array\. Got a networkx graph: pass graph_cost\({argument}\), or cost='hop' to an"
        with pytest.raises(TypeError, match=message):
            as_cost(networkx.path_graph(3), name)


BAD_PARTS = {
    "vector of points": (lambda: SquaredEuclideanCost([1.0, 2.0]), r"X must be a two-dim.*Use X.reshape\(-1, 1\)"),
    "points without features": (lambda: SquaredEuclideanCost(np.zeros((3, 0))), "X must not be empty"),
    "nan in points": (lambda: SquaredEuclideanCost(spoiled(np.nan)), "X must be finite"),
    "far points": (lambda: SquaredEuclideanCost(spoiled(1e200)), "X gives costs up to inf, whose squares overflow"),
    "table on a line": (lambda: LineCost(np.zeros((3, 1))), r"x must be a vector\. Got an array of shape \(3, 1\)"),
    "nan on a line": (lambda: LineCost([0.0, np.nan]), r"x must be finite\. Got nan at position \(1,\)"),
    "far on a line": (lambda: LineCost([0.0, 1e151]), r"x gives costs up to 2e\+151"),
    "factors of different shapes": (
        lambda: LowRankCost(np.zeros((3, 2)), np.zeros((2, 3))),
        r"U and V must have the same shape \(n, r\)\. Got \(3, 2\) and \(2, 3\)",
    ),
    "nan in a factor": (lambda: LowRankCost(np.zeros((2, 2)), spoiled(np.nan)), "V must be finite"),
    "huge factors": (lambda: LowRankCost(spoiled(1e80), spoiled(1e80)), r"U @ V.T gives costs up to 2e\+160"),
    "nan in logits": (lambda: GramCost(spoiled(np.nan)), "Z must be finite"),
    "huge logits": (lambda: GramCost(sparse.csr_array(spoiled(1e80))), r"Z.T @ Z gives costs up to 2e\+160"),
}


@pytest.mark.parametrize(("make", "message"), BAD_PARTS.values(), ids=BAD_PARTS)
def test_bad_parts(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("cost_class", [SquaredEuclideanCost, LineCost, DenseCost, lambda U: LowRankCost(U, U)])
def test_sparse_input_where_the_array_must_be_dense(cost_class):
    with pytest.raises(TypeError, match=r"must be a dense array\. Got a sparse one: pass [XxCU].toarray\(\)"):
        cost_class(sparse.csr_array(np.eye(2)))


BAD_CALLS = {
    "weights of a wrong length": (lambda cost: cost.row_mean([1.0]), r"p must have 3 entries\. Got 1"),
    "negative weights": (lambda cost: cost.row_second_moment([-1, 1, 1]), r"p must be finite and non-negative"),
    "missing weights": (lambda cost: cost.column_mean([np.nan, 1, 1]), r"p must be finite and non-negative"),
    "no weight": (lambda cost: cost.residual_norm([0, 0, 0]), r"p must have a positive entry\. Got zeros only"),
    "ragged weights": (lambda cost: cost.row_mean([[1], [1, 2], 0]), r"p must be a vector\. Got.*different lengths"),
    "no nodes": (lambda cost: cost.take([]), "nodes must be a non-empty vector of indices or a mask of 3 booleans"),
    "empty mask": (lambda cost: cost.take([False] * 3), "nodes must be a non-empty vector"),
    "short mask": (lambda cost: cost.take([True]), "nodes must be a non-empty vector.*Got an array of type bool"),
    "nodes out of range": (lambda cost: cost.take([0, 3]), r"nodes must be from 0 to 2\. Got 0 to 3"),
    "nodes from the end": (lambda cost: cost.take([-1]), r"nodes must be from 0 to 2\. Got -1 to -1"),
    "negative multiple": (lambda cost: cost.scaled(-1.0), r"factor must be a positive finite number\. Got -1.0"),
    "no multiple": (lambda cost: cost.scaled(0), "factor must be a positive finite number"),
    "infinite multiple": (lambda cost: cost.scaled(np.inf), "factor must be a positive finite number"),
    "word as a multiple": (lambda cost: cost.scaled("max"), r"factor must be a positive finite number\. Got 'max'"),
    "too large a multiple": (lambda cost: cost.scaled(1e160), r"factor=1e\+160 gives costs up to"),
}


@pytest.mark.parametrize(
    ("cost", "call"),
    [
        (cost, call)
        for cost in (LineCost([0.0, 1.0, 5.0]), DenseCost(np.eye(3)), SparseGraphCost(sparse.eye_array(3)))
        for call in BAD_CALLS
    ],
    ids=str,
)
def test_bad_calls(cost, call):
    bad, message = BAD_CALLS[call]
    with pytest.raises(ValueError, match=message):
        bad(cost)

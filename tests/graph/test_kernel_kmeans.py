"""KernelKMeans as an estimator: scikit-learn's checks, kernels, weights, predictions, certificates, messages."""

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, make_blobs, make_circles
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.pairwise import pairwise_kernels, rbf_kernel
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks

from statlearn.graph._kernel_kmeans import KernelKMeans

# Checks that scikit-learn has but never runs by itself.
EXTRA_CHECKS = ["check_dataframe_column_names_consistency", "check_inplace_ensure_writeable", "check_param_validation"]
EXTRA_TRANSFORMER_CHECKS = [
    "check_get_feature_names_out_error",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]

RTOL = 1e-9  # sums of about a hundred terms in two orders

ESTIMATORS = [KernelKMeans(kernel="rbf"), KernelKMeans(kernel="linear"), KernelKMeans()]
NO_TABLE = "fits a table that is not square, which an estimator of precomputed kernels must refuse (nonsquare_error)"
EXPECTED_FAILURES = {"precomputed": {"check_clustering": NO_TABLE}}

ROWS = {"poly": {"degree": 2, "coef0": 1.0}, "polynomial": {"degree": 3}, "sigmoid": {"coef0": 0.5}}
NAMED = ["additive_chi2", "chi2", "cosine", "laplacian", "linear", "poly", "polynomial", "rbf", "sigmoid"]


def expected_failures(estimator):
    return EXPECTED_FAILURES.get(estimator.kernel, {})


@estimator_checks.parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures, xfail_strict=True)
def test_sklearn_check(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names:UserWarning")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: estimator.kernel)
@pytest.mark.parametrize("name", EXTRA_CHECKS + EXTRA_TRANSFORMER_CHECKS)
def test_check_that_sklearn_does_not_run(estimator, name):
    if name in EXTRA_TRANSFORMER_CHECKS and not hasattr(estimator, "transform"):
        pytest.skip("no distances for a precomputed kernel")
    getattr(estimator_checks, name)("KernelKMeans", clone(estimator))


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(120, 4, centers=3, cluster_std=2.0, random_state=0)[0]


def product_kernel(x, y, power=1):
    return float(np.dot(x, y) + 1.0) ** power


def test_rings_are_told_apart():
    X, y = make_circles(300, factor=0.3, noise=0.05, random_state=0)
    model = KernelKMeans(2, kernel="rbf", gamma=5.0, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) == 1.0
    assert adjusted_rand_score(y, KernelKMeans(2, kernel="linear", random_state=0).fit_predict(X)) < 0.1


@pytest.mark.parametrize("n_clusters", [3, 8])
@pytest.mark.parametrize("weighted", [True, False])
def test_linear_kernel_does_at_least_as_well_as_kmeans(rng, n_clusters, weighted):
    X = make_blobs(300, 5, centers=n_clusters, cluster_std=1.0, random_state=1)[0] + 1e3
    weights = rng.uniform(0.5, 2.0, 300) if weighted else None
    peer = KMeans(n_clusters, n_init=10, random_state=0, tol=0.0).fit(X, sample_weight=weights)
    model = KernelKMeans(n_clusters, kernel="linear", random_state=0).fit(X, sample_weight=weights)
    assert model.inertia_ <= peer.inertia_ * (1.0 + RTOL)
    if n_clusters == 3:
        assert model.inertia_ == pytest.approx(peer.inertia_, rel=RTOL)
        assert adjusted_rand_score(peer.labels_, model.labels_) == 1.0
    means = [np.average(X[model.labels_ == c], axis=0, weights=None if weights is None else weights[model.labels_ == c])
             for c in range(n_clusters)]  # fmt: skip
    np.testing.assert_allclose(model.cluster_centers_, means, rtol=RTOL)


@pytest.mark.parametrize("kernel", [*NAMED, product_kernel])
def test_kernels_agree_with_their_matrix(blobs, kernel):
    """Named or a function: the same as the precomputed matrix, at training rows and at new ones."""
    X = np.abs(blobs) / 10.0
    train, test = X[:80], X[80:]
    parameters = ROWS.get(kernel, {}) if isinstance(kernel, str) else {"power": 2}
    model = KernelKMeans(3, kernel=kernel, kernel_params=parameters, random_state=0).fit(train)
    K, K_new = (pairwise_kernels(rows, train, metric=kernel, **parameters) for rows in (train, test))
    twin = KernelKMeans(3, random_state=0).fit((K + K.T) / 2.0)
    np.testing.assert_array_equal(model.labels_, twin.labels_)
    assert model.inertia_ == pytest.approx(twin.inertia_, rel=1e-7)
    np.testing.assert_array_equal(model.predict(test), twin.predict(K_new))
    centers = (model.labels_ == np.arange(3)[:, None]) / model.cluster_sizes_[:, None]
    own = pairwise_kernels(test, metric=kernel, **parameters).diagonal()
    expected = own[:, None] - 2.0 * K_new @ centers.T + np.einsum("ci,ij,cj->c", centers, K, centers)
    np.testing.assert_allclose(model.transform(test), expected, atol=1e-10)
    assert model.score(test) == pytest.approx(-expected.min(axis=1).sum())
    assert model.score(test, sample_weight=np.full(40, 2.0)) == pytest.approx(2.0 * model.score(test))


def test_gamma_reaches_the_kernel(blobs):
    model = KernelKMeans(3, kernel="rbf", gamma=0.01, random_state=0).fit(blobs)
    assert model.inertia_ == pytest.approx(KernelKMeans(3, random_state=0).fit(rbf_kernel(blobs, gamma=0.01)).inertia_)
    assert model.inertia_ != pytest.approx(KernelKMeans(3, kernel="rbf", random_state=0).fit(blobs).inertia_)


@pytest.mark.parametrize("kernel", ["linear", "rbf", "cosine", "laplacian", "poly", "sigmoid"])
@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_array, sparse.coo_matrix])
def test_sparse_rows(blobs, kernel, container):
    X = np.where(np.abs(blobs) < 3.0, 0.0, blobs) / 10.0
    dense = KernelKMeans(3, kernel=kernel, random_state=0).fit(X)
    model = KernelKMeans(3, kernel=kernel, random_state=0).fit(container(X))
    assert model.inertia_ == pytest.approx(dense.inertia_, rel=1e-7)
    np.testing.assert_array_equal(model.labels_, dense.labels_)
    for rows in (X, container(X)):
        np.testing.assert_array_equal(model.predict(rows), dense.predict(rows))
        np.testing.assert_allclose(model.transform(rows), dense.transform(X), atol=1e-9)


@pytest.mark.parametrize("kernel", ["rbf", "linear", "laplacian"])
def test_predictions_repeat_the_labels_of_training_rows(blobs, kernel):
    for n_clusters in (2, 5, 9):
        model = KernelKMeans(n_clusters, kernel=kernel, random_state=0).fit(blobs)
        np.testing.assert_array_equal(model.predict(blobs), model.labels_)
        assert model.score(blobs) == pytest.approx(-model.inertia_, rel=1e-7)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_weights_are_copies_and_order_does_not_matter(seed, kernel):
    """scikit-learn's check of one seed, over many."""
    rng = np.random.default_rng(seed)
    X, copies, shuffled = rng.random((15, 30)), rng.integers(0, 5, 15), rng.permutation(15)
    model = KernelKMeans(6, kernel=kernel, random_state=0)
    repeated = clone(model).fit(X.repeat(copies, axis=0))
    weighted = clone(model).fit(X[shuffled], sample_weight=copies[shuffled])
    np.testing.assert_array_equal(repeated.predict(X), weighted.predict(X))
    np.testing.assert_allclose(repeated.transform(X), weighted.transform(X), atol=1e-9)
    np.testing.assert_array_equal(weighted.cluster_sizes_.sum(), copies.sum())
    np.testing.assert_array_equal(weighted.labels_, weighted.predict(X[shuffled]))


@pytest.mark.parametrize("factor", [1e-300, 1e-150, 0.1, 1e150, 1e300])
def test_the_unit_of_the_weights_does_not_matter(rng, blobs, factor):
    weights = rng.uniform(0.5, 2.0, 120)
    one, other = (
        KernelKMeans(3, kernel="rbf", random_state=0).fit(blobs, sample_weight=scaled)
        for scaled in (weights, weights * factor)
    )
    np.testing.assert_array_equal(one.labels_, other.labels_)
    assert other.inertia_ == pytest.approx(one.inertia_ * factor, rel=RTOL, abs=0.0)
    np.testing.assert_allclose(other.cluster_sizes_, one.cluster_sizes_ * factor, rtol=RTOL)
    np.testing.assert_allclose(other.center_norms_, one.center_norms_, rtol=RTOL)


def test_rows_of_weight_zero_have_a_label_and_no_influence(blobs):
    weights = np.ones(120)
    weights[100:] = 0.0
    model = KernelKMeans(3, kernel="rbf", random_state=0).fit(blobs, sample_weight=weights)
    twin = KernelKMeans(3, kernel="rbf", random_state=0).fit(blobs[:100])
    np.testing.assert_array_equal(model.labels_, twin.predict(blobs))
    assert model.inertia_ == pytest.approx(twin.inertia_, rel=RTOL)


@pytest.mark.parametrize("n_clusters", [3, 8])
def test_number_of_threads_does_not_matter(blobs, n_clusters):
    one, two = (
        KernelKMeans(n_clusters, kernel="linear", random_state=0, n_jobs=n_jobs).fit(blobs) for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(one.labels_, two.labels_)
    assert one.inertia_ == two.inertia_


@pytest.mark.parametrize("refine", [True, False])
def test_shift_reports_about_the_kernel_as_given(rng, refine):
    K = rng.normal(size=(12, 12))
    K += K.T
    weights = rng.uniform(0.5, 2.0, 12)
    weights[5] = 0.0
    models = [
        KernelKMeans(3, n_init=40, indefinite=choice, refine=refine, random_state=0).fit(K, sample_weight=weights)
        for choice in ("allow", "shift")
    ]
    for model in models:
        shares = np.where(model.labels_ == np.arange(3)[:, None], weights, 0.0)
        expected = weights @ K.diagonal() - np.sum(np.einsum("ci,ij,cj->c", shares, K, shares) / shares.sum(axis=1))
        assert model.inertia_ == pytest.approx(expected)
        assert model.labels_[5] == model.predict(K)[5]
        assert model.certificate_["squared distances are non-negative"].holds is None
        assert bool(model.certificate_) or not refine
    assert models[1].inertia_ == pytest.approx(models[0].inertia_) or not refine
    np.testing.assert_array_equal(
        KernelKMeans(3, indefinite="shift", random_state=0).fit(K @ K).labels_,
        KernelKMeans(3, random_state=0).fit(K @ K).labels_,
    )


def test_initial_clusters(blobs):
    start = np.arange(120) % 3
    model = KernelKMeans(3, kernel="rbf", init=start, max_iter=1, refine=False)
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        first = clone(model).fit(blobs)
    settled = model.set_params(max_iter=300).fit(blobs)
    assert settled.n_restarts_converged_ == 1
    assert settled.inertia_ < first.inertia_
    again = KernelKMeans(3, kernel="rbf", init=settled.labels_, refine=False).fit(blobs)
    np.testing.assert_array_equal(again.labels_, settled.labels_)
    assert again.n_iter_ == 1


def test_certificate(blobs):
    model = KernelKMeans(3, kernel="rbf", random_state=0).fit(blobs)
    checks = model.certificate_
    assert bool(checks)
    assert checks["best single move"].holds
    assert checks["starts that converged"].statistic == model.n_restarts_converged_ == 10
    assert 0.0 < checks["starts that agree"].statistic <= 1.0
    assert checks["squared distances are non-negative"].kind == "proof"
    assert "need not be the best" in checks.claim
    lloyd = KernelKMeans(3, kernel="rbf", refine=False, random_state=0).fit(blobs).certificate_
    assert lloyd["best single move"].holds is None
    assert bool(lloyd)
    K = rbf_kernel(blobs)
    computed = KernelKMeans(3, random_state=0).fit(K).certificate_["squared distances are non-negative"]
    assert (computed.holds, computed.kind) == (True, "numerical")
    many = KernelKMeans(2, n_init=1, random_state=0).fit(rbf_kernel(np.arange(501.0)[:, None])).certificate_
    assert "not examined" in many["squared distances are non-negative"].detail
    assert bool(many)
    indefinite = KernelKMeans(3, random_state=0).fit(K - 0.7 * np.eye(120)).certificate_
    assert indefinite["squared distances are non-negative"].holds is None
    assert bool(indefinite)


def test_callbacks_see_the_starts(blobs):
    seen = []

    class Listener:
        def on_fit_begin(self, estimator, **kwargs):
            seen.append("begin")

        def on_fit_task_end(self, estimator, context, **kwargs):
            seen.append(context.task_name)

        def on_fit_task_begin(self, estimator, context, **kwargs):
            pass

        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

    model = KernelKMeans(6, kernel="rbf", random_state=0).set_callbacks(Listener())
    labels = model.fit(blobs).labels_
    assert seen.count("starts") == 6
    np.testing.assert_array_equal(labels, KernelKMeans(6, kernel="rbf", random_state=0).fit(blobs).labels_)


def test_search_and_pipeline_on_iris():
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), KernelKMeans(3, kernel="rbf", random_state=0))
    pipeline.set_output(transform="pandas")
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(pipeline, {"kernelkmeans__gamma": [0.01, 0.1, 1.0]}, scoring="adjusted_rand_score", cv=folds)
    assert search.fit(X, y).best_score_ > 0.5
    assert adjusted_rand_score(y, pipeline.fit_predict(X)) > 0.55
    assert GridSearchCV(pipeline, {"kernelkmeans__n_clusters": [2, 4]}, cv=3).fit(X).best_score_ < 0.0
    frame = pipeline.transform(X)
    assert list(frame.columns) == ["kernelkmeans0", "kernelkmeans1", "kernelkmeans2"]
    assert (frame.to_numpy().argmin(axis=1) == pipeline.predict(X)).all()


def test_precomputed_kernels_are_cut_by_cross_validation(blobs):
    """pairwise: rows and columns of the training part, columns only of the test part."""
    K = rbf_kernel(blobs, gamma=0.02)
    y = KMeans(3, n_init=5, random_state=0).fit_predict(blobs)
    search = GridSearchCV(KernelKMeans(random_state=0), {"n_clusters": [2, 3]}, scoring="adjusted_rand_score", cv=3)
    search.fit(K, y)
    assert search.best_params_ == {"n_clusters": 3}
    assert search.best_score_ > 0.8


@pytest.mark.parametrize("method", ["transform", "fit_transform", "score"])
def test_no_distances_without_the_kernel_of_a_row_with_itself(method):
    model = KernelKMeans(2, random_state=0).fit(np.eye(4))
    assert not hasattr(model, method)
    with pytest.raises(AttributeError) as error:
        getattr(model, method)
    assert "lacks the kernel of a new row with itself, and so" in str(error.value.__cause__)


def test_rounding_asymmetry_is_averaged_away(blobs):
    K = rbf_kernel(blobs)
    noisy = K * (1.0 + 1e-12 * np.triu(np.ones_like(K)))
    np.testing.assert_array_equal(
        KernelKMeans(3, random_state=0).fit(noisy).labels_, KernelKMeans(3, random_state=0).fit(K).labels_
    )


TABLE = np.arange(12.0).reshape(6, 2)
ONE_WRONG = np.eye(6)
ONE_WRONG[2, 4] = 0.5

BAD = {
    "not square": ({}, TABLE, None, "must be a square matrix"),
    "not symmetric": ({}, ONE_WRONG, None, re.escape("mirror image by 0.5: symmetrize it: (K + K.T) / 2")),
    "not finite": ({}, np.full((6, 6), np.inf), None, "infinity"),
    "too many clusters": ({"n_clusters": 7, "kernel": "rbf"}, TABLE, None, "n_samples=6 should be >= n_clusters=7"),
    "too few weights": ({"kernel": "rbf"}, TABLE, [1.0, 1.0, 0, 0, 0, 0], "n_samples=2 should be >= n_clusters=3"),
    "negative weight": ({"kernel": "rbf"}, TABLE, [1.0, 1.0, 1.0, 1.0, 1.0, -1.0], "[Nn]egative"),
    "weights too far apart": (
        {"kernel": "rbf"},
        TABLE,
        [1.0, 1.0, 1.0, 1.0, 1.0, 1e-101],
        "set weights below 1e-100 to",
    ),
    "objective overflows": ({"kernel": "linear"}, TABLE * 1e160, None, "too large to be summed. Scale X"),
    "gamma of linear": ({"kernel": "linear", "gamma": 1.0}, TABLE, None, "'linear' has no parameters. Got gamma"),
    "gamma of a matrix": ({"gamma": 1.0}, np.eye(6), None, "'precomputed' has no parameters. Got gamma"),
    "gamma of a function": ({"kernel": product_kernel, "gamma": 1.0}, TABLE, None, "no meaning for a callable"),
    "gamma twice": ({"kernel": "rbf", "gamma": 1.0, "kernel_params": {"gamma": 2.0}}, TABLE, None, "given twice"),
    "unknown": ({"kernel": "rbf", "kernel_params": {"degree": 2}}, TABLE, None, "has only gamma. Got degree"),
    "overflow": ({"kernel": "poly", "kernel_params": {"degree": 400}}, TABLE, None, "infinite or NaN: scale"),
    "init and n_init": ({"kernel": "rbf", "init": [0, 1, 2, 0, 1, 2], "n_init": 3}, TABLE, None, "must be 'auto' or 1"),
    "init too short": ({"kernel": "rbf", "init": [0, 1, 2]}, TABLE, None, "must be an array of 6 integers"),
    "init of floats": ({"kernel": "rbf", "init": [0.5] * 6}, TABLE, None, "type float64 instead"),
    "init empty": (
        {"kernel": "rbf", "init": [0, 1, 1, 0, 1, 0]},
        TABLE,
        None,
        "must use each of the clusters 0, ..., 2",
    ),
    "init beyond": ({"kernel": "rbf", "init": [0, 1, 2, 3, 1, 0]}, TABLE, None, "and no other"),
    "negative rows": ({"kernel": "chi2"}, -TABLE, None, "negative"),
    "name": ({"kernel": "gauss"}, TABLE, None, "The 'kernel' parameter of KernelKMeans must be"),
    "choice": ({"kernel": "rbf", "indefinite": "clip"}, TABLE, None, "The 'indefinite' parameter"),
}


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    parameters, X, weights, message = BAD[case]
    model = KernelKMeans(**{"n_clusters": 3, **parameters})
    with pytest.raises(ValueError, match=message):
        model.fit(X, sample_weight=weights)
    assert not hasattr(model, "labels_")


def test_new_rows_must_have_the_columns_of_the_training_rows(blobs):
    with pytest.raises(ValueError, match="expecting 120 features"):
        KernelKMeans(3, random_state=0).fit(rbf_kernel(blobs)).predict(np.eye(7))
    with pytest.raises(TypeError, match="[Ss]parse"):
        KernelKMeans(3).fit(sparse.csr_array(rbf_kernel(blobs)))

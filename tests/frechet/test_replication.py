"""What Fréchet means bring, and what they do not: findings on trees, a scale and the codes of diseases.

Those on codes are tables of ``benchmarks/bench_frechet.py``, means over three random choices of seen categories. The
figures beside them are of an earlier run by brute force, whose features and share of training rows are not known:
these were chosen to come near.
"""

import networkx as nx
import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn.frechet import ChainMetric, TreeMetric, frechet_predict, locus, mean_squared_distance

bench = pytest.importorskip("benchmarks.bench_frechet", reason="needs what the benchmarks compare with")

pytestmark = pytest.mark.slow


def random_tree(n, seed):
    return TreeMetric.from_networkx(nx.random_labeled_tree(n, seed=seed), root=0)


# --- synthetic trees -------------------------------------------------------------------------------------------------

SEEN = {"leaves": 0, "as many at random": 1, 20: 20, 40: 40, 80: 80, 160: 160}


@pytest.fixture(scope="module")
def tree_errors():
    """Errors of argmax, Loki and the best constant label by choice of seen labels, on ten trees of 200 nodes.

    Features are the distances from the true node to all nodes, with noise; all nodes are equally frequent.
    """
    errors = []
    for seed in range(10):
        tree, rng = random_tree(200, seed), np.random.default_rng(seed)
        everything = np.arange(200)
        D = tree.distances(everything, everything)
        leaves, shuffled = np.flatnonzero(np.bincount(tree.parents_[1:], minlength=200) == 0), rng.permutation(200)
        test = rng.choice(everything, 2000)
        X_test = D[test] / D.std() + rng.standard_normal((2000, 200))
        seen = {name: shuffled[:size] for name, size in SEEN.items()}
        seen |= {"leaves": leaves, "as many at random": shuffled[: leaves.size]}
        rows = []
        for labels in seen.values():
            y = np.repeat(labels, 20)
            model = KNeighborsClassifier(15).fit(D[y] / D.std() + rng.standard_normal((y.size, 200)), y)
            P = model.predict_proba(X_test)
            argmax = model.classes_[P.argmax(axis=1)]
            loki = frechet_predict(P, tree, model.classes_)
            constant = np.full_like(test, (D[labels] ** 2).sum(axis=0).argmin())
            rows.append([mean_squared_distance(test, predicted, tree) for predicted in (argmax, loki, constant)])
        errors.append(rows)
    return dict(zip(SEEN, np.array(errors).transpose(1, 2, 0), strict=True))


def test_fewer_large_errors_on_every_tree(tree_errors):
    for argmax, loki, constant in tree_errors.values():
        assert (loki < argmax).all()
        assert (loki < constant).all()
        assert loki.mean() < 0.75 * argmax.mean()


def test_errors_fall_with_the_number_of_seen_labels(tree_errors):
    means = [tree_errors[size][1].mean() for size in (20, 40, 80, 160)]
    assert (np.diff(means) < 0.0).all()


def test_a_cover_serves_loki_and_harms_argmax(tree_errors):
    """All labels can be predicted from the leaves, but leaves are far from the inner nodes that argmax never predicts.

    The gain is small, and gone where the noise is three times as large.
    """
    argmax, loki, _ = tree_errors["leaves"] - tree_errors["as many at random"]
    for difference, sign in ((argmax, 1.0), (loki, -1.0)):
        assert sign * difference.mean() > 2.5 * difference.std(ddof=1) / np.sqrt(difference.size)
    assert abs(loki.mean()) < 0.15 * tree_errors["leaves"][1].mean()


def test_the_locus_shrinks_as_seen_labels_concentrate(rng):
    """Thirty of a hundred labels, drawn with probability proportional to exp(-theta d(v, v*)), on thirty trees."""
    sizes = []
    for seed in range(30):
        tree, everything = random_tree(100, seed), np.arange(100)
        D = tree.distances(everything, everything)
        center = (D**2).sum(axis=0).argmin()
        draws = []
        for theta in range(5):
            chances = np.exp(-theta * D[center])
            observed = [rng.choice(100, 30, replace=False, p=chances / chances.sum()) for _ in range(10)]
            draws.append(np.mean([locus(tree, labels).size for labels in observed]))
        sizes.append(draws)
    means = np.mean(sizes, axis=0)
    assert (np.diff(means) < 0.0).all()
    assert means[0] > 60.0 and means[-1] < 45.0


# --- a scale ---------------------------------------------------------------------------------------------------------


def test_diabetes_as_a_scale_of_which_six_levels_are_seen():
    """Argmax 15.28, Loki 12.25, best constant 23.18 and 80 % unseen predictions; here over five divisions in folds."""
    X, target = load_diabetes(return_X_y=True)
    y = np.digitize(target, np.linspace(target.min(), target.max(), 21)[1:-1])
    scale, levels, figures = ChainMetric(range(20)), [0, 3, 7, 11, 15, 18], []
    for seed in range(5):
        told = np.empty((3, y.size), dtype=int)
        for train, test in KFold(5, shuffle=True, random_state=seed).split(X):
            train = train[np.isin(y[train], levels)]
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(X[train], y[train])
            P, seen = model.predict_proba(X[test]), model.classes_
            counts = np.bincount(y[train], minlength=20)[None].astype(float)
            constant = frechet_predict(counts, scale, np.arange(20))[0]
            told[:, test] = seen[P.argmax(axis=1)], frechet_predict(P, scale, seen), np.full(test.size, constant)
        errors = [mean_squared_distance(y, predicted, scale) for predicted in told]
        figures.append([*errors, np.mean(~np.isin(told[1], levels))])
        assert errors[1] < min(errors[0], errors[2])
    spread = np.std(figures, axis=0, ddof=1)
    assert (np.abs(np.mean(figures, axis=0) - [15.28, 12.25, 23.18, 0.80]) < 3.0 * spread).all()


# --- codes of diseases -----------------------------------------------------------------------------------------------

TABLE = {  # argmax, Loki over categories, Loki over all nodes
    (100, "5-NN"): (25.85, 25.70, 10.20),
    (100, "logistic"): (24.64, 24.41, 9.32),
    (250, "5-NN"): (20.91, 20.54, 8.99),
    (250, "logistic"): (19.69, 19.35, 7.47),
    (500, "5-NN"): (17.99, 17.52, 7.26),
    (500, "logistic"): (16.44, 15.96, 6.19),
}


@pytest.fixture(scope="module", params=list(TABLE), ids=str)
def codes(request, shared_data):
    """A line of the table: what was found, means and spreads."""
    return request.param, bench.summary(*request.param)


def test_table_of_codes(codes):
    """Within three standard errors of the difference of two means of three."""
    line, found = codes
    for rule, figure in zip(bench.RULES, TABLE[line], strict=True):
        mean, spread = found[rule]
        assert abs(mean - figure) < 3.0 * spread * np.sqrt(2.0 / 3.0)
    assert found["root"][0] == 9.0
    assert found["best constant category"][0] == pytest.approx(29.9, abs=0.05)


def test_no_unseen_category_is_ever_predicted(codes):
    """Categories are equally deep leaves, so that little is gained: up to 3 %."""
    (n_observed, _), found = codes
    assert found["unseen categories predicted"][0] == 0.0
    assert found["unseen categories"][0] == pytest.approx({100: 0.94, 250: 0.845, 500: 0.695}[n_observed], abs=0.01)
    assert 0.97 < found["categories"][0] / found["argmax"][0] < 1.0


def test_inner_nodes_gain_by_hedging(codes):
    """Errors are down by half and more, with answers about one step below the root."""
    (n_observed, _), found = codes
    assert found["all nodes"][0] < 0.5 * found["argmax"][0]
    assert 0.5 < found["depth, all nodes"][0] < 1.5
    # With few categories seen the root, which looks at nothing, is better.
    assert (found["all nodes"][0] > found["root"][0]) == (n_observed == 100)


def test_a_higher_temperature_beats_the_root_where_few_categories_are_seen(shared_data):
    found = bench.summary(100, "logistic")
    assert found["all nodes, temperature 2"][0] == pytest.approx(8.80, abs=0.2)
    assert found["all nodes, temperature 2"][0] < found["root"][0]


def test_other_features_other_figures(shared_data):
    """With words of training texts alone categories gain nothing on argmax of a logistic regression."""
    found = bench.summary(100, "logistic", "words")
    assert found["categories"][0] == pytest.approx(found["argmax"][0], rel=0.01)
    assert found["all nodes"][0] < found["root"][0]
    assert bench.summary(100, "5-NN", "words")["all nodes"][0] > 10.0


def test_hierarchical_classifiers_are_better_at_unseen_categories(shared_data):
    """They win over Loki among categories where few are seen, and over neither Loki with inner nodes nor the root."""
    pytest.importorskip("hiclass")
    found = bench.summary(100, "logistic")
    for name in bench.HIERARCHICAL:
        mean, _ = bench.hierarchical_summary(name, 100)
        assert 0.96 < mean / found["categories"][0] < 0.995
        assert mean > 2.0 * found["root"][0]
    found = bench.summary(500, "logistic")
    for name in bench.HIERARCHICAL:
        assert bench.hierarchical_summary(name, 500)[0] == pytest.approx(found["categories"][0], rel=0.02)


# --- temperature -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[100, 250])
def temperatures(request, shared_data):
    """Errors of a classifier that is too sure, one entry per seed, and the number of categories seen."""
    return request.param, [bench.temperature_errors(request.param, "overconfident", seed)[0] for seed in bench.SEEDS]


def recovered(errors, choice):
    """Share of what the best temperature gains over argmax."""
    return (errors["argmax"] - errors[choice]) / (errors["argmax"] - errors["best"])


def test_between_argmax_and_a_constant(temperatures):
    for found in temperatures[1]:
        for rows in bench.ROWS:
            errors = found[rows]
            assert errors[1e-6] == pytest.approx(errors["argmax"], rel=1e-3)  # but for ties, which split evenly
            assert errors["best"] < 0.95 * min(errors[bench.TEMPERATURES[0]], errors[1e6])
            assert errors["best"] < 0.75 * errors[1.0]


def test_folds_find_the_temperature_for_seen_categories(temperatures):
    assert all(recovered(found["seen"], "folds") > 0.9 for found in temperatures[1])


def test_folds_miss_the_temperature_for_unseen_categories(temperatures):
    """The negative result: no fold has an unseen category, for which more doubt is due."""
    shares = [recovered(found["unseen"], "folds") for found in temperatures[1]]
    assert 0.75 < np.mean(shares) < 0.9


def test_leaving_classes_out_finds_the_temperature_for_unseen_categories(temperatures):
    """It overdoes it for seen ones."""
    n_observed, found = temperatures
    assert all(recovered(errors["unseen"], "classes left out") > 0.95 for errors in found)
    assert all(recovered(errors["all"], "classes left out") > 0.95 for errors in found)
    assert all(recovered(errors["seen"], "classes left out") < 0.7 for errors in found)


# --- scale -----------------------------------------------------------------------------------------------------------


def test_ten_thousand_rows_in_a_gibibyte(shared_data):
    """82,115 labels, 1000 of them seen; the seconds are those of the benchmark."""
    if not (shared_data / "wordnet" / "noun_hypernym_tree.npz").is_file():
        pytest.skip("the nouns of WordNet are absent")
    assert bench.run_fresh(bench.many_rows, "dense")["peak_gib"] < 1.0

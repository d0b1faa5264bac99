"""Reports: every figure by hand, on small problems."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn.frechet import ChainMetric, LokiClassifier, TreeMetric, frechet_predict, loki_report

PETS = [("pet", "dog", "terrier"), ("pet", "dog", "poodle"), ("pet", "cat", "siamese"), ("pet", "cat", "persian")]


def pets():
    return TreeMetric.from_paths(PETS)


def test_figures_on_a_taxonomy(rng):
    metric = pets()
    observed = metric.index_of(["siamese", "poodle", "terrier"])
    P, y = rng.dirichlet(np.ones(3), size=80), rng.choice(metric.labels_, size=80)
    y_train = rng.choice(["terrier", "poodle", "siamese"], p=[0.5, 0.4, 0.1], size=50)
    report = loki_report(y, P, metric, observed, y_train=y_train, temperature=1.5)

    squares = metric.distances(np.arange(7), np.arange(7)) ** 2
    true, train = metric.index_of(y), metric.index_of(y_train)
    constant = squares[train].mean(axis=0).argmin()
    predicted = {
        "argmax": observed[P.argmax(axis=1)],
        "Loki": frechet_predict(P, metric, observed, temperature=1.5),
        "best constant label": np.full(80, constant),
        "root": np.full(80, metric.index_of(["pet"])[0]),
    }
    depth = np.array([next(path.index(label) for path in PETS if label in path) for label in metric.labels_])
    assert report.rules["rule"].tolist() == list(predicted)
    means = np.array([squares[true, labels].mean() for labels in predicted.values()])
    np.testing.assert_allclose(report.rules["mean_distance"], means)
    np.testing.assert_allclose(report.rules["improvement"], (means[0] - means) / means[0])
    for row, labels in enumerate(predicted.values()):
        assert report.rules["error_rate"][row] == pytest.approx(np.mean(labels != true))
        assert report.rules["unobserved"][row] == pytest.approx(np.mean(~np.isin(labels, observed)))
        assert report.rules["depth"][row] == pytest.approx(depth[labels].mean())
    assert report.constant_label == metric.labels_[constant] == "dog"
    assert report.n_samples == 80


def test_the_certificate_compares_with_each_rule():
    metric = pets()
    observed = metric.index_of(["siamese", "poodle", "terrier"])
    for seed in range(20):
        generator = np.random.default_rng(seed)
        P, y = generator.dirichlet(np.ones(3), size=6), generator.choice(metric.labels_, size=6)
        report = loki_report(y, P, metric, observed)
        means = dict(zip(report.rules["rule"], report.rules["mean_distance"], strict=True))
        rivals = ["argmax", "best constant label", "root"]
        for name in rivals:
            check = report.certificate[f"no worse than: {name}"]
            assert (check.statistic, check.bound) == (means["Loki"], means[name])
            assert check.holds == (means["Loki"] <= means[name])
        assert bool(report.certificate) == all(means["Loki"] <= means[name] for name in rivals)


def test_the_constant_is_named_as_found_in_hindsight():
    metric, P = ChainMetric(range(9)), [[0.5, 0.5], [0.4, 0.6]]
    hindsight, honest = (loki_report([1, 2], P, metric, [0, 8], y_train=y_train) for y_train in (None, [8, 8]))
    assert "in hindsight" in str(hindsight.certificate)
    assert "in hindsight" not in str(honest.certificate)
    assert hindsight.constant_label == 1  # ties with 2
    assert honest.constant_label == 8
    assert honest.rules["mean_distance"][2] == pytest.approx((49 + 36) / 2)


def test_without_a_tree_there_is_no_depth_and_no_root():
    report = loki_report([2, 3], [[0.5, 0.5], [0.4, 0.6]], ChainMetric(range(6)), [0, 5])
    assert report.rules["rule"].tolist() == ["argmax", "Loki", "best constant label"]
    assert np.isnan(report.rules["depth"]).all()
    assert str(report).count(" -\n") + str(report).endswith(" -") == 3


def test_a_root_that_is_no_label_is_no_rule():
    leaves = TreeMetric([-1, 0, 0], label_nodes="leaves")
    report = loki_report(leaves.labels_, np.eye(2), leaves, [0, 1])
    assert "root" not in report.rules["rule"]
    np.testing.assert_array_equal(report.rules["depth"], 1.0)


def test_nothing_is_saved_where_argmax_is_right():
    report = loki_report([0, 5], np.eye(2), ChainMetric(range(6)), [0, 5])
    np.testing.assert_array_equal(report.rules["mean_distance"][:2], 0.0)
    assert np.isnan(report.rules["improvement"]).all()


def test_ties_of_argmax_go_to_the_first_label_of_the_metric():
    report = loki_report(["a"], [[0.5, 0.5]], ChainMetric([0.0, 1.0], labels=["a", "b"]), [1, 0])
    assert report.rules["mean_distance"][0] == 0.0


def test_power_label_space_and_sparse_weights(rng):
    metric, P = ChainMetric(range(10)), rng.dirichlet(np.full(3, 0.2), size=40)
    y, observed = rng.integers(10, size=40), [1, 5, 9]
    space = [0, 2, 6]
    report = loki_report(y, P, metric, observed, label_space=space, power=1)
    expected = np.abs(y - frechet_predict(P, metric, observed, label_space=space, power=1)).mean()
    assert report.rules["mean_distance"][1] == pytest.approx(expected)
    assert report.rules["unobserved"].tolist() == [0.0, 1.0, 1.0]
    assert report.constant_label in space
    assert "mean distance to the power 1" in str(report)
    thin = loki_report(y, sparse.csr_array(P), metric, observed, label_space=space, power=1)
    np.testing.assert_array_equal(thin.rules["mean_distance"], report.rules["mean_distance"])


def test_frames_and_notebooks():
    pandas = pytest.importorskip("pandas")
    metric = pets()
    report = loki_report(["poodle", "cat"], [[1.0, 0.0], [0.2, 0.8]], metric, metric.index_of(["poodle", "siamese"]))
    frame = report.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["rule"]) == ["argmax", "Loki", "best constant label", "root"]
    assert report._repr_html_().count("<tr>") == 5
    assert "LokiReport of 2 rows" in str(report)


def test_of_a_classifier():
    X, y = load_diabetes(return_X_y=True)
    y = np.digitize(y, np.linspace(y.min(), y.max(), 21)[1:-1])
    seen = np.isin(y, [0, 3, 7, 11, 15, 18])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    loki = LokiClassifier(model, metric=ChainMetric(range(20)), temperature=0.8).fit(X[seen], y[seen])
    report = loki_report(
        y,
        loki.predict_observed_proba(X),
        loki.metric_,
        loki.observed_indices_,
        y_train=y[seen],
        temperature=loki.temperature_,
    )
    assert report.rules["mean_distance"][1] == pytest.approx(np.mean((loki.predict(X) - y) ** 2.0))
    assert report.certificate.holds


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0, 9], np.eye(2), ChainMetric(range(3)), [0, 1]), {}, r"y_true contains labels not in label_space: \[9\]"),
        (([0], np.eye(2), ChainMetric(range(3)), [0, 1]), {}, "inconsistent numbers of samples"),
        (([0, 1], np.zeros((2, 2)), ChainMetric(range(3)), [0, 1]), {}, "each row of P must have a positive weight"),
        (([0, 1], np.eye(2), ChainMetric(range(3)), [0, 3]), {}, "observed must be positions between 0 and 2"),
        (([0, 1], np.eye(2), ChainMetric(range(3)), [0, 1]), {"y_train": [7]}, "y_train contains labels not in"),
        (([0, 1], np.eye(2), ChainMetric(range(3)), [0, 1]), {"label_space": [5]}, "label_space must be positions"),
        (([0, 1], np.eye(2), ChainMetric(range(3)), [0, 1]), {"temperature": 0}, "The 'temperature' parameter"),
    ],
)
def test_arguments_that_make_no_sense(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        loki_report(*arguments, **options)

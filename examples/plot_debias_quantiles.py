"""
Who is predicted too high, before and after a correction
========================================================

A map predicts the wealth of villages from what an image shows. It is calibrated: among villages with the same
prediction, the mean wealth is that prediction. Yet poor villages are predicted too rich and rich ones too poor, and
differences between groups of villages look smaller than they are. Pairs of a prediction and the truth, from a survey,
undo that; how well depends on the distribution of predictions.
"""

import matplotlib.pyplot as plt
import numpy as np

from statlearn.debias import (
    LinearCalibrationCorrector,
    QuantileBiasDisplay,
    ScoreDisplay,
    ShrinkageDisplay,
    SieveCorrector,
    TweedieCorrector,
    debiased_ate,
    shrinkage_report,
)

# %%
# Villages and towns
# ------------------
# Most predictions are of villages, which are poor and alike; some are of towns, which are richer and differ more. The
# truth differs from the prediction by normal noise.


def predict_and_survey(n, rng):
    """Predictions of places, and their true wealth."""
    village = rng.random(n) < 0.7
    predictions = np.where(village, rng.normal(-1.0, 0.5, n), rng.normal(2.0, 1.2, n))
    return predictions, predictions + 0.8 * rng.normal(size=n)


rng = np.random.default_rng(0)
predicted, wealth = predict_and_survey(4000, rng)
print(shrinkage_report(wealth, predicted))

# %%
# The slope of the truth on predictions is 1, which is calibration. That of predictions on the truth is about 0.8, which
# is shrinkage. The mean prediction is not linear in the truth, so that a line will not do at both ends.
#
# Three corrections learn from these pairs. They are judged on places that were not surveyed.

correctors = {
    "linear": LinearCalibrationCorrector(),
    "Tweedie": TweedieCorrector(scale="moment"),
    "sieve": SieveCorrector(),
}
raw, truth = predict_and_survey(20_000, rng)
corrected = {name: one.fit(predicted, wealth).predict(raw) for name, one in correctors.items()}

figure, panels = plt.subplots(1, 2, figsize=(13, 4.8), layout="constrained")
ShrinkageDisplay.from_predictions(wealth, predicted, ax=panels[0])
QuantileBiasDisplay.from_predictions(truth, raw, corrected=corrected, ax=panels[1])
panels[1].set_title("mean error by tenths of the truth")
plt.show()

# %%
# On the left the orange line is calibration and the blue one shrinkage. On the right, the line is right on average but
# not for the poorest, nor for those in the middle. The sieve is a curve that is asked to leave no error wherever the
# truth is. Tweedie's correction pushes predictions away from where most of them are, in proportion to the score, the
# derivative of the log density. Between the modes it pushes to the right from one and to the left from the other, so
# that corrected predictions fall. That is no mistake: with no other curve is the error zero on average at every truth.

ScoreDisplay.from_corrector(correctors["Tweedie"])
plt.show()

# %%
# Two groups
# ----------
# Clinics stand where wealth is, and nothing in an image gives them away but wealth. How much richer are places that
# have one?

has_clinic = rng.random(truth.size) < 1 / (1 + np.exp(-truth))
results = {name: debiased_ate(one, raw, has_clinic, random_state=0) for name, one in correctors.items()}
print("difference of")
print(f"  wealth        {truth[has_clinic].mean() - truth[~has_clinic].mean():.2f}")
print(f"  predictions   {results['linear'].naive:.2f}")
for name, result in results.items():
    low, high = result.ci
    print(f"  {name:<13} {result.estimate:.2f}, 95 % interval {low:.2f} to {high:.2f}")

# %%
# Errors at both ends partly cancel in a difference, so that the line does well here. As predictions of single places
# the corrected ones are worse, as they must be, and most so those that follow the curve:

for name, values in {"predictions": raw, **corrected}.items():
    print(f"{name:<13} R2 {1 - np.mean((values - truth) ** 2) / truth.var():.2f}")

"""
What does fairness cost, and what is it paid with?
==================================================

A penalty on distance covariance can be paid in two ways: by predictions that *depend* less on the protected attributes,
or by predictions that merely *vary* less. The second is cheap, and no fairness. Here are both for claim frequencies of
a motor portfolio, with a penalty on distance covariance, and with ``normalize="dcor"``, which penalizes the distance
correlation instead.
"""

import matplotlib.pyplot as plt
import numpy as np

from statlearn.datasets import make_motor_claims
from statlearn.fairness import DistanceCovarianceFairRegressor, FairnessPathDisplay, fairness_path

# %%
# The data
# --------
# A synthetic portfolio: sex, region and age have no effect of their own, but predictors are proxies of them. Vehicle
# age and annual mileage are not. In the second of two models these are left out, so that proxies are all there is.

motor = make_motor_claims(6000, random_state=0, as_frame=True)
frequency = motor.target / motor.exposure
skewed = ["vehicle_power", "vehicle_value", "density", "annual_mileage"]
predictors = motor.data.assign(**np.log(motor.data[skewed]))
models = {
    "all predictors": predictors,
    "proxies only": predictors[["vehicle_power", "driver_experience", "bonus_malus", "density"]],
}
print(motor.sensitive.head(3))

# %%
# The paths
# ---------
# Poisson regression with exposures as weights. Both penalties are followed up to the largest useful weight, at which
# a thousandth of the penalty is left, or a larger weight takes nothing more off.

PENALTIES = {None: "distance covariance", "dcor": "distance correlation"}
paths = {}
for model, X in models.items():
    for normalize, name in PENALTIES.items():
        estimator = DistanceCovarianceFairRegressor(loss="poisson", normalize=normalize)
        path = fairness_path(X, frequency, motor.sensitive, estimator=estimator, sample_weight=motor.exposure)
        paths[model, normalize] = path
        print(f"{model}, {name}: {path.certificate['fits paid for by shrinking'].statistic} fits paid for by shrinking")
print(paths["proxies only", None].to_frame().iloc[::3].to_string(index=False, float_format="%.5f"))

# %%
# The picture
# -----------
# Above: the price of fairness, the loss against the unfairness ratio, which is the variance of the means of the cells
# (sex by region by quartile of age) relative to that of all predictions. Below: how much the predictions still vary,
# against how much they still depend.

COLORS = {None: "#0072b2", "dcor": "#d55e00"}
figure, panels = plt.subplots(2, 2, figsize=(11.5, 8.4), layout="constrained")
for column, model in zip(panels.T, models, strict=True):
    for normalize, name in PENALTIES.items():
        path = paths[model, normalize]
        FairnessPathDisplay.from_path(path, criterion="uf", ax=column[0], name=name, color=COLORS[normalize])
        varies = path.deviations > 0
        column[1].plot(
            path.distance_correlations[varies],
            path.deviations[varies],
            "o-",
            ms=4,
            color=COLORS[normalize],
            label=name,
        )
    column[0].set_title(model)
    plt.setp(column[0].texts, visible=False)  # the weights at the points, which get in the way of two curves
    column[1].set(xlabel="squared distance correlation", ylabel="standard deviation of the predictions", xscale="log")
    column[1].set_ylim(bottom=0)
    column[1].legend(title="penalty on", frameon=False)
plt.show()

# %%
# With all predictors the two penalties trace nearly the same price curve. There are features to turn to that are no
# proxies, and both turn to them; the second keeps a bit more of the variation at the same dependence.
#
# With proxies alone there is nothing to turn to. The penalty on distance covariance first removes what dependence can
# be removed, down to a correlation of .003, and then shrinks the predictions to nothing: loss goes up, the correlation
# stays, and the unfairness ratio *rises* again. Along that whole branch the penalty itself keeps falling, so that
# whoever looks at the penalty alone sees nothing but progress. The alarm of the fits is too coarse to notice before
# the last of them: compared with no penalty at all, the correlation has fallen as much as the variance. The penalty on
# distance correlation stops where the correlation does.

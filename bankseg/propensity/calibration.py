"""Calibration: from the booster's log-odds to a probability, chosen by evidence on a later slice, stored as JSON numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.venn_abers import venn_abers_curve

Method = Literal["none", "platt", "beta", "venn_abers", "isotonic"]
Vector = NDArray[np.float64]

# Isotonic regression needs many outcomes, and makes ties that break ranking.
ISOTONIC_POSITIVES = 1_000
# A slice with fewer outcomes than this corrects only the level and slope it can see; below it nothing is fitted.
LEAST_POSITIVES = 20
# Beta calibration has a third number to learn; below this many outcomes it learns noise.
BETA_POSITIVES = 200
CHOICE_FOLDS = 5
# Standard errors of the paired difference by which a method must beat the simpler one; curves with steps must beat the smooth ones clearly.
ERRORS_TO_BEAT: dict[Method, float] = {"none": 0.0, "platt": 0.0, "beta": 1.0, "venn_abers": 2.0, "isotonic": 2.0}
# Part of a curve with steps that follows the score itself, so that clients on one step keep their order.
ORDER_SHARE = 0.002
# Prior standard deviation of the slope around 1: a small slice moves it little, a large one freely.
SLOPE_SD = 0.5
NEWTON_STEPS = 50
LOGIT_LIMIT = 35.0


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A monotone map from log-odds to probability.

    Parameters
    ----------
    method
        `none` (plain sigmoid), `platt` (slope, intercept on the log-odds), `beta` (Kull et al. 2017: a, b, c on ln p and ln(1-p)), `venn_abers`, `isotonic`.
    coefficients
        `platt`: slope, intercept; `beta`: a, b, c.
    x, y
        `venn_abers`, `isotonic`: knots of log-odds, and probabilities.
    """

    method: Method = "none"
    coefficients: tuple[float, ...] = ()
    x: tuple[float, ...] = field(default=(), repr=False)
    y: tuple[float, ...] = field(default=(), repr=False)

    def __call__(self, raw: Vector) -> Vector:
        """Probability in [0, 1] of each log-odds.

        Examples
        --------
        >>> float(Calibrator("platt", (2.0, 0.0))(np.array([0.0]))[0])
        0.5
        """
        match self.method:
            case "none":
                return sigmoid(raw)
            case "platt":
                slope, intercept = self.coefficients
                return sigmoid(slope * raw + intercept)
            case "beta":
                a, b, c = self.coefficients
                positive, negative = _log_probabilities(raw)
                return sigmoid(a * positive - b * negative + c)
            case "isotonic" | "venn_abers":
                return (1 - ORDER_SHARE) * np.interp(raw, self.x, self.y) + ORDER_SHARE * sigmoid(raw)

    def as_json(self) -> dict[str, Any]:
        """Part of a card. `Any`: JSON."""
        return {"method": self.method, "coefficients": list(self.coefficients), "x": list(self.x), "y": list(self.y)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Calibrator":
        """Read back from a card. `Any`: JSON."""
        return cls(given["method"], tuple(given["coefficients"]), tuple(given["x"]), tuple(given["y"]))


def sigmoid(raw: Vector) -> Vector:
    """1 / (1 + exp(-raw)), without overflow."""
    exponent = np.exp(-np.abs(raw))
    return np.where(raw >= 0, 1.0, exponent) / (1.0 + exponent)


def logit(probability: Vector) -> Vector:
    """Log-odds, limited so that 0 and 1 stay finite."""
    with np.errstate(divide="ignore"):
        return cast("Vector", np.clip(np.log(probability) - np.log1p(-probability), -LOGIT_LIMIT, LOGIT_LIMIT))


def log_loss(label: NDArray[Any], probability: Vector) -> Vector:
    """Log loss of each row. `Any`: label of any integer type."""
    safe = np.clip(probability, 1e-12, 1 - 1e-12)
    return cast("Vector", -np.where(label == 1, np.log(safe), np.log1p(-safe)))


def choose_calibrator(raw: Vector, label: NDArray[Any], *, seed: int) -> tuple[Calibrator, dict[str, float]]:
    """The calibrator with the best cross-validated log loss on a later slice, and the evidence.

    Platt must beat plain scores; beta, tried above 200 positives, must beat Platt by one standard error of the paired difference; Venn-Abers, and above 1,000
    positives isotonic, must beat them all by two.

    Parameters
    ----------
    raw
        Log-odds, shape (n,), of rows no tree was grown on.
    label
        0 or 1, shape (n,). `Any`: any integer type.

    Returns
    -------
    tuple
        Calibrator, and mean held-out log loss by method.
    """
    label = np.asarray(label, dtype=np.int8)
    positives = int(label.sum())
    if min(positives, len(label) - positives) < LEAST_POSITIVES:
        return Calibrator(), {}
    fitters: dict[Method, Callable[[Vector, NDArray[np.int8]], Calibrator]] = {"none": lambda _raw, _label: Calibrator(), "platt": fit_platt}
    if positives > BETA_POSITIVES:
        fitters["beta"] = fit_beta
        fitters["venn_abers"] = fit_venn_abers
    if positives > ISOTONIC_POSITIVES:
        fitters["isotonic"] = fit_isotonic
    losses = {method: _held_out_losses(fitter, raw, label, seed) for method, fitter in fitters.items()}
    chosen: Method = "none"
    for method in fitters:
        better = losses[chosen] - losses[method]
        if better.mean() > ERRORS_TO_BEAT[method] * float(better.std() / np.sqrt(len(better))):
            chosen = method
    return fitters[chosen](raw, label), {method: float(loss.mean()) for method, loss in losses.items()}


def fit_platt(raw: Vector, label: NDArray[np.int8]) -> Calibrator:
    """Slope and intercept by penalised maximum likelihood (Platt 1999); a slope that is not positive is refused and only the level is moved."""
    prior = np.array([1 / SLOPE_SD**2, 0.0])
    slope, intercept = logistic(np.column_stack([raw, np.ones_like(raw)]), label, start=np.array([1.0, 0.0]), prior=prior)
    return Calibrator("platt", (float(slope), float(intercept))) if slope > 0 else Calibrator()


def fit_beta(raw: Vector, label: NDArray[np.int8]) -> Calibrator:
    """Beta calibration (Kull, Silva Filho & Flach 2017); falls back to Platt when either exponent is not positive."""
    positive, negative = _log_probabilities(raw)
    prior = np.array([1 / SLOPE_SD**2, 1 / SLOPE_SD**2, 0.0])
    a, b, c = logistic(np.column_stack([positive, -negative, np.ones_like(raw)]), label, start=np.array([1.0, 1.0, 0.0]), prior=prior)
    return Calibrator("beta", (float(a), float(b), float(c))) if min(a, b) > 0 else fit_platt(raw, label)


def fit_isotonic(raw: Vector, label: NDArray[np.int8]) -> Calibrator:
    """Isotonic regression with straight lines between block centres, so ties stay few."""
    from scipy.optimize import isotonic_regression  # costs 0.3 s and is rarely used

    order = np.argsort(raw, kind="stable")
    fitted = isotonic_regression(label[order].astype(np.float64))
    starts = np.asarray(fitted.blocks[:-1], dtype=np.intp)
    size = np.diff(fitted.blocks)
    centres = np.add.reduceat(raw[order], starts) / size
    # Rule of succession: a block without outcomes is rare, never impossible.
    level = (np.add.reduceat(label[order].astype(np.float64), starts) + label.mean()) / (size + 1)
    return Calibrator("isotonic", (), tuple(centres.tolist()), tuple(np.maximum.accumulate(level).tolist()))


def fit_venn_abers(raw: Vector, label: NDArray[np.int8]) -> Calibrator:
    """Venn-Abers calibration with straight lines between the knots."""
    x, y = venn_abers_curve(raw, label)
    return Calibrator("venn_abers", (), tuple(x.tolist()), tuple(y.tolist()))


def _held_out_losses(fitter: Callable[[Vector, NDArray[np.int8]], Calibrator], raw: Vector, label: NDArray[np.int8], seed: int) -> Vector:
    fold = np.random.default_rng(seed).integers(CHOICE_FOLDS, size=len(label))
    losses = np.empty(len(label))
    for out in range(CHOICE_FOLDS):
        held = fold == out
        losses[held] = log_loss(label[held], fitter(raw[~held], label[~held])(raw[held]))
    return losses


def _log_probabilities(raw: Vector) -> tuple[Vector, Vector]:
    """Logs of p and ln(1-p) of log-odds, exact in both tails."""
    return cast("Vector", -np.logaddexp(0.0, -raw)), cast("Vector", -np.logaddexp(0.0, raw))


def logistic(design: Vector, label: NDArray[Any], *, start: Vector, prior: Vector) -> Vector:
    """Newton's method for logistic regression with a normal prior of precision `prior` around `start`; halves a step that would raise the loss. `Any`: 0 and 1 of any number type."""
    theta: Vector = start.copy()
    best = np.inf
    step = np.zeros_like(theta)
    for _ in range(NEWTON_STEPS):
        eta = design @ theta
        loss = float(np.logaddexp(0.0, np.where(label == 1, -eta, eta)).sum() + 0.5 * (prior * (theta - start) ** 2).sum())
        if loss > best:
            step *= 0.5
            theta = theta - step
            continue
        if best - loss < 1e-9:
            break
        best = loss
        p = sigmoid(eta)
        gradient = design.T @ (label - p) - prior * (theta - start)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(prior + 1e-9)
        step = np.asarray(np.linalg.solve(hessian, gradient), dtype=np.float64)
        theta = theta + step
    return theta

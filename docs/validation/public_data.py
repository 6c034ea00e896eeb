"""Writes docs/validation/public-data.md: the propensity room, plain LightGBM defaults and logistic regression on the public files.

    python docs/validation/public_data.py [NAME ...]

The public files are read from ../shared/data; a file that is absent is left out of the page.
"""

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bankseg.domain.errors import LeakageError
from bankseg.propensity.crossval import FOLDS
from bankseg.propensity.dataset import learn_encoding
from bankseg.propensity.flatcolumns import type_columns
from bankseg.propensity.flatfile import SEED, _outcome, evaluate_file
from bankseg.propensity.flatread import read_flat
from bankseg.propensity.folds import stratified_folds
from bankseg.propensity.metrics import Metric, measure

ROOT = Path(__file__).resolve().parents[2]
DATA = Path("../shared/data")
PAGE = ROOT / "docs" / "validation" / "public-data.md"


@dataclass(frozen=True)
class Case:
    """One file, its options, and what is known about it."""

    name: str
    file: str
    label: str
    positive: str | None = None
    drop: tuple[str, ...] = ()
    reference: str = ""

    @property
    def command(self) -> str:
        options = [f"--label {self.label}", *([f"--positive {self.positive}"] if self.positive else []), *(f"--drop {column}" for column in self.drop)]
        return f"bankseg evaluate {DATA / self.file} {' '.join(options)}"


BERKA = "berka/derived_features"
CASES = (
    Case("Churn Modelling", "churn_modelling/Churn_Modelling.csv", "Exited", reference="AUC about .86 to .87 (public notebooks)"),
    Case("Churn Modelling, dirty copy", "churn_modelling/Churn_Modelling_DIRTY_missing_values.csv", "Exited", reference="AUC .868 (README, random folds)"),
    Case("Bank Marketing additional, no duration", "bank_marketing/bank-additional-full.csv.gz", "y", drop=("duration",),
         reference="AUC .80 (Moro 2014, rolling in time, other features)"),
    Case("Bank Marketing full, no duration", "bank_marketing/bank-full.csv.gz", "y", drop=("duration",), reference="AUC .804 (README, random folds)"),
    Case("Hillstrom, visit", "hillstrom/hillstrom.csv.gz", "visit", drop=("conversion", "spend"), reference="none found"),
    Case("Berka, balance decline 1998", f"{BERKA}/features_asof_1997-12-31.csv", "churned", drop=("has_loan", "has_card"),
         reference="AUC .779 (diyorislomov, single split), .793 (README)"),
    Case("Berka, low activity 1997", f"{BERKA}/features_asof_1996-12-31.parquet", "churned", reference="AUC .9305 (diyorislomov, single split), .925 (README)"),
    Case("Berka, churn label file without the leaks", f"{BERKA}/churn_labels_1998.csv", "churned", drop=("balance_ratio", "avg_balance_label", "tx_count_label"),
         reference="none"),
    Case("Berka, bad loan, raw", f"{BERKA}/loan_features_before_loan_raw.csv", "loan_status", "B,D", reference="AUC .731 to .791 (sorayutmild), .812 (README)"),
    Case("Berka, bad loan, engineered", f"{BERKA}/loan_features_before_loan_engineered.csv", "loan_status", "B,D", reference="AUC .893 (README)"),
    Case("Berka, bad loan, full history", f"{BERKA}/loan_features_FULL_HISTORY_leaky.csv", "loan_status", "B,D", reference="leaks: AUC 1.000"),
    Case("Berka, churn label file", f"{BERKA}/churn_labels_1998.csv", "churned", reference="leaks: holds the ratio the label is cut from"),
)  # fmt: skip

INTRODUCTION = """<!-- Written by docs/validation/public_data.py; change the script, not this page. -->

# Public files

What `bankseg evaluate` reaches on public files, beside plain LightGBM defaults and logistic regression on the same columns.
All three are judged on five stratified folds, pooled, because these files hold no time; such figures say nothing about a bank's own future.
bankseg chooses its rounds and its calibration inside each fold; the other two are fitted once per fold. Intervals are 95 % bootstrap intervals.

Regenerate with `python docs/validation/public_data.py`, or run one line of the last table.

| Data | Rows | Positives | bankseg AUC | defaults AUC | logistic AUC | Lift 10 %: ours, defaults | Brier: ours, defaults | Published |
|---|---|---|---|---|---|---|---|---|
"""
CALIBRATION = """
## Calibration

An ECE below the chance level cannot be told from perfect on a file of that size. Wanted: ECE at most chance + .005, slope .9 to 1.1.

| Data | ECE | chance p95 | slope | intercept | defaults: ECE, slope, intercept | calibrators of the folds |
|---|---|---|---|---|---|---|
"""
REMARKS = """
## Refused

| Data | Columns named | Exit code |
|---|---|---|
"""
COMMANDS = """
## Commands

| Data | Command |
|---|---|
"""
LIMITS = """
## How to read this

- Differences below about .005 AUC (.02 on the small Berka files) are within the noise of the folds. On the engineered loan file the defaults rank a little
  better than bankseg: with 76 positives that is chance, and their probabilities are far off (see their slope).
- The targets of this project are .867 for Churn Modelling and .805 for both Bank Marketing files. The first is met; Bank Marketing is .001 to .002 short of it
  in pooled AUC. On these folds no tree size, step or number of rounds that was tried went above .805.
- Outside the wanted slope or intercept: the raw loan file (slope) and the engineered loan and low-activity files (intercept), where 76 and 391 positives leave an interval that holds the ideal.
- `duration` of Bank Marketing is dropped by hand: it is known only after the call, yet alone reaches an AUC of .82 only, so no scan of single columns finds it.
- `conversion` and `spend` of Hillstrom happen only after a visit: `bankseg evaluate` warns about both when they are not dropped.
- `loan_date` in the raw loan file is a calendar date, and loans of status C and D are still running, so the label is censored by it. It is kept as the file has it.
- The constants of the recipe (tree sizes, steps, when to average or drop a tree size, when to try beta or isotonic) were settled while looking at these files and a few
  synthetic ones, over about ten rounds; the folds of this page are among those looked at. So these figures flatter a little, and only a file never seen is a fair test.
"""


def main(names: list[str]) -> None:
    rows, calibration, refused, commands = [], [], [], []
    for case in CASES:
        if not (ROOT / DATA / case.file).is_file() or (names and case.name not in names):
            continue
        commands.append(f"| {case.name} | `{case.command}` |")
        try:
            ours = evaluate_file(ROOT / DATA / case.file, case.label, case.positive, case.drop)
        except LeakageError as error:
            refused.append(f"| {case.name} | {', '.join(error.columns)} | {error.exit_code} |")
            continue
        plain, logistic = baselines(case)
        rows.append(_row(case, ours, plain, logistic))
        calibration.append(_calibration_row(case, ours, plain))
        print(rows[-1], calibration[-1], sep="\n", flush=True)
    parts = [INTRODUCTION, *rows, CALIBRATION, *calibration, REMARKS, *refused, COMMANDS, *commands]
    page = "".join(part if part.endswith("\n") else f"{part}\n" for part in parts) + LIMITS
    if not names:
        PAGE.write_text(page, encoding="utf-8")


def baselines(case: Case) -> tuple[dict[str, Metric], dict[str, Metric]]:
    table, _ = read_flat(ROOT / DATA / case.file)
    label, has_label, _ = _outcome(table.column(case.label), case.label, case.positive)
    columns = type_columns(table.drop_columns([case.label, *case.drop]).filter(pa.array(has_label)))
    encoding = learn_encoding(columns.table, columns.features)
    x, y = encoding.matrix(columns.table), label[has_label]
    fold = stratified_folds(y, FOLDS, SEED, columns.groups)
    plain, logistic = np.empty(len(y)), np.empty(len(y))
    one_hot = _one_hot(x, encoding.categorical)
    for out in range(FOLDS):
        inside = fold != out
        booster = lightgbm.LGBMClassifier(verbose=-1, n_jobs=1, random_state=SEED)
        booster.fit(x[inside], y[inside], categorical_feature=encoding.categorical or "auto")
        line = make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler(), LogisticRegression(max_iter=2_000)
        )
        line.fit(one_hot[inside], y[inside])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's remark about feature names, which these matrices do not have
            plain[~inside] = booster.predict_proba(x[~inside])[:, 1]
        logistic[~inside] = line.predict_proba(one_hot[~inside])[:, 1]
    return measure(y, plain, seed=SEED), measure(y, logistic, seed=SEED)


def _one_hot(x: NDArray[np.float32], categorical: list[int]) -> NDArray[np.float64]:
    numbers = np.delete(x, categorical, axis=1).astype(np.float64)
    if not categorical:
        return numbers
    codes = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit_transform(np.nan_to_num(x[:, categorical], nan=-1))
    return np.hstack([numbers, codes])


def _row(case: Case, ours: dict, plain: dict[str, Metric], logistic: dict[str, Metric]) -> str:
    return (
        f"| {case.name} | {ours['rows']:,} | {ours['positives']:,} | **{ours['auc']:.4f}** ({ours['auc_low']:.3f} to {ours['auc_high']:.3f}) | {plain['roc_auc'].value:.4f} "
        f"| {logistic['roc_auc'].value:.4f} | {ours['lift10']:.2f}, {plain['lift10'].value:.2f} | {ours['brier']:.4f}, {plain['brier'].value:.4f} | {case.reference} |"
    )


def _calibration_row(case: Case, ours: dict, plain: dict[str, Metric]) -> str:
    return (
        f"| {case.name} | {ours['ece']:.4f} | {ours['ece_chance_p95']:.4f} | {ours['slope']:.3f} | {ours['intercept']:+.3f} "
        f"| {plain['ece'].value:.4f}, {plain['calibration_slope'].value:.2f}, {plain['calibration_intercept'].value:+.2f} | {ours['calibration']} |"
    )


if __name__ == "__main__":
    main(sys.argv[1:])

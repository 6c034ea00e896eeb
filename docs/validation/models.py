"""Writes docs/validation/models.md: our models, plain LightGBM defaults and logistic regression on the public files and on a demo bank.

    python docs/validation/models.py --demo HOME [--public]

HOME is the BANKSEG_HOME of a demo bank whose models are trained (`python3 run.py demo --no-serve` makes one). The public files are read from ../shared/data;
one that is absent is left out. Without --public, or without --demo, that half of the page stays as it is.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from public_data import CASES, DATA, ROOT, baselines
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer
from sqlmodel import select

from bankseg.demo.truth import expected_auc, planted_probability
from bankseg.domain.errors import LeakageError
from bankseg.propensity.artefacts import load
from bankseg.propensity.dataset import Encoding
from bankseg.propensity.flatfile import SEED, evaluate_file
from bankseg.propensity.metrics import Metric, measure, roc_auc
from bankseg.services.bank import Bank, open_bank
from bankseg.services.train import gather, model_features
from bankseg.settings import Settings
from bankseg.storage.database import reading
from bankseg.storage.propensity_model import PropensityModel
from bankseg.storage.run import Run

PAGE = ROOT / "docs" / "validation" / "models.md"
SHOWN = {"roc_auc": "AUC", "pr_auc": "PR-AUC", "lift10": "Lift 10 %", "brier": "Brier", "ece": "ECE"}
HIGHER_IS_BETTER = {"roc_auc", "pr_auc", "lift10"}
HEAD = f"| {' | '.join(f'{shown}: ours, defaults, logistic' for shown in SHOWN.values())} |"
INTRODUCTION = """<!-- Written by docs/validation/models.py; change the script, not this page. -->

# Models beside baselines

Three models on the same rows and columns: bankseg; plain LightGBM with its defaults, native categories and missing values; and logistic regression on
one-hot categories and standardised numbers with indicators of what is missing. Neither baseline is calibrated, tuned or stopped early. The best of the three
is bold. Regenerate with `python docs/validation/models.py --demo HOME --public`.
"""
PUBLIC_INTRODUCTION = """
## Public files

Five stratified folds, pooled: these files hold no time, so nothing here speaks of a future. [Public files](public-data.md) has the commands and what is
dropped from each file, intervals, and what a reader must know of them.

| Data | Rows, positives {head} Published |
|---|---|---|---|---|---|---|---|
"""
DEMO_INTRODUCTION = """
## The demo bank

Up to {clients:,} clients a target, as of {as_of}, out of time: every model learns from the origins before {test} and is judged at its own locked fold. The planted AUC is that of
the probability from which the outcomes were drawn, which no model can know whole: it rests on drivers that leave only traces. Ours has an interval of 95 %, that of the outcomes which happened to be drawn;
"on average" is the share over all the outcomes that the planted probabilities might have drawn for the same clients, free of that chance. The planted probability
of `balance_attrition` is an approximation (it has to foresee balances three months on), so its average share speaks of that approximation.

| Target | Positives {head} Planted AUC | Share of it reached, {interval} | Share on average |
|---|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Three:
    """The same metrics of three models."""

    ours: dict[str, float]
    defaults: dict[str, Metric]
    logistic: dict[str, Metric]

    def cells(self) -> str:
        return " | ".join(self._cell(name) for name in SHOWN)

    def lost(self) -> bool:
        """Whether a baseline ranks better."""
        return self.ours["roc_auc"] < max(self.defaults["roc_auc"].value, self.logistic["roc_auc"].value)

    def _cell(self, name: str) -> str:
        values = [self.ours[name], self.defaults[name].value, self.logistic[name].value]
        best = max(values) if name in HIGHER_IS_BETTER else min(values)
        digits = 2 if name == "lift10" else 4
        return ", ".join(f"**{value:.{digits}f}**" if value == best else f"{value:.{digits}f}" for value in values)


@click.command()
@click.option("--demo", "home", type=click.Path(path_type=Path, exists=True, file_okay=False), default=None, help="Home of a demo bank with its models.")
@click.option("--public", is_flag=True, help="Measure the public files too.")
def main(home: Path | None, *, public: bool) -> None:
    """Write the page."""
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    halves = {
        "Public files": "".join(public_half()) if public else _kept(before, "Public files"),
        "The demo bank": "".join(demo_half(open_bank(Settings(home=home)))) if home else _kept(before, "The demo bank"),
    }
    PAGE.write_text(INTRODUCTION + "".join(halves.values()), encoding="utf-8")


def _kept(page: str, title: str) -> str:
    found = re.search(rf"\n## {title}\n.*?(?=\n## |\Z)", page, re.DOTALL)
    return found.group(0) if found else ""


def public_half() -> Iterator[str]:
    yield PUBLIC_INTRODUCTION.format(head=HEAD)
    losses = []
    for case in CASES:
        if not (ROOT / DATA / case.file).is_file():
            continue
        try:
            report = evaluate_file(ROOT / DATA / case.file, case.label, case.positive, case.drop)
        except LeakageError as error:
            yield f"| {case.name} | refused: {', '.join(error.columns)} | | | | | | {case.reference} |\n"
            continue
        ours = {name: report["metrics"]["auc" if name == "roc_auc" else name]["value"] for name in SHOWN}
        three = Three(ours, *baselines(case))
        losses += [case.name] if three.lost() else []
        row = f"| {case.name} | {report['rows']:,}, {report['positives']:,} | {three.cells()} | {case.reference} |\n"
        print(row, end="", flush=True)
        yield row
    yield _said(losses)


def demo_half(bank: Bank) -> Iterator[str]:
    with reading(bank.engine) as session:
        versions = session.exec(select(PropensityModel).order_by(PropensityModel.version)).all()
        latest = {version.target: version for version in versions}
        runs = {version.run_id: session.get_one(Run, version.run_id) for version in latest.values()}
    cards = {target: _card(bank, version) for target, version in sorted(latest.items())}
    in_time = {target: card for target, card in cards.items() if card["origins"]}
    tests = sorted({card["origins"]["test"] for card in in_time.values()})
    as_of = max(run.as_of for run in runs.values())
    yield DEMO_INTRODUCTION.format(clients=max(card["n"] for card in in_time.values()), as_of=as_of, test=" or ".join(tests), head=HEAD, interval="interval")
    losses = []
    for target, card in in_time.items():
        three, planted, on_average = _demo_row(bank, runs[latest[target].run_id], target, card)
        losses += [target] if three.lost() else []
        share, low, high = (card["metrics"]["roc_auc"][part] / planted for part in ("value", "low", "high"))
        known = f"{planted:.4f} | {share:.1%} ({low:.1%} to {high:.1%}) | {on_average:.1%}" if not np.isnan(planted) else "not planted | | "
        row = f"| `{target}` | {card['positives']['test']:,} | {three.cells()} | {known} |\n"
        print(row, end="", flush=True)
        yield row
    yield _said(losses)


def _card(bank: Bank, version: PropensityModel) -> dict:
    return json.loads((bank.settings.artefacts / version.digest / "card.json").read_text(encoding="utf-8"))


def _said(losses: list[str]) -> str:
    if not losses:
        return "\nNo baseline ranks better anywhere.\n"
    return f"\nA baseline ranks better, within the noise or not, on: {', '.join(losses)}.\n"


def _demo_row(bank: Bank, run: Run, target: str, card: dict) -> tuple[Three, float, float]:
    features = [feature.name for feature in model_features(bank, run)]
    data = gather(bank, run, target, features)
    encoding = Encoding.from_json(card)
    x, is_test = encoding.matrix(data.table), data.origin == np.datetime64(card["origins"]["test"])
    booster = lightgbm.LGBMClassifier(verbose=-1, n_jobs=1, random_state=SEED)
    booster.fit(x[~is_test], data.label[~is_test], categorical_feature=encoding.categorical or "auto")
    defaults = booster.booster_.predict(x[is_test])
    logistic = _logistic(encoding, x, data.label, is_test)
    truth = planted_probability(bank.settings.home / "demo" / "truth", date.fromisoformat(card["origins"]["test"]))
    clients = data.table.column("client_id").filter(pa.array(is_test))
    planted = truth.column(target).take(pc.index_in(clients, value_set=truth.column("client_id").combine_chunks())) if target in truth.column_names else None
    label = data.label[is_test]
    auc = on_average = float("nan")
    if planted is not None:
        probability = np.asarray(planted.to_numpy(), dtype=np.float64)
        score = load(bank.settings.artefacts, run.models[target], bank.settings.key()).predict(data.table.filter(pa.array(is_test)))
        auc, on_average = roc_auc(label, probability), expected_auc(score, probability) / expected_auc(probability, probability)
    ours = {name: card["metrics"][name]["value"] for name in SHOWN}
    return Three(ours, measure(label, defaults, seed=SEED), measure(label, logistic, seed=SEED)), auc, on_average


def _logistic(encoding: Encoding, x: np.ndarray, label: np.ndarray, is_test: np.ndarray) -> np.ndarray:
    """Numbers by their normal scores, which suits amounts and counts better than plain standardising."""
    numbers = np.delete(x, encoding.categorical, axis=1).astype(np.float64)
    codes = [np.eye(len(encoding.levels[feature.name]) + 1)[np.nan_to_num(x[:, place], nan=-1).astype(int)]
             for place, feature in enumerate(encoding.features) if feature.type == "category"]  # fmt: skip
    line = make_pipeline(
        QuantileTransformer(n_quantiles=100, output_distribution="normal", subsample=20_000, random_state=SEED),
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        LogisticRegression(max_iter=500),
    )
    hot = np.hstack(codes) if codes else np.empty((len(x), 0))
    fitted = line[:-1].fit(numbers[~is_test])
    both = np.hstack([fitted.transform(numbers), hot])
    line[-1].fit(both[~is_test], label[~is_test])
    return line[-1].predict_proba(both[is_test])[:, 1]


if __name__ == "__main__":
    main()

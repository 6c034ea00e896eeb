"""The model file as HTML: one self-contained document, or the same content as a part of a page. Everything is drawn here; nothing is fetched."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from html import escape
from importlib.resources import files
from typing import Any

from babel.dates import format_date, format_datetime

from bankseg.delivery.plots import Frame, Series, bars, pairs, plane, round_up
from bankseg.domain.governance import FRENCH, NOTHING, codes, figure, say, target_name

LOCALES = {"en": "en_GB", "fr": "fr_FR"}
SHOWN_DIGITS = 12  # of a hash
WATCH, ACT = 0.10, 0.25
MOST_ATTRIBUTES = 10
METRICS = codes("metrics")


@dataclass(frozen=True, slots=True)
class Page:
    """One file in one language, with the words and formats that its parts share. `Any`: the JSON document of `model_file`."""

    file: Mapping[str, Any]
    language: str

    def word(self, code: str, **values: Any) -> str:  # figures and names
        """A word of the file, escaped."""
        return escape(say("file", code, self.language, values))

    def term(self, kind: str, code: str, values: Mapping[str, Any] | None = None) -> str:
        """A word of another table, escaped."""
        return escape(say(kind, code, self.language, values))

    def number(self, value: float | None) -> str:
        """A figure in the language."""
        return figure(value, self.language)

    def share(self, value: float | None) -> str:
        """A share as a percentage with one decimal."""
        if value is None:
            return NOTHING
        text = f"{value * 100:.1f}"
        return f"{text.replace('.', ',')}\u00a0%" if self.language == FRENCH else f"{text}%"

    def day(self, value: str | None) -> str:
        """A date in words."""
        return str(format_date(date.fromisoformat(value), format="medium", locale=LOCALES[self.language])) if value else NOTHING

    def instant(self, value: float | None) -> str:
        """An instant, in UTC."""
        if not value:
            return NOTHING
        return str(format_datetime(datetime.fromtimestamp(value, UTC), format="d MMM y, HH:mm 'UTC'", locale=LOCALES[self.language]))

    def attribute(self, name: str) -> str:
        """What an attribute is called; its code where the catalogue has no words."""
        known = self.file.get("names") or {}
        return str(known.get(name, {}).get(self.language, name))

    def named(self, name: str) -> str:
        """The same for a table, escaped, with the code beside it."""
        told = self.attribute(name)
        return f"<code>{escape(name)}</code>" if told == name else f'<span title="{escape(name)}">{escape(told)}</span>'

    @property
    def comma(self) -> str:
        """Decimal mark of plots."""
        return "," if self.language == FRENCH else "."


def document(file: Mapping[str, Any], language: str) -> str:
    """The whole file: HTML with its style inside, plots as SVG, and no address of anything. `Any`: the document of `model_file`."""
    page = Page(file, language)
    title = f"{target_name(file['model']['target'], language)}, {say('file', 'version_n', language, {'value': file['model']['version']})}"
    style = files("bankseg.delivery").joinpath("model_page.css").read_text(encoding="utf-8")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title><style>{style}</style>'
    heading = f"<h1>{page.word('title')} <small>{escape(title)}</small></h1>"
    return f'<!doctype html>\n<html lang="{language}"><head>{head}</head><body><main>{heading}{fragment(file, language)}</main></body></html>\n'


def fragment(file: Mapping[str, Any], language: str) -> str:
    """The content of the file without the frame of a document, for a page that brings its own style. `Any`: the document of `model_file`."""
    page = Page(file, language)
    parts: tuple[Callable[[Page], str], ...] = (
        _purpose, _gates, _metrics, _curves, _challenge, _backtest, _segments, _drivers, _disparity, _monitoring, _limits, _data, _decisions, _openings, _foot,
    )  # fmt: skip
    return f'<article class="model-file">{"".join(part(page) for part in parts)}</article>'


def psi_plot(page: Page) -> str:
    """Drift of the score on each observed run, under the lines of watch and act."""
    seen = [one for one in page.file["observations"] if one["score_psi"] is not None]
    if not seen:
        return ""
    top = round_up(max(ACT * 1.2, *(one["score_psi"] for one in seen)))
    frame = Frame(
        say("file", "psi_in_time", page.language), say("file", "as_of", page.language), "PSI", (0, 1), (0, top), [one["as_of"] for one in seen], page.comma
    )
    levels = [(WATCH, say("file", "watch_line", page.language)), (ACT, say("file", "act_line", page.language))]
    return plane(frame, [Series([(float(place), one["score_psi"]) for place, one in enumerate(seen)])], levels)


def _purpose(page: Page) -> str:
    model, file = page.file["model"], page.file
    uses = ", ".join(page.term("purposes", code) for code in file["purposes"] or [])
    back = page.word("version_n", value=model["rollback_to"]) if model["rollback_to"] else page.word("nothing")
    window = page.word("window_days", gap=file["gap_days"], horizon=file["horizon_days"]) if file["horizon_days"] else NOTHING
    rows = (
        ("estimates", escape(target_name(model["target"], page.language))),
        ("status", f'<span class="status status-{model["status"]}">{page.term("statuses", model["status"])}</span>'),
        ("as_of", page.day(model["as_of"])),
        ("allowed", uses),
        ("forbidden", f"<strong>{page.word('forbidden_credit')}</strong>"),
        ("owner", escape(file["owner"] or NOTHING)),
        ("materiality", f"{page.term('materiality', model['materiality'])} ({page.number(model['exposure'])} {page.word('clients').lower()})"),
        ("next_review", page.day(model["next_review_on"])),
        ("rollback", back),
        ("population", page.term("populations", model["target"].partition(":")[0])),
        ("exclusions", ", ".join(page.term("exclusions", code) for code in file["exclusions"] or []) or NOTHING),
        ("window", window),
        ("label_sql", f"<code>{escape(file['label_sql'] or '')}.sql</code>"),
    )
    return _section(page, "purpose", _pairs(page, rows))


def _gates(page: Page) -> str:
    rows = [
        (
            page.term("gates", gate["name"]),
            f'<span class="verdict verdict-{gate["verdict"]}">{page.term("verdicts", gate["verdict"])}</span>',
            page.number(gate["value"]),
            escape(gate["bound"]),
            page.term("findings", gate["code"], {"value": gate["value"], **gate["details"]}),
        )
        for gate in page.file["gates"]
    ]
    return _section(page, "gates", _table(page, "gates", ("gate", "verdict", "value", "bound", "finding"), rows, numbers=(2,), words=(4,)))


def _metrics(page: Page) -> str:
    rows = [
        (page.term("metrics", name), page.number(found["value"]), f"{page.number(found['low'])} – {page.number(found['high'])}")
        for name, found in sorted(page.file["metrics"].items(), key=lambda pair: (*METRICS, pair[0]).index(pair[0]))
    ]
    note = f"<p>{page.number(page.file['n'])} {page.word('clients').lower()}, {page.word('base_rate').lower()} {page.share(page.file['base_rate'])}</p>"
    return _section(page, "metrics", note + _table(page, "metrics", ("metric", "value", "interval"), rows, numbers=(1, 2)))


def _curves(page: Page) -> str:
    return f'<div class="two">{_reliability(page)}{_gain(page)}</div>'


def _reliability(page: Page) -> str:
    points = [(one["probability"], one["rate"]) for one in page.file["reliability"] or []]
    if not points:
        return ""
    top = round_up(max(max(point) for point in points))
    frame = Frame(
        say("file", "reliability", page.language),
        say("file", "estimated", page.language),
        say("file", "observed", page.language),
        (0, top),
        (0, top),
        (),
        page.comma,
    )
    drawn = plane(frame, [Series([(0, 0), (top, top)], "reference", has_marks=False), Series(points)])
    rows = [(page.share(one["probability"]), page.share(one["rate"]), page.number(one["rows"])) for one in page.file["reliability"]]
    return _figure(page, "reliability", drawn, _table(page, "reliability", ("estimated", "observed", "clients"), rows, numbers=(0, 1, 2)))


def _gain(page: Page) -> str:
    found = page.file["gains"] or []
    if not found:
        return ""
    points = [(0.0, 0.0), *((one["share"], one["gain"]) for one in found), *([] if found[-1]["share"] >= 1 else [(1.0, 1.0)])]
    frame = Frame(
        say("file", "gain", page.language),
        say("file", "share_contacted", page.language),
        say("file", "share_found", page.language),
        (0, 1),
        (0, 1),
        (),
        page.comma,
    )
    drawn = plane(frame, [Series([(0, 0), (1, 1)], "reference", has_marks=False), Series(points)])
    rows = [(page.share(one["share"]), page.share(one["gain"]), page.number(one["lift"])) for one in found]
    return _figure(page, "gain", drawn, _table(page, "gain", ("share_contacted", "share_found", "lift"), rows, numbers=(0, 1, 2)))


def _challenge(page: Page) -> str:
    found = page.file["comparison"]
    if not found:
        return _section(page, "challenge", f"<p>{page.word('challenge_none')}</p>")
    rows = [
        (page.word(name), page.number(found[name]["value"]), f"{page.number(found[name]['low'])} – {page.number(found[name]['high'])}")
        for name in ("profit_gain", "auc_gain")
    ]
    alike = found["agreement"]
    rows += [(page.word("rank_agreement"), page.number(alike["spearman"]), ""), (page.word("top_overlap"), page.share(alike["top_overlap"]), "")]
    note = f"<p>{page.word('version_n', value=found['champion_version'])}. {page.word('challenge_rows', value=found['rows'], origin=page.day(found['origin']))}</p>"
    return _section(page, "challenge", note + _table(page, "challenge", ("metric", "value", "interval"), rows, numbers=(1, 2)))


def _backtest(page: Page) -> str:
    found = page.file["backtest"]
    if not found:
        return ""
    aucs = [one["metrics"]["roc_auc"] for one in found]
    low = min(0.5, *(auc["low"] for auc in aucs))
    frame = Frame(
        say("file", "backtest", page.language), say("file", "origin", page.language), say("metrics", "roc_auc", page.language), (0, 1), (low, 1),
        [one["origin"] for one in found], page.comma,
    )  # fmt: skip
    line = Series([(float(place), auc["value"]) for place, auc in enumerate(aucs)], intervals=[(auc["low"], auc["high"]) for auc in aucs])
    names = ("roc_auc", "pr_auc", "lift10", "brier", "ece")
    rows = [
        (
            page.day(one["origin"]) + (f" <em>({page.word('worst')})</em>" if one["origin"] == page.file["worst_origin"] else ""),
            page.number(one["n"]), page.number(one["positives"]), page.share(one["base_rate"]),
            *(f"{page.number(one['metrics'][name]['value'])} <small>{page.number(one['metrics'][name]['low'])} – {page.number(one['metrics'][name]['high'])}</small>" for name in names),
        )
        for one in found
    ]  # fmt: skip
    heads = [page.word("origin"), page.word("clients"), page.word("observed"), page.word("base_rate"), *(page.term("metrics", name) for name in names)]
    return _section(page, "backtest", plane(frame, [line]) + _plain_table(page.word("backtest"), heads, rows, numbers=range(1, 9)))


def _segments(page: Page) -> str:
    found = page.file["segments"]
    if not found:
        return ""
    names = ("brier", "ece", "calibration_slope", "calibration_intercept")
    rows = [
        (
            escape(f"{one['attribute']}: {one['value']}"), page.number(one["n"]), page.number(one["positives"]),
            page.number((one["metrics"]["roc_auc"] or {}).get("value")), *(page.number(one["metrics"].get(name)) for name in names),
        )
        for one in found
    ]  # fmt: skip
    heads = [
        page.word("segment"),
        page.word("clients"),
        page.word("observed"),
        page.term("metrics", "roc_auc"),
        *(page.term("metrics", name) for name in names),
    ]
    return _section(page, "segments", _plain_table(page.word("segments"), heads, rows, numbers=range(1, 8)))


def _drivers(page: Page) -> str:
    found = page.file["drivers"]
    if not found:
        return ""
    directions = {1: "rising", -1: "falling", 0: "free"}
    rows = [
        (page.named(one["feature"]), page.share(one["gain_share"]), page.word(directions[one["monotone"]]), page.share(one["chosen_share"])) for one in found
    ]
    drawn = bars(say("file", "drivers", page.language), [(page.attribute(one["feature"]), one["gain_share"], page.share(one["gain_share"])) for one in found])
    table = _table(page, "drivers", ("attribute", "gain_share", "direction", "chosen_in"), rows, numbers=(1, 3))
    return _section(page, "drivers", _with_table(page, drawn, table))


def _disparity(page: Page) -> str:
    found = page.file["disparity"]
    if not found:
        return ""
    rows = [
        (
            escape(f"{one['attribute']}: {one['group']}"), page.number(one["n"]), page.share(one["base_rate"]), page.share(one["selected_share"]), page.number(one["impact_ratio"]),
            page.share(one["true_positive_rate"]), page.share(one["false_positive_rate"]), page.number(one["ece"]),
        )
        for one in found
    ]  # fmt: skip
    heads = [page.word(code) for code in ("group", "clients", "base_rate", "selected", "impact_ratio", "true_positive_rate", "false_positive_rate")]
    table = _plain_table(page.word("disparity"), [*heads, page.term("metrics", "ece")], rows, numbers=range(1, 8))
    return _section(page, "disparity", f"<p>{page.word('disparity_note')}</p>{table}")


def _monitoring(page: Page) -> str:
    seen = page.file["observations"]
    if not seen:
        return _section(page, "monitoring", f"<p>{page.word('monitoring_none')}</p>")
    latest = seen[-1]
    parts = [
        f'<div class="two"><figure>{psi_plot(page)}<figcaption>{page.word("psi_in_time")}</figcaption></figure>{_realised(page)}</div>',
        _observed_table(page),
    ]
    moved = sorted(latest["attributes"].items(), key=lambda pair: -pair[1]["psi"])[:MOST_ATTRIBUTES]
    rows = [(page.named(name), page.number(one["psi"]), _level(page, one["level"])) for name, one in moved]
    if rows:
        parts.append(_table(page, "attribute_drift", ("attribute", "score_psi", "level"), rows, numbers=(1,)))
    waiting = [one for one in seen if not one["outcome"] and one["matures_on"]]
    parts += [f"<p>{page.word('not_matured', as_of=page.day(one['as_of']), day=page.day(one['matures_on']))}</p>" for one in waiting[-1:]]
    parts += [
        f"<p>{page.term('levels', one['level'])}: {_alert_words(page, one)} <small>{page.term('alert_states', one['state'])}</small></p>"
        for one in page.file["alerts"]
    ]
    return _section(page, "monitoring", "".join(parts))


def _realised(page: Page) -> str:
    matured = [one for one in page.file["observations"] if one["outcome"]]
    if not matured:
        return ""
    latest = matured[-1]
    deciles = latest["outcome"]["deciles"]
    top = round_up(max(max(one["expected"], one["observed"]) for one in deciles))
    title = say("file", "realised", page.language, {"as_of": page.day(latest["as_of"])})
    frame = Frame(
        title,
        say("file", "decile", page.language),
        say("file", "base_rate", page.language),
        (0, 1),
        (0, top),
        [str(one["decile"]) for one in deciles],
        page.comma,
    )
    drawn = pairs(frame, [(one["expected"], one["observed"]) for one in deciles])
    rows = [(str(one["decile"]), page.number(one["clients"]), page.share(one["expected"]), page.share(one["observed"])) for one in deciles]
    table = _table(page, "realised", ("decile", "clients", "estimated", "observed"), rows, numbers=(0, 1, 2, 3), values={"as_of": page.day(latest["as_of"])})
    key = f'<span class="key first">{page.word("estimated")}</span> <span class="key second">{page.word("observed")}</span>'
    return f"<figure>{_with_table(page, drawn, table)}<figcaption>{escape(title)} {key}</figcaption></figure>"


def _observed_table(page: Page) -> str:
    rows = []
    for one in page.file["observations"]:
        outcome = one["outcome"]
        rows.append((
            page.day(one["as_of"]), page.number(one["clients"]), page.number(one["score_psi"]), _level(page, one["score_level"]),
            page.number(outcome.get("roc_auc")), page.number(outcome.get("ratio")), page.number(outcome.get("ece")),
        ))  # fmt: skip
    heads = [
        page.word("as_of"),
        page.word("clients"),
        page.word("score_psi"),
        page.word("level"),
        page.term("metrics", "roc_auc"),
        page.word("calibration_in_time"),
    ]
    return _plain_table(page.word("monitoring"), [*heads, page.term("metrics", "ece")], rows, numbers=(1, 2, 4, 5, 6))


def _limits(page: Page) -> str:
    return _section(
        page, "limits", "<ul>" + "".join(f"<li>{page.term('limits', one['code'], {'value': one['value']})}</li>" for one in page.file["limits"]) + "</ul>"
    )


def _data(page: Page) -> str:
    file, model = page.file, page.file["model"]
    origins, rows, positives = file["origins"] or {}, file["rows"] or {}, file["positives"] or {}
    made = page.word(
        "made_with_words",
        version=file["lightgbm"], members=file["members"], features=file["features"], seed=str(file["seed"]), threads=file["threads"], method=file["calibration_judged"],
    )  # fmt: skip
    told = (
        ("training_origins", ", ".join(page.day(day) for day in origins.get("train", [])) or escape(file["validation"] or NOTHING)),
        ("calibration_origin", page.day(origins.get("calibration"))),
        ("test_origin", page.day(origins.get("test"))),
        ("rows", ", ".join(f"{escape(name)} {page.number(count)} ({page.number(positives.get(name))})" for name, count in rows.items())),
        ("data_hash", f'<code class="hash">{escape(file["data_sha256"] or "")}</code>'),
        ("artefact", f'<code class="hash">{escape(model["digest"])}</code>'),
        ("run", page.number(model["run_id"])),
        ("made_with", made),
    )
    return _section(page, "data", _pairs(page, told))


def _decisions(page: Page) -> str:
    rows = []
    for one in page.file["decisions"]:
        against = "; ".join(page.word("overrides", name=say("gates", name, page.language), reason=reason) for name, reason in one["overrides"].items())
        who = escape(one["person"]) if one["person"] else page.word("by_policy" if one["action"] == "promoted_by_policy" else "by_run")
        rows.append((page.instant(one["at"]), page.term("actions", one["action"]), who, "; ".join(filter(None, (escape(one["reason"]), against)))))
    return _section(page, "decisions", f"<p>{page.word('two_persons')}</p>" + _table(page, "decisions", ("when", "what", "who", "why"), rows, words=(3,)))


def _openings(page: Page) -> str:
    found = page.file["openings"]
    rows = [
        (
            page.instant(one["at"]), page.day(one["origin"] or None), f"<code>{escape(one['rows_sha256'][:SHOWN_DIGITS])}</code>", page.number(one["run_id"]),
            escape(one["person"] or say("file", "by_run", page.language)), escape(one["why"]),
        )
        for one in found
    ]  # fmt: skip
    table = _table(page, "openings", ("when", "origin", "rows", "run", "who", "why"), rows, words=(5,))
    mark = f'<p class="verdict verdict-amber">{page.term("findings", "not_blind", {"value": len(found)})}</p>' if len(found) > 1 else ""
    return _section(page, "openings", f"<p>{page.word('openings_note')}</p>{mark}{table}")


def _foot(page: Page) -> str:
    return f'<p class="foot">{page.word("generated", run=page.file["model"]["run_id"], day=page.instant(page.file["generated_at"]))}</p>'


def _alert_words(page: Page, alert: Mapping[str, Any]) -> str:
    return escape(str(alert["words"])) if page.language != FRENCH else page.term("alerts", alert["kind"], alert)


def _level(page: Page, code: str) -> str:
    verdict = {"steady": "green", "watch": "amber", "act": "red"}[code]
    return f'<span class="verdict verdict-{verdict}">{page.term("levels", code)}</span>'


def _section(page: Page, code: str, content: str) -> str:
    return f'<section id="{code}"><h2>{page.word(code)}</h2>{content}</section>'


def _pairs(page: Page, rows: Iterable[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{page.word(code)}</dt><dd>{told}</dd>' for code, told in rows)}</dl>"


def _figure(page: Page, code: str, drawn: str, table: str) -> str:
    return f"<figure>{_with_table(page, drawn, table)}<figcaption>{page.word(code)}</figcaption></figure>"


def _with_table(page: Page, drawn: str, table: str) -> str:
    return f"{drawn}<details><summary>{page.word('table')}</summary>{table}</details>"


def _table(
    page: Page,
    code: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Iterable[int] = (),
    words: Iterable[int] = (),
    values: Mapping[str, str] | None = None,
) -> str:
    return _plain_table(page.word(code, **(values or {})), [page.word(head) for head in heads], rows, numbers=numbers, words=words)


def _plain_table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[int] = (), words: Iterable[int] = ()) -> str:
    style = {**dict.fromkeys(numbers, ' class="num"'), **dict.fromkeys(words, ' class="words"')}
    head = "".join(f'<th scope="col"{style.get(place, "")}>{text}</th>' for place, text in enumerate(heads))
    body = "".join(f"<tr>{''.join(_cell(place, text, style) for place, text in enumerate(row))}</tr>" for row in rows)
    scroll = f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}">'
    return f'{scroll}<table class="rows"><caption class="hidden">{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(place: int, text: str, style: Mapping[int, str]) -> str:
    return f'<th scope="row"{style.get(place, "")}>{text}</th>' if place == 0 else f"<td{style.get(place, '')}>{text}</td>"

"""Segment schemes: the ready-made ones, the bank's own in versions, what they read, and how many clients they place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sqlmodel import Session

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.domain.rule_words import Namer, spelled, words
from bankseg.domain.schemes import Scheme, parse_scheme, read_scheme, scheme_document, scheme_sha256
from bankseg.domain.settled_rules import Share, shares_of
from bankseg.lake.declarations import read_declarations
from bankseg.segments.attributes import Attribute, attribute_catalogue, check_rule
from bankseg.segments.custom_catalogue import own_attributes
from bankseg.segments.reading import sizes
from bankseg.services.feature_names import every_feature, french_names
from bankseg.services.rolls import OpenRoll, frozen_cuts, open_for
from bankseg.settings import Settings
from bankseg.storage import audit
from bankseg.storage.database import database_time
from bankseg.storage.segment_scheme import SegmentScheme, in_use, latest_versions, published, version_of

# Families a role never reads, as rule or as figure: what they tell belongs to those who know the client.
HIDDEN_FAMILIES: Mapping[Role, frozenset[str]] = {Role.MARKETER: frozenset({"credit", "arrears", "overdraft", "incidents", "risk"})}
READY_MADE, LIVE, RETIRED = "ready-made", "live", "retired"


ValueName = Callable[[str, Any, str], str]


def plain(attribute: str, value: Any, language: str) -> str:  # a value of any type
    """A value as the data spells it."""
    del attribute, language
    return str(value)


def namer(attributes: Mapping[str, Attribute], language: str, value_name: ValueName) -> Namer:
    """What names attributes, by the catalogue, and their values in a rule that is put into words."""

    def name(attribute: str, value: Any = None) -> str:  # a value of any type
        if value is None:
            return attributes[attribute].label(language) if attribute in attributes else spelled(attribute)
        return value_name(attribute, value, language)

    return name


@dataclass(frozen=True, slots=True)
class SchemeEntry:
    """A scheme in the list: the version in use, 0 for a ready-made one that the bank has not changed."""

    scheme: Scheme
    version: int
    state: str
    cuts: list[dict[str, Any]]

    @property
    def sha256(self) -> str:
        """Hash of the scheme's meaning."""
        return scheme_sha256(self.scheme)


@dataclass(frozen=True, slots=True)
class SchemeSizes:
    """A scheme counted on a roll; `segments` in the scheme's order with size, value, churn and the rule in words."""

    entry: SchemeEntry
    roll: OpenRoll
    segments: list[dict[str, Any]]

    @property
    def clients(self) -> int:
        """Clients in scope; of an overlapping scheme the segments add up to another number."""
        share = next((segment for segment in self.segments if segment["share"]), None)
        return round(share["clients"] / share["share"]) if share else 0


@cache
def ready_made() -> dict[str, Scheme]:
    """The schemes the service brings, by code."""
    folder = files("bankseg.policies").joinpath("schemes")
    found = [read_scheme(entry.read_text(encoding="utf-8")) for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return {scheme.code: scheme for scheme in sorted(found, key=lambda scheme: scheme.code)}


def list_schemes(session: Session) -> list[SchemeEntry]:
    """Every scheme in the version in use: the published one, else the latest, else the ready-made one."""
    rows = {row.code: row for row in latest_versions(session)} | {row.code: row for row in published(session)}
    saved = {code: _entry(row) for code, row in rows.items() if row.state != RETIRED or code not in ready_made()}
    known = {code: SchemeEntry(scheme, 0, READY_MADE, []) for code, scheme in ready_made().items()}
    return [{**known, **saved}[code] for code in sorted({**known, **saved})]


def find_scheme(session: Session, code: str, version: int | None = None) -> SchemeEntry:
    """One scheme, in the version in use where none is named; version 0 is the ready-made one.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    row = None if version == 0 else version_of(session, code, version) if version else in_use(session, code)
    if row is not None and (version or row.state != RETIRED or code not in ready_made()):
        return _entry(row)
    if code in ready_made() and not version:
        return SchemeEntry(ready_made()[code], 0, READY_MADE, [])
    raise NotFoundError(f"no scheme {code!r}{f' in version {version}' if version else ''}", "a scheme of the list", "bankseg segments list shows them")


def is_for(entry: SchemeEntry, scope: Scope | None, attributes: Mapping[str, Attribute]) -> bool:
    """Whether a person may read every attribute a scheme does; one that reads more is hidden whole, for a segment tells what its rule reads."""
    return scope is None or entry.scheme.attributes <= attributes.keys()


def scheme_for(settings: Settings, session: Session, scope: Scope | None, code: str, version: int | None = None) -> SchemeEntry:
    """One scheme as a person may read it.

    Raises
    ------
    NotFoundError
        When there is none, or it reads what this person may not: the two look the same.
    """
    entry = find_scheme(session, code, version)
    if scope is not None and not is_for(entry, scope, attributes_for(settings, open_for(settings, session, scope), scope)):
        raise NotFoundError(f"no scheme {code!r}", "a scheme of the list", "bankseg segments list shows them")
    return entry


def attributes_for(settings: Settings, roll: OpenRoll, scope: Scope | None) -> dict[str, Attribute]:
    """The attribute catalogue as one person may use it: with coverage on a roll, without the families the role never reads."""
    declared = read_declarations(settings.lake).attributes
    products = list(roll.run.plan.get("products", ()))
    features = every_feature(products, declared)
    french = french_names(features, declared)
    targets = [name.removeprefix("p:") for name in roll.reading.roll.columns if name.startswith("p:")]
    hidden = HIDDEN_FAMILIES.get(scope.role, frozenset()) if scope else frozenset()
    known = attribute_catalogue(features, targets, roll.reading.roll.coverage, french)
    readable = {name: attribute for name, attribute in known.items() if attribute.family not in hidden}
    return readable | own_attributes(roll.saved, readable, roll.reading.roll.coverage)


def read_document(document: str | Mapping[str, Any], attributes: Mapping[str, Attribute]) -> Scheme:
    """A scheme from what a person wrote, with every rule checked against the catalogue for the scheme's purpose.

    Raises
    ------
    InputError
        Naming the segment and what is wrong with its rule.
    ConfigurationError
        When the document is no scheme.
    """
    scheme = scheme_of(document)
    for segment in scheme.segments:
        if segment.when is not None:
            try:
                check_rule(segment.when, attributes, scheme.purpose)
            except InputError as error:
                raise InputError(f"segment {segment.code}: {error.found}", error.expected, error.remedy) from error
    return scheme


def scheme_of(document: str | Mapping[str, Any]) -> Scheme:
    """A scheme from its text or its JSON, its rules not yet checked against a catalogue."""
    return read_scheme(document) if isinstance(document, str) else parse_scheme(document)


def counted(
    settings: Settings,
    session: Session,
    scope: Scope | None,
    entry: SchemeEntry,
    *,
    language: str = "en",
    value_name: ValueName = plain,
    roll: OpenRoll | None = None,
) -> SchemeSizes:
    """A scheme's segments with their sizes on a roll: the published one, or another that is given; `value_name` says a value of an attribute in words."""
    read = roll or open_for(settings, session, scope, frozen=entry.cuts)
    attributes = attributes_for(settings, read, None)

    name = namer(attributes, language, value_name)
    told = {segment.code: segment for segment in entry.scheme.segments}
    rows = [
        {**row, "label": told[row["code"]].label_fr if language == "fr" else told[row["code"]].label_en, "action": told[row["code"]].action,
         "rule": words(told[row["code"]].when, language, name)}
        for row in sizes(entry.scheme, read.reading)
    ]  # fmt: skip
    return SchemeSizes(entry, read, rows)


def save_scheme(
    settings: Settings, session: Session, scope: Scope | None, document: str | Mapping[str, Any], *, note: str = "", person_id: int | None = None
) -> SegmentScheme:
    """Save a scheme as the next version of its code, with its cut points frozen on the published run; the same document again is the same version."""
    roll = open_for(settings, session, scope)
    scheme = read_document(document, attributes_for(settings, roll, scope))
    whole = open_for(settings, session, None)  # a cut is the bank's, whoever saves it
    before = version_of(session, scheme.code)
    digest = scheme_sha256(scheme)
    if before is not None and before.sha256 == digest:
        return before
    shares: list[Share] = [share for segment in scheme.segments if segment.when for share in shares_of(segment.when)]
    row = SegmentScheme(
        code=scheme.code,
        version=(before.version if before else 0) + 1,
        document=scheme_document(scheme),
        sha256=digest,
        cuts=frozen_cuts(whole.reading, list(dict.fromkeys(shares))),
        reference_run_id=whole.run.id,
        saved_by=person_id,
        saved_at=database_time(session),
        note=note,
    )
    session.add(row)
    session.flush()
    audit.record(session, "scheme_saved", f"{scheme.code} v{row.version}", person_id=person_id, sha256=digest, note=note)
    return row


def _entry(row: SegmentScheme) -> SchemeEntry:
    return SchemeEntry(parse_scheme(row.document), row.version, row.state, row.cuts)

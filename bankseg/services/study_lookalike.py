"""Lookalike studies: who resembles the clients of a segment, among clients or among prospects, in bands."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import InputError
from bankseg.segments.attributes import Attribute
from bankseg.segments.cluster_rule import rule_of
from bankseg.segments.lookalike import BANDS, lookalikes
from bankseg.segments.profile import sentence, strongest, traits
from bankseg.segments.reading import listing, members
from bankseg.services.rolls import OpenRoll
from bankseg.services.segment_schemes import SchemeEntry
from bankseg.services.study_clusters import RULE_ROWS, Told
from bankseg.services.study_inputs import ACTIVE, PROSPECT, clients_table, currency_of, known_of_prospects, names_of
from bankseg.services.study_outcome import Outcome
from bankseg.services.study_tree import active

AMONG = ("clients", "prospects")
BEST_TIER = ("value_tiers", "platinum")  # the seed where no scheme is named
# What a prospect has agreed to, since when it is known and through whom tells nothing of who it is.
NOT_OF_PROSPECTS = frozenset({"consent", "relationship", "interactions", "campaigns", "tenure"})
CHANNEL = "acquisition_channel"
STEPS = 4


def lookalike_parameters(asked: Mapping[str, Any], entry: SchemeEntry, attributes: list[str]) -> dict[str, Any]:
    """The parameters of a search for lookalikes as they are recorded, the scheme of the seed with its version.

    Raises
    ------
    InputError
        When it is not said among whom, or no attribute is left to measure likeness by.
    """
    among = str(asked.get("among") or AMONG[0])
    if among not in AMONG or not attributes:
        raise InputError(f"among {among[:20]!r}, by {len(attributes)} attributes", f"{' or '.join(AMONG)}, by one attribute or more")
    segment = entry.scheme.segment(str(asked.get("segment") or BEST_TIER[1]))
    return {"scheme": entry.scheme.code, "version": entry.version, "segment": segment.code, "among": among, "attributes": attributes}


def for_prospects(roll: OpenRoll, attributes: Mapping[str, Attribute], names: list[str]) -> list[str]:
    """Those of the attributes that are known of prospects and mean the same for them."""
    return known_of_prospects(roll, [name for name in names if attributes[name].family not in NOT_OF_PROSPECTS and name != CHANNEL])


def expand(
    seeds: tuple[OpenRoll, SchemeEntry], roll: OpenRoll, attributes: Mapping[str, Attribute], parameters: Mapping[str, Any], seed: int, told: Told
) -> Outcome:
    """Score every client (or prospect) of a run by likeness to a segment.

    Parameters
    ----------
    seeds
        The scheme whose segment is the seed, and the roll read with its cut points.

    Raises
    ------
    InputError
        When the segment is too small, or holds everybody.
    """
    told(0, STEPS, "reading clients")
    names: list[str] = parameters["attributes"]
    statuses = (ACTIVE,) if parameters["among"] == "clients" else (ACTIVE, PROSPECT)
    table = clients_table(roll, names, statuses)
    is_prospect = np.array([status == PROSPECT for status in table.column("status").to_pylist()])
    seed_clients = _seed(*seeds, table, str(parameters["segment"])) & ~is_prospect
    told(1, STEPS, f"learning what {int(seed_clients.sum())} clients have in common")
    found = lookalikes(table, seed_clients, names, only_scored=is_prospect, random_seed=seed)
    told(2, STEPS, "listing")
    wanted = is_prospect if parameters["among"] == "prospects" else ~seed_clients
    result = {
        "seeds": found.seeds,
        "auc": found.auc,
        "candidates": int(wanted.sum()),
        "bands": {code: int(sum(band == code for band, is_wanted in zip(found.band, wanted, strict=True) if is_wanted)) for code, _ in BANDS},
        "traits": _traits(table.filter(pa.array(~is_prospect)), seed_clients[~is_prospect], names, names_of(attributes), currency_of(roll)),
        "rule": _rule(table, found.similarity, is_prospect, names, seed) if parameters["among"] == "clients" else None,
    }
    told(STEPS, STEPS, "")
    places = np.flatnonzero(wanted)
    order = places[np.argsort(-found.similarity[places], kind="stable")]
    rows = pa.table(
        {
            "client_id": table.column("client_id").take(order).combine_chunks(),
            "similarity": pa.array(found.similarity[order], pa.float64()),
            "band": pa.array([found.band[place] for place in order], pa.string()),
        }
    )
    return Outcome(result, rows)


def lookalike_scheme(code: str, label_en: str, label_fr: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a scheme with the rule nearest to the seed and its likes.

    Raises
    ------
    InputError
        When there is none.
    """
    if not result.get("rule"):
        raise InputError("the lookalikes have no rule", "lookalikes among clients that a question tells from the others", "export the list instead")
    return {
        "code": code, "label_en": label_en, "label_fr": label_fr, "purpose": "marketing", "is_exclusive": True, "objective": "", "kpi": "", "owner": "", "review_on": None,
        "segment": [
            {"code": "alike", "label_en": "Seed and lookalikes", "label_fr": "Segment de départ et clients semblables", "action": "", "when": result["rule"]["rule"]},
            {"code": "others", "label_en": "Others", "label_fr": "Autres", "action": ""},
        ],
    }  # fmt: skip


def _seed(roll: OpenRoll, entry: SchemeEntry, table: pa.Table, segment: str) -> NDArray[np.bool_]:
    inside = members(entry.scheme, entry.scheme.segment(segment), roll.reading)
    held = set(listing(roll.reading, inside, []).column("client_id").to_pylist())
    return np.array([client in held for client in table.column("client_id").to_pylist()], dtype=np.bool_)


def _traits(table: pa.Table, seeds: NDArray[np.bool_], names: list[str], labels: Mapping[str, tuple[str, str]], currency: str) -> list[dict[str, Any]]:
    """What sets the seed apart from other clients, strongest first."""
    told = strongest(traits(table, seeds, names))
    return [
        {"attribute": trait.attribute, "effect": trait.effect, "size": trait.size, "en": sentence(trait, "en", labels, currency), "fr": sentence(trait, "fr", labels, currency)}
        for trait in told
    ]  # fmt: skip


def _rule(table: pa.Table, similarity: NDArray[np.float64], is_prospect: NDArray[np.bool_], names: list[str], seed: int) -> dict[str, Any] | None:
    """The rule nearest to clients as like the seed as a quarter of it, with its fidelity."""
    rows = np.flatnonzero(~is_prospect)
    if len(rows) > RULE_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, RULE_ROWS, replace=False))
    least = dict(BANDS)["like"]
    try:
        found = rule_of(table.take(rows), similarity[rows] >= least, names)
    except InputError:
        return None
    return {
        "rule": active(found.rule),
        "precision": found.fidelity.precision,
        "recall": found.fidelity.recall,
        "agreement": found.fidelity.agreement,
        "n": found.fidelity.n,
    }

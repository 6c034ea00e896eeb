"""Top-down studies: a tree on a goal, its leaves as rules with what they hold, and the scheme they make."""

from collections.abc import Callable, Mapping
from typing import Any

from bankseg.domain.errors import InputError
from bankseg.segments.attributes import Attribute
from bankseg.segments.tree import DEPTH, LEAST_CLIENTS, MOST_LEAVES, as_json, propose
from bankseg.services.rolls import OpenRoll
from bankseg.services.study_inputs import ACTIVE, clients_table, goal_columns, goal_values
from bankseg.services.study_outcome import Outcome

DEEPEST, MOST_PROPOSED = 6, 16
ACTIVE_ONLY: dict[str, Any] = {"attribute": "status", "equals": ACTIVE}


def tree_parameters(asked: Mapping[str, Any], goal: str, attributes: list[str]) -> dict[str, Any]:
    """The parameters of a tree as they are recorded.

    Raises
    ------
    InputError
        When the depth, the smallest leaf or the number of leaves is out of reason.
    """
    depth, least, leaves = int(asked.get("depth") or DEPTH), int(asked.get("least_clients") or LEAST_CLIENTS), int(asked.get("leaves") or MOST_LEAVES)
    if not (1 <= depth <= DEEPEST and least >= 1 and 2 <= leaves <= MOST_PROPOSED):
        raise InputError(
            f"depth {depth}, leaves {leaves}, least clients {least}",
            f"a depth of 1 to {DEEPEST}, 2 to {MOST_PROPOSED} leaves, of one client or more",
            "correct the numbers",
        )
    return {"goal": goal, "attributes": attributes, "depth": depth, "least_clients": least, "leaves": leaves}


def grow(roll: OpenRoll, attributes: Mapping[str, Attribute], parameters: Mapping[str, Any], seed: int, told: Callable[[int, int, str], None]) -> Outcome:
    """Grow a tree on the active clients of a run."""
    del attributes, seed  # a tree draws nothing at random
    told(0, 3, "reading clients")
    names: list[str] = parameters["attributes"]
    table = clients_table(roll, [*names, *goal_columns(parameters["goal"])])
    told(1, 3, f"growing on {table.num_rows} clients")
    found = as_json(
        propose(
            table, goal_values(table, parameters["goal"]), names,
            depth=parameters["depth"], least_clients=parameters["least_clients"], most_leaves=parameters["leaves"],
        )
    )  # fmt: skip
    told(3, 3, "")
    overall = found["overall"]
    for leaf in found["leaves"]:
        leaf["lift"] = leaf["grown"]["value"] / overall if overall > 0 else None
        leaf["rule"] = active(leaf["rule"])
    return Outcome({**found, "of": table.num_rows}, None)


def active(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule that holds for active clients alone: those the study saw."""
    if set(rule) == {"all"}:
        return {"all": [ACTIVE_ONLY, *rule["all"]]}
    return {"all": [ACTIVE_ONLY, dict(rule)]}


def tree_scheme(code: str, label_en: str, label_fr: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a scheme whose segments are the leaves, best goal first: an exclusive scheme, for the leaves part the clients."""
    segments = [
        {"code": f"leaf_{place}", "label_en": f"Leaf {place}", "label_fr": f"Feuille {place}", "action": "", "when": leaf["rule"]}
        for place, leaf in enumerate(result["leaves"], start=1)
    ]
    others = {"code": "others", "label_en": "Others", "label_fr": "Autres", "action": ""}
    return {
        "code": code, "label_en": label_en, "label_fr": label_fr, "purpose": "marketing", "is_exclusive": True, "objective": "", "kpi": "", "owner": "",
        "review_on": None, "segment": [*segments, others],
    }  # fmt: skip

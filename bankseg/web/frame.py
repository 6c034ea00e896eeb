"""The navigation each role sees."""

from dataclasses import dataclass

from bankseg.domain.people import Role
from bankseg.domain.rights import Right, may


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the navigation."""

    endpoint: str
    words: str
    is_here: bool = False


ENTRIES: tuple[tuple[Right, str, str], ...] = (
    (Right.CALL_LIST, "relationship.my_day", "My day"),
    (Right.CLIENTS, "relationship.clients", "Clients"),
    (Right.AUDIT, "oversight.page", "Oversight"),
    (Right.CROSS_SELL, "marketing.products", "Cross-sell"),
    (Right.LISTS, "lists.index", "Lists"),
    (Right.RISK_QUEUE, "risk.queue", "Risk queue"),
    (Right.SEGMENTS, "overview.segments", "Segments"),
    (Right.MODELS, "models.registry", "Models"),
    (Right.RUNS, "operations.runs", "Runs"),
    (Right.IMPORTS, "operations.imports", "Imports"),
    (Right.POLICY, "administration.policy", "Policy"),
    (Right.AUDIT, "administration.audit", "Audit"),
    (Right.PEOPLE, "administration.people", "People"),
    (Right.ADVISERS, "advisers.index", "Advisers"),
    (Right.ERASE, "erasures.index", "Erasures"),
)
PARENTS = {
    "relationship.client": "relationship.clients",
    "portfolio.overview": "relationship.clients",
    **{f"client.{page}": "relationship.clients" for page in ("activity", "ties", "past", "movements")},
    **{f"firm.{page}": "relationship.clients" for page in ("profile", "save")},
    **{f"usage.{page}": "relationship.clients" for page in ("client", "talk")},
    **{f"offers.{page}": "overview.segments" for page in ("scheme", "save", "texts", "save_text")},
    "marketing.cross_sell": "marketing.products",
    "applications.index": "marketing.products",
    "age_groups.one": "lists.index",
    **{f"lists.{page}": "lists.index" for page in ("new", "keep", "one", "freeze", "release")},
    **{f"operations.{page}": "operations.runs" for page in ("run", "retry_run", "stop_run")},
    "operations.import_batch": "operations.imports",
    **{f"uploads.{page}": "operations.imports" for page in ("page", "take_files", "one", "choose", "write", "try_out", "load", "retry", "call_off")},
    "administration.person": "administration.people",
    **{f"advisers.{page}": "advisers.index" for page in ("ask", "one", "decide")},
    **{f"erasures.{page}": "erasures.index" for page in ("ask", "hold", "one", "decide")},
    "administration.try_policy": "administration.policy",
    **{f"policy_editor.{page}": "administration.policy" for page in ("fields", "try_fields", "propose", "decide", "compare")},
    **{f"segments.{page}": "overview.segments" for page in ("schemes", "scheme", "members", "why", "designer", "preview", "attributes", "moves", "trial")},
    **{f"life.{page}": "overview.segments" for page in ("scheme", "changes")},
    **{f"attributes.{page}": "overview.segments" for page in ("one", "own", "check")},
    **{f"positions.{page}": "overview.segments" for page in ("grid", "note")},
    **{f"strategy.{page}": "overview.segments" for page in ("scheme", "sheet")},
    **{f"studies.{page}": "overview.segments" for page in ("index", "new", "ask", "study", "scheme", "lifetime", "check")},
    **{
        f"pictures.{page}": "overview.segments"
        for page in (
            "base",
            "portraits",
            "rfm",
            "tiers",
            "curve",
            "strategy",
            "crossing",
            "places",
            "fit",
            "two",
            "comparison",
            "coming_birthdays",
            "loyal",
            "client",
            "listed",
        )
    },
    "risk.case": "risk.queue",
    "risk.overview": "risk.queue",
    "watch.warnings": "risk.queue",
    "watch.vulnerable": "risk.queue",
    "models.target": "models.registry",
    "models.version": "models.registry",
}


def navigation(role: Role, endpoint: str) -> list[Link]:
    """The entries a role may open, the present one marked."""
    here = PARENTS.get(endpoint, endpoint)
    return [Link(target, words, target == here) for right, target, words in ENTRIES if may(role, right)]

"""A rule in words, English or French, with the names that the attribute catalogue gives."""

from collections.abc import Callable
from datetime import date
from typing import Any

from bankseg.domain.segment_rules import AnyOf, Every, Not, Rule, Test

# Names an attribute, or a value of an attribute: (attribute, value or None) -> text.
Namer = Callable[[str, Any], str]


def spelled(attribute: str, value: Any = None) -> str:  # a value of any type
    """The name of an attribute or of its value as the code itself spells it."""
    return attribute.replace("_", " ") if value is None else str(value)


def words(rule: Rule | None, language: str = "en", name: Namer = spelled) -> str:
    """The rule in words, for the reason beside a segment.

    Examples
    --------
    >>> words(Test("tier", "in", ("platinum", "gold")))
    'tier is platinum or gold'
    >>> words(Test("tier", "in", ("platinum", "gold")), "fr")
    'tier : platinum ou gold'
    """
    forms = FORMS[language]
    match rule:
        case None:
            return forms["default"]
        case Every(parts):
            return forms["and"].join(_grouped(part, language, name) for part in parts)
        case AnyOf(parts):
            return forms["or"].join(_grouped(part, language, name) for part in parts)
        case Not(part):
            return forms["not"].format(words(part, language, name))
        case Test():
            return comparison_in_words(rule, language, name)


def comparison_in_words(test: Test, language: str = "en", name: Namer = spelled) -> str:
    """One comparison in words.

    Examples
    --------
    >>> comparison_in_words(Test("value_12m_minor", "in_top_share", 0.1, "kind"))
    'value 12m minor among the top 10 % within each kind'
    """
    forms, attribute = FORMS[language], name(test.attribute, None)

    def told(value: Any) -> str:  # a value of any type
        return value.isoformat() if isinstance(value, date) else name(test.attribute, value)

    match test.comparison:
        case "is_missing":
            return forms["missing" if test.value else "known"].format(attribute)
        case "in":
            return forms["is"].format(attribute, forms["or"].join(told(value) for value in test.value))
        case "equals":
            return forms["is"].format(attribute, forms["yes" if test.value else "no"] if isinstance(test.value, bool) else told(test.value))
        case "between":
            return forms["between"].format(attribute, *(told(value) for value in test.value))
        case "in_top_share" | "in_bottom_share":
            within = forms["within"].format(name(test.within, None)) if test.within else ""
            return forms[test.comparison].format(attribute, f"{test.value * 100:g} %") + within
        case comparison:
            return forms[comparison].format(attribute, told(test.value))


def _grouped(part: Rule, language: str, name: Namer) -> str:
    told = words(part, language, name)
    return f"({told})" if isinstance(part, Every | AnyOf) else told


FORMS: dict[str, dict[str, str]] = {
    "en": {
        "default": "no other rule holds", "and": " and ", "or": " or ", "not": "not ({})", "missing": "{} is missing", "known": "{} is known", "is": "{} is {}",
        "yes": "yes", "no": "no", "between": "{} between {} and {}", "starts_with": "{} starts with {}", "in_last_days": "{} in the last {} days",
        "in_top_share": "{} among the top {}", "in_bottom_share": "{} among the bottom {}", "within": " within each {}",
        "at_least": "{} at least {}", "at_most": "{} at most {}", "above": "{} above {}", "below": "{} below {}",
    },
    "fr": {
        "default": "aucune autre règle ne s'applique", "and": " et ", "or": " ou ", "not": "pas ({})", "missing": "{} inconnu", "known": "{} connu", "is": "{} : {}",
        "yes": "oui", "no": "non", "between": "{} entre {} et {}", "starts_with": "{} commence par {}", "in_last_days": "{} dans les {} derniers jours",
        "in_top_share": "{} parmi les {} les plus hauts", "in_bottom_share": "{} parmi les {} les plus bas", "within": ", au sein de chaque {}",
        "at_least": "{} d'au moins {}", "at_most": "{} d'au plus {}", "above": "{} au-dessus de {}", "below": "{} en dessous de {}",
    },
}  # fmt: skip

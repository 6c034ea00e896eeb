"""Fictitious names and places, put together from syllables: none is taken from a real person or town."""

import numpy as np

from bankseg.demo.arrays import Bools, Texts

FIRST_HEADS = ("Al", "Be", "Cé", "Da", "El", "Fa", "Ga", "Hé", "Is", "Jo", "Ka", "Lé", "Ma", "No", "Or", "Pa", "Ro", "Sa", "Té", "Va")
FIRST_TAILS_FEMALE = ("dine", "line", "mée", "rielle", "sande", "thilde", "viane", "zelle")
FIRST_TAILS_MALE = ("bin", "drien", "lian", "mond", "naël", "rin", "tien", "vric")
LAST_HEADS = ("Bar", "Cour", "Del", "Fau", "Gri", "Hau", "Jar", "Lan", "Mer", "Nau", "Pel", "Qué", "Rou", "Sou", "Tri", "Val")
LAST_MIDDLES = ("be", "co", "da", "fi", "la", "ma", "ni", "ro", "ve")
LAST_TAILS = ("cier", "dot", "fort", "gnac", "lin", "mont", "nel", "quet", "rand", "sset", "vaux", "zier")
FIRM_HEADS = ("Atelier", "Comptoir", "Maison", "Établissements", "Société", "Fabrique", "Garage", "Menuiserie", "Transports", "Librairie")
NONPROFIT_HEADS = ("Association", "Amicale", "Fondation", "Club", "Foyer")
PUBLIC_HEADS = ("Commune de", "Syndicat de", "Régie de", "École de")
PLACE_HEADS = ("Val", "Mont", "Bré", "Roque", "Pont", "Clair", "Saint-Or", "Ker-", "Haute", "Vieux")
PLACE_TAILS = ("faligne", "morine", "courlay", "sèbre", "arcelle", "ildoué", "vane", "trenac", "dolmin", "bussière")


def _pick(rng: np.random.Generator, words: tuple[str, ...], count: int) -> Texts:
    chosen: Texts = np.array(words, dtype=object)[rng.integers(0, len(words), count)]
    return chosen


def last_names(rng: np.random.Generator, count: int) -> Texts:
    """Family names."""
    named: Texts = _pick(rng, LAST_HEADS, count) + _pick(rng, LAST_MIDDLES, count) + _pick(rng, LAST_TAILS, count)
    return named


def person_names(rng: np.random.Generator, is_female: Bools) -> Texts:
    """First and family names of persons."""
    count = len(is_female)
    tails = np.where(is_female, _pick(rng, FIRST_TAILS_FEMALE, count), _pick(rng, FIRST_TAILS_MALE, count))
    named: Texts = _pick(rng, FIRST_HEADS, count) + tails + " " + last_names(rng, count)
    return named


def firm_names(rng: np.random.Generator, heads: tuple[str, ...], count: int) -> Texts:
    """Names of firms and bodies that start with one of the heads."""
    named: Texts = _pick(rng, heads, count) + " " + last_names(rng, count)
    return named


def places() -> tuple[str, ...]:
    """All towns of the demo country."""
    return tuple(head + tail for head in PLACE_HEADS for tail in PLACE_TAILS)

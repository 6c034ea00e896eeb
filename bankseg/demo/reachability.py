"""Contact points and consents: whether, how and for what a client may be reached."""

import numpy as np

from bankseg.demo.arrays import Column
from bankseg.demo.clients import Clients
from bankseg.demo.columns import codes, day_texts, pick, yes_no

CONTACT_CODES = ("MAIL", "TELFIXE", "MOBILE", "POSTE", "APPLI")
PURPOSE_CODES = ("MKT_MAIL", "MKT_TEL", "MKT_SMS", "MKT_POSTE", "PROFILAGE")
GRANTED = np.array([0.62, 0.30, 0.45, 0.70, 0.75])
WITHDRAWN = 0.08  # share of consents taken back at a later date


def contact_columns(rng: np.random.Generator, clients: Clients, client_ids: Column) -> dict[str, Column]:
    """joignabilite.csv: one row a client and contact point."""
    count = len(clients)
    has = np.column_stack([rng.random(count) < 0.88, rng.random(count) < 0.4, rng.random(count) < 0.9, np.ones(count, dtype=bool), clients.is_digital])
    client, kind = np.nonzero(has)
    preferred = np.where(clients.is_digital, 0, np.where(has[:, 1], 1, 3))
    return {
        "NUM_TIERS": pick(client_ids, client),
        "TYPE_CONTACT": codes(kind, CONTACT_CODES),
        "DT_MAJ": day_texts(clients.joined[client]),
        "VALIDE": yes_no(rng.random(len(client)) < 0.94),
        "PREFERE": yes_no(preferred[client] == kind),
    }


def consent_columns(rng: np.random.Generator, clients: Clients, client_ids: Column, extract_day: int) -> dict[str, Column]:
    """consentements.csv: decisions by purpose, the first on joining."""
    count, purposes = len(clients), len(PURPOSE_CODES)
    client, purpose = np.repeat(np.arange(count), purposes), np.tile(np.arange(purposes), count)
    granted, day = rng.random(count * purposes) < GRANTED[purpose], clients.joined[client]
    back = np.flatnonzero(granted & (rng.random(len(granted)) < WITHDRAWN) & (day < extract_day - 10))
    later = day[back] + 1 + np.floor(rng.random(len(back)) * (extract_day - day[back] - 1)).astype(np.int64)
    client, purpose = np.concatenate([client, client[back]]), np.concatenate([purpose, purpose[back]])
    granted, day = np.concatenate([granted, np.zeros(len(back), dtype=bool)]), np.concatenate([day, later])
    return {
        "NUM_TIERS": pick(client_ids, client),
        "FINALITE": codes(purpose, PURPOSE_CODES),
        "DT_DECISION": day_texts(day),
        "ACCORD": yes_no(granted),
        "PREUVE": codes(np.where(granted, purpose, -1), [f"P-{code}" for code in PURPOSE_CODES]),
    }

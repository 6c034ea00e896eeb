"""How the demonstration's bank speaks to its segments: a few offers, texts in both languages, and a client who wants no more of it."""

from typing import Any

from bankseg.services import message_texts, objection, segment_offers
from bankseg.services.bank import Bank
from bankseg.services.contact_log import REFUSED
from bankseg.services.demo_desks import CALLERS, LIST_MAKER, scope_named
from bankseg.storage import client_contact, client_objection, message_text, segment_offer
from bankseg.storage.database import reading

SCHEME = "lifecycle"
# Money in minor units, of a sale.
OFFERS: tuple[dict[str, Any], ...] = (  # Any: texts and numbers
    {"segment": "developing", "product": "savings", "name": "Savings + 0.25 %", "rate_delta_bp": 25, "volume_minor": 1_000_000, "floor_minor": 2_000},
    {"segment": "mature", "product": "life_insurance", "name": "Life insurance, no entry fee", "fee_waiver_minor": 2_000, "floor_minor": 9_000},
    {"segment": "mature", "product": "credit_card", "name": "Gold card, half price", "price_change_minor": -3_000, "floor_minor": 5_000},
)
TEXTS: tuple[dict[str, str], ...] = (
    {
        "channel": "email", "language": "en", "subject": "A word from your bank",
        "body": "Dear {name},\n\n{message}\n\nShall we talk about it? I am glad to see you at the branch, or to call you.\n\n{adviser}",
    },
    {
        "channel": "email", "language": "fr", "subject": "Un mot de votre banque",
        "body": "Bonjour {name},\n\n{message}\n\nEt si nous en parlions ? Je vous reçois volontiers à l'agence, ou je vous appelle.\n\n{adviser}",
    },
    {
        "segment": "mature", "product": "life_insurance", "channel": "email", "language": "en", "subject": "Your loyalty counts",
        "body": "Dear {name},\n\nThank you for staying with us. {message}\n\nHere is one of them: {product} without entry fee.\n\n{adviser}",
    },
    {
        "segment": "mature", "product": "life_insurance", "channel": "email", "language": "fr", "subject": "Votre fidélité compte",
        "body": "Bonjour {name},\n\nMerci de votre fidélité. {message}\n\nEn voici une : {product} sans frais d'entrée.\n\n{adviser}",
    },
    {"segment": "developing", "channel": "phone", "language": "en", "body": "Hello {name}, this is {adviser}. {message} Do you have a moment?"},
    {"segment": "developing", "channel": "phone", "language": "fr", "body": "Bonjour {name}, {adviser} à l'appareil. {message} Avez-vous un instant ?"},
)  # fmt: skip


def speak_to_segments(bank: Bank) -> None:
    """A marketer offers two segments what suits them and writes the texts for it; once."""
    with reading(bank.engine) as session:
        maker = scope_named(session, LIST_MAKER)
        is_offered, is_written = bool(segment_offer.standing_offers(session, SCHEME)), bool(message_text.latest_texts(session, SCHEME))
    for offer in () if is_offered else OFFERS:
        segment_offers.save_offer(bank.settings, bank.engine, maker, bank.policy, SCHEME, offer)
    for text in () if is_written else TEXTS:
        message_texts.save_text(bank.settings, bank.engine, maker, bank.policy, SCHEME, text)


def hear_objection(bank: Bank) -> str:
    """One of the clients who refused on the telephone wants no marketing at all; once. Returns who, and nothing where nobody refused."""
    with reading(bank.engine) as session:
        adviser = scope_named(session, CALLERS[0])
        client_id = client_contact.first_with(session, adviser, REFUSED) or ""
        is_heard = bool(client_id and client_objection.of_client(session, client_id))
    if client_id and not is_heard:
        objection.record(bank.engine, adviser, client_id)
    return client_id

"""What the parts and the columns of a subject-access page are called; a column that is not here is spelled out as it is."""

PARTS: dict[str, tuple[str, str]] = {
    "clients": ("Client", "Client"), "accounts": ("Accounts and contracts", "Comptes et contrats"), "balances": ("Balances", "Soldes"), "transactions": ("Transactions", "Opérations"),
    "credit_scores": ("Credit scores", "Notes de crédit"), "interactions": ("Visits, calls and requests", "Visites, appels et demandes"), "contacts": ("Addresses and numbers", "Coordonnées"),
    "consents": ("Consents", "Consentements"), "campaign_contacts": ("Campaigns", "Campagnes"), "digital_events": ("Use of site and app", "Usage du site et de l'application"),
    "instalments": ("Instalments", "Échéances"), "surveys": ("Surveys", "Enquêtes"), "client_attributes": ("The bank's attributes", "Attributs de la banque"),
    "client_labels": ("The bank's outcomes", "Résultats de la banque"), "client_contact": ("Contacts recorded by the bank", "Contacts notés par la banque"),
    "adviser_move": ("Proposals of another adviser", "Propositions d'un autre conseiller"), "client_holder": ("Holders", "Titulaires"), "client_objection": ("Objections to marketing", "Oppositions à la prospection"),
    "firm_profile": ("Strategic profile of the firm", "Profil stratégique de l'entreprise"),
    "product_propensity": ("Propensities by product", "Probabilités par produit"), "published_client": ("Published pages", "Fiches publiées"), "risk_case": ("Risk cases", "Dossiers de risque"),
    "risk_decision": ("Risk decisions", "Décisions de risque"), "risk_review": ("Risk reviews", "Revues de risque"), "segment_event": ("Moves between segments", "Mouvements entre segments"),
}  # fmt: skip
FRENCH_COLUMNS: dict[str, str] = {
    "account_id": "numéro de compte", "acquisition_channel": "canal d'arrivée", "action": "action", "activity": "activité", "amount": "montant", "answers": "réponses", "arm": "groupe", "as_of": "état du", "at": "le",
    "about": "à propos de", "balance": "solde", "balance_on": "solde du", "best_margin": "marge du meilleur produit", "best_product": "meilleur produit", "best_propensity": "probabilité du meilleur produit",
    "best_reasons": "raisons du meilleur produit", "birth_on": "né le", "booked_on": "comptabilisé le", "branch_id": "agence", "campaign": "campagne", "campaign_contact_id": "numéro de contact",
    "channel": "canal", "churn": "probabilité de départ", "churn_band": "niveau de départ", "churn_reasons": "raisons du départ", "churn_target": "départ estimé", "city": "ville",
    "client_id": "numéro de client", "close_reason": "motif de clôture", "closed_on": "clos le", "clv": "valeur vie client", "clv_annuity": "valeur vie, annuité", "clv_average": "valeur vie, moyenne",
    "clv_high": "valeur vie, haut", "clv_low": "valeur vie, bas", "code": "code", "commune_code": "code commune", "consent_purposes": "consentements", "contact_on": "contact le",
    "contact_type": "type de coordonnée", "contacted_on": "contacté le", "count": "nombre", "counterparty_country": "pays de la contrepartie", "country": "pays", "credit_score": "note de crédit",
    "credit_source": "source de la note", "currency": "devise", "decided_on": "décidé le", "declared_income": "revenu déclaré", "department": "département", "dependants": "personnes à charge",
    "device": "appareil", "digest": "empreinte", "education_level": "niveau d'études", "employment_status": "situation d'emploi", "en": "en clair", "event_on": "le", "expected_loss": "perte attendue",
    "expected_margin": "marge attendue", "fr": "en clair", "from_as_of": "depuis l'état du", "from_rm_id": "conseiller d'avant", "from_segment": "segment d'avant", "home_branch_id": "agence", "household_id": "foyer", "housing_type": "logement",
    "id": "numéro", "interaction_id": "numéro d'échange", "is_granted": "accordé", "is_high_risk": "en revue de risque", "is_preferred": "préféré", "is_valid": "valable", "is_vulnerable": "fragile",
    "joined_on": "client depuis le", "kind": "nature", "language": "langue", "last_interaction_on": "dernier échange le", "list": "liste", "made_at": "noté le", "marital_status": "situation familiale",
    "mcc": "type de commerce", "name": "nom", "note": "note", "occupation_code": "profession", "occurred_on": "le", "opened_on": "ouvert le", "opening_channel": "canal d'ouverture", "outcome": "suite",
    "page": "page", "person_id": "personne", "postcode": "code postal", "product": "produit", "proof": "preuve", "proposal_id": "numéro de proposition", "propensities": "probabilités", "propensity": "probabilité", "purpose": "finalité",
    "rate_pct": "taux, %", "rate_type": "type de taux", "reason": "motif", "reasons": "raisons", "recorded_at": "enregistré le", "recorded_by": "enregistré par",
    "recorded_is_assumed": "date d'enregistrement supposée", "resolved_on": "résolu le", "rfm": "RFM", "risk_band": "niveau de risque", "risk_triggers": "signes de risque", "rm_id": "conseiller",
    "run_id": "calcul", "saved_at": "noté le", "saved_by": "noté par", "scheme": "schéma", "score": "note", "scored_on": "noté le", "segment": "segment", "segment_reason": "raison du segment", "sex": "sexe", "source": "source", "stage": "étape",
    "state": "état", "status": "statut", "target": "cible", "tier": "niveau de valeur", "tier_reason": "raison du niveau", "to_rm_id": "conseiller proposé", "to_segment": "segment d'après", "transaction_id": "numéro d'opération",
    "type": "type", "updated_on": "mis à jour le", "value_12m": "valeur sur 12 mois", "value_is_approximate": "valeur approchée", "version": "version",
}  # fmt: skip

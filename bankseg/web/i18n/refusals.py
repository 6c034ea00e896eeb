"""French for what services refuse and report in English: a run, a study or an import records one text for everybody.

Sentences are read back by their fixed forms; what is not known is shown as it was recorded.
"""

import re

from bankseg.web import i18n

FORMS: tuple[tuple[str, str], ...] = (
    (r"(?<=[^.\s]) Expected: ", ". Attendu : "), (r"Expected: ", "Attendu : "), (r"What to do: ", "À faire : "),
    (r"(\S+) has ([\d,]+) of ([\d,]+) rows refused \(([\d.]+) %\), so none was loaded: ", r"\1 : \2 lignes refusées sur \3 (\4 %), aucune n'a donc été chargée : "),
    (r"at most ([\d.]+) % of its rows refused", r"au plus \1 % de lignes refusées"),
    (
        r"correct the mapping or have the file sent again; if the rows are to be left out, set most_rejected_pct for this extract, or give --accept-rejects",
        "corriger la correspondance ou faire renvoyer le fichier ; pour laisser ces lignes de côté, fixer most_rejected_pct pour cet extrait, ou donner --accept-rejects",
    ),
    (r"not loaded: (\S+) of (\w+) was refused, so owners are missing", r"non chargé : \1 (\2) a été refusé, des titulaires manquent donc"),
    (r"a legal hold stands since ([\d-]+): ", r"un gel juridique court depuis le \1 : "), (r"\bno hold\b(?! stands)", "aucun gel"),
    (r"have it lifted first, by who placed it", "le faire d'abord lever par qui l'a posé"),
    (r"the client holds an open contract, whose facts must be kept", "le client a un contrat ouvert, dont les faits doivent être conservés"),
    (r"every contract closed for (\d+) years", r"tous les contrats clos depuis \1 ans"),
    (r"record an objection to marketing, or ask again when it is over", "enregistrer une opposition à la prospection, ou redemander ensuite"),
    (r"the facts of a former client are kept for (\d+) years: here until ([\d-]+)", r"les faits d'un ancien client sont conservés \1 ans : ici jusqu'au \2"),
    (r"a day after ([\d-]+)", r"un jour après le \1"), (r"\bask again then\b", "redemander alors"),
    (r"an erasure of this client is open", "un effacement de ce client est en cours"), (r"\bone at a time\b", "un seul à la fois"),
    (r"see the list of erasures", "voir la liste des effacements"), (r"erasure (\d+) is (?:approved|refused|erased)", r"l'effacement \1 est déjà décidé"),
    (r"one that was asked for", "un effacement demandé"), (r"open its page again", "rouvrir sa page"),
    (r"this erasure is your own request", "vous avez vous-même demandé cet effacement"), (r"the decision of a second person", "la décision d'une seconde personne"),
    (r"ask a colleague", "demander à un collègue"), (r"no client '([^']*)' in the lake", r"aucun client « \1 » dans les données"),
    (r"the identifier the bank's extracts give", "l'identifiant que donnent les extraits de la banque"), (r"\bcorrect it\b", "le corriger"),
    (r"a reason of (\d+) characters", r"un motif de \1 caractères"), (r"(\d+) to (\d+)", r"\1 à \2"), (r"say why, for whoever reads it in a year", "dire pourquoi, pour qui le lira dans un an"),
    (r"the reason names the client", "le motif nomme le client"), (r"words that may outlive the erasure", "des mots qui peuvent survivre à l'effacement"),
    (r"leave the client's number and name out", "laisser de côté le numéro et le nom du client"),
    (r"no question parts these clients by the goal", "aucune question ne partage ces clients selon l'objectif"),
    (r"an attribute that tells something of it", "un attribut qui en dise quelque chose"), (r"choose other attributes, or smaller leaves", "choisir d'autres attributs, ou de plus petites feuilles"),
    (r"(\d+) clients with (\d+) different outcomes of the goal", r"\1 clients et \2 résultats différents de l'objectif"), (r"at least (\d+) clients and two outcomes", r"au moins \1 clients et deux résultats"),
    (r"no attribute that parts clients", "aucun attribut qui partage les clients"), (r"no question tells this group from the others", "aucune question ne distingue ce groupe des autres"),
    (r"an attribute that differs", "un attribut qui diffère"), (r"a seed of (\d+) of (\d+) clients", r"un segment de départ de \1 clients sur \2"),
    (r"(\d+) or more, and others beside them", r"\1 ou plus, et d'autres clients à côté"), (r"(\d+) clusters? of (\d+) (?:different )?clients", r"\1 groupe(s) pour \2 clients"),
    (r"at least as many different clients as clusters", "au moins autant de clients différents que de groupes"), (r"no prospects are loaded", "aucun prospect n'est chargé"),
    (r"clients whose status is prospect", "des clients au statut de prospect"), (r"\btwo or more\b", "deux ou plus"), (r"\bone or more\b", "un ou plus"),
    (r"reading clients", "lecture des clients"), (r"trying numbers of clusters", "essai de plusieurs nombres de groupes"), (r"clustering (\d+) clients", r"regroupement de \1 clients"),
    (r"testing the clusters on other samples", "épreuve des groupes sur d'autres échantillons"), (r"putting the clusters into words and rules", "mise des groupes en mots et en règles"),
    (r"learning what (\d+) clients have in common", r"apprentissage de ce que \1 clients ont en commun"), (r"^listing$", "établissement de la liste"), (r"growing on (\d+) clients", r"croissance sur \1 clients"),
    (r"value and activity from ([\d-]+) on", r"valeur et activité depuis le \1"), (r"value and activity as of ([\d-]+)", r"valeur et activité au \1"),
    (r"what the year brought", "ce que l'année a apporté"), (r"^comparing$", "comparaison"),
    (r"(\S+) is linked to this subject", r"\1 est lié à ce sujet"), (r"a subject nobody has", "un sujet que personne n'a"), (r"take it from them first", "le lui retirer d'abord"),
    (r"copy it from the refused sign-in", "le copier depuis la connexion refusée"), (r"the subject '", "le sujet '"), (r"(\d+) readable characters at most", r"\1 caractères lisibles au plus"),
    (r"choose one of these", "choisir parmi ceux-ci"), (r"shorten it", "raccourcir"), (r"use one of these, and no other braces", "n'utiliser que ceux-ci, sans autres accolades"),
    (r"a name of (\d+) characters", r"un nom de \1 caractères"), (r"name the offer as the client would know it", "nommer l'offre comme le client la connaîtrait"),
    (r"a text of (\d+) and a subject of (\d+) characters", r"un texte de \1 et un objet de \2 caractères"), (r"the place '", "la place '"),
    (r"a list about ''", "une liste sans sujet"), (r"a list about '", "une liste sur '"), (r"one product, or the action retain", "un produit, ou l'action de fidélisation"),
    (r"a least probability of ", "une probabilité minimale de "), (r"a number between 0 and 1", "un nombre entre 0 et 1"), (r"give 0\.2 for 20 %", "donner 0,2 pour 20 %"),
    (r"a least margin of ", "une marge minimale de "), (r"0 or more, for a product only", "0 ou plus, pour un produit seulement"), (r"leave it empty", "laisser vide"),
    (r"a control group of ", "un groupe témoin de "), (r"\b10 is usual", "10 est l'usage"), (r"a size of ", "une taille de "), (r"a budget of ", "un budget de "), (r"\b1 or more", "1 ou plus"),
    (r"leave the (?:size|budget) empty for everybody", "laisser vide pour tout le monde"), (r"name the list as the campaign is named", "nommer la liste comme la campagne"),
    (r"say why this list may go out", "dire pourquoi cette liste peut partir"), (r"the person who made a list cannot release it", "qui a fait une liste ne peut pas la libérer"),
    (r"\ba second person\b", "une seconde personne"), (r"a first contact on ([\d-]+)", r"un premier contact le \1"), (r"a day from ([\d-]+), within (\d+) days", r"un jour à partir du \1, dans les \2 jours"),
    (r"correct the day", "corriger le jour"), (r"\bchoose one$", "en choisir un"),
)  # fmt: skip


def refusal(text: object, language: str) -> str:
    r"""A refusal, or what a worker reports, in a language.

    >>> refusal("this erasure is your own request Expected: the decision of a second person.", "fr")
    "vous avez vous-même demandé cet effacement. Attendu\xa0: la décision d'une seconde personne."
    """
    said = str(text)
    if language != i18n.FRENCH:
        return said
    for form, french in FORMS:
        said = re.sub(form, french, said)
    said = re.sub(r"\b([a-z_]{3,}): (\w+) \(([\d,]+)\)", lambda found: f"{i18n.label('reject', found[1], language)}, {found[2]} ({found[3]})", said)
    said = re.sub(r"(\d),(\d{3})\b", "\\1\u202f\\2", said)
    said = re.sub(r"(\d)\.(\d+) %", r"\1,\2 %", said)
    return re.sub(r" ([:;»])", "\u00a0\\1", said)

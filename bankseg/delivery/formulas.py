"""Making text harmless for spreadsheets that would run it as a formula (ASVS 5.0, 1.2.10)."""

# What starts a formula, full-width forms included; TAB, CR, LF and NUL hide one.
STARTS = frozenset("=+-@\t\r\n\0＝＋－＠")
BLANKS = " \u00a0\u200b\ufeff"  # what a spreadsheet skips before it
SUSPECT = STARTS | frozenset(BLANKS)


def harmless(text: str) -> str:
    """The text with a leading apostrophe when a spreadsheet could run it, without NUL bytes.

    >>> harmless("=1+1"), harmless("Anna"), harmless(" @SUM(A1)")
    ("'=1+1", 'Anna', "' @SUM(A1)")
    """
    if not text or (text[0] not in SUSPECT and "\0" not in text):
        return text
    clean = text.replace("\0", "")
    first = clean.lstrip(BLANKS)[:1]
    return f"'{clean}" if first in STARTS and first else clean

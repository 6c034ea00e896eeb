"""The share of rows a file may have refused before it is refused as a whole."""

from bankseg.domain.errors import InputError
from bankseg.ingest.report import top_of
from bankseg.ingest.stage import StagedFile

# Below this many refused rows a share says nothing: they are a matter for a person and the quarantine file.
FEWEST_REJECTED = 20
PERCENT = 100


def beyond_share(file: StagedFile, most_rejected_pct: float) -> InputError | None:
    """The refusal of a file of which too many rows were refused: a wrong mapping more likely than so many wrong rows."""
    rejected = file.quarantine.count
    if rejected < FEWEST_REJECTED or rejected * PERCENT <= most_rejected_pct * file.read:
        return None
    reasons = "; ".join(f"{reason} ({count:,})" for reason, count in top_of(file.quarantine.reasons).items())
    return InputError(
        f"{file.path.name} has {rejected:,} of {file.read:,} rows refused ({PERCENT * rejected / file.read:.1f} %), so none was loaded: {reasons}",
        f"at most {most_rejected_pct:g} % of its rows refused",
        "correct the mapping or have the file sent again; if the rows are to be left out, set most_rejected_pct for this extract, or give --accept-rejects",
    )

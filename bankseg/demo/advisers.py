"""The advisers of the demo bank, with the skills and the room that somebody gave them, as the file a bank would send."""

import csv
from itertools import cycle
from pathlib import Path

from bankseg.demo.people import BRANCHES, CLIENTS_PER_RM, branch_of, rm_count, rm_id

# Dealt round within a branch: skills, languages, and capacity beside the clients an adviser has on average.
DEALT = (("wealth", "fr", 0.8), ("business", "fr;en", 0.75), ("", "fr", 0.85), ("wealth;business", "fr", 0.7), ("", "fr;en", 0.8))


def write_advisers(path: Path, clients: int) -> int:
    """Write the advisers of a bank of this size; returns how many."""
    dealt = {branch: cycle(DEALT) for branch, _ in BRANCHES}
    numbers = range(1, rm_count(clients) + 1)
    each = clients / len(numbers)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("rm_id", "skills", "languages", "capacity", "branch_id"))
        for number in numbers:
            skills, languages, room = next(dealt[branch_of(number)])
            rows.writerow((rm_id(number), skills, languages, round(min(each, CLIENTS_PER_RM) * room), branch_of(number)))
    return len(numbers)

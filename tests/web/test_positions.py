"""The grid of positions and its notes on pages and over the API."""

from html import unescape

import pytest

from tests.web.conftest import Browsers, token_of

NOTE = "/segments/positions/kinds/individual/savings"
CALL = "/api/v1/schemes/kinds/positions/individual/savings"


def write(browsers: Browsers, login: str = "mark", version: str = "v0", **fields: str):
    http = browsers.of(login)
    page = http.get(NOTE).text
    return http.post(NOTE, data={"form_token": token_of(page), "version": version, "position": "build", "text": "Room among the young", **fields})


def cell(browsers: Browsers, login: str) -> dict[str, object]:
    lines = browsers.of(login).get("/api/v1/pictures/positions").json["lines"]
    return next(one for line in lines if line["product"] == "savings" for one in line["cells"] if one["segment"] == "individual")


def test_the_grid_opens_in_both_languages_and_says_what_its_money_is_not(own: Browsers) -> None:
    http = own.of("alice")
    english = http.get("/segments/positions").text
    http.post("/language", data={"form_token": token_of(english), "language": "fr", "next": "/"})
    french = http.get("/segments/positions").text

    assert "It is not the margin of the product" in english
    assert "No earlier date was published" in english
    assert "Ce n'est pas la marge du produit" in unescape(french)
    assert "Sans position" in french
    assert ' style="' not in english


def test_a_cell_leads_to_as_many_clients_as_it_counts(browsers: Browsers) -> None:
    for login, holders in (("rita", 4), ("alice", 2), ("bob", 1)):
        inside = ["status/active", "member:kinds:individual/inside", "holds:savings/inside"]
        listed = browsers.of(login).get("/api/v1/pictures/clients", query_string={"inside": inside}).json["clients"]
        assert cell(browsers, login)["holders"] == listed == holders
        assert "member%3Akinds%3Aindividual%2Finside" in browsers.of(login).get("/segments/positions").text


def test_fewer_clients_than_are_told_bring_an_amount_nobody_reads(browsers: Browsers) -> None:
    assert cell(browsers, "rita")["contribution_minor"] is None
    assert "too few" in browsers.of("rita").get("/segments/positions").text


def test_a_note_is_saved_by_designers_and_read_by_others_with_author_and_earlier_versions(own: Browsers) -> None:
    assert write(own).status_code == 303
    assert write(own, version="v1", position="hold", text="Enough").status_code == 303

    page, grid = own.of("alice").get(NOTE).text, own.of("alice").get("/segments/positions").text
    assert "Mark Durand" in page
    assert "Room among the young" in page
    assert '<form class="card' not in page
    assert "Enough" in grid
    assert "Room among the young" not in grid
    assert [(one["version"], one["position"]) for one in own.of("alice").get(CALL).json["notes"]] == [(2, "hold"), (1, "build")]


def test_a_slower_colleague_is_told_keeps_what_was_typed_and_may_save_again(own: Browsers) -> None:
    write(own)
    slow = write(own, "rita", "v0", position="leave", text="My own words")

    assert slow.status_code == 412
    assert "it was changed since you read it" in slow.text
    assert "My own words" in slow.text
    assert "Room among the young" in slow.text
    assert write(own, "rita", "v1", position="leave", text="My own words").status_code == 303
    assert cell(own, "mark")["note"]["text"] == "My own words"


def test_a_note_that_is_too_long_is_refused_in_words(own: Browsers) -> None:
    refused = write(own, text="x" * 501)

    assert refused.status_code == 400
    assert "at most 500" in refused.text
    assert own.of("mark").get(CALL).json["notes"] == []


def test_the_api_saves_under_the_tag_that_was_read(own: Browsers) -> None:
    http = own.of("mark")
    token = token_of(http.get(NOTE).text)
    tag = http.get(CALL).headers["ETag"]

    first = http.put(CALL, json={"position": "harvest", "text": "Ageing"}, headers={"If-Match": tag, "X-Form-Token": token})
    second = http.put(CALL, json={"position": "leave"}, headers={"If-Match": tag, "X-Form-Token": token})

    assert (first.status_code, first.json["version"]) == (200, 1)
    assert second.status_code == 412
    assert http.put(CALL, json={"position": "sell"}, headers={"X-Form-Token": token}).status_code == 422


def test_what_one_may_not_read_has_no_grid_and_no_note(browsers: Browsers) -> None:
    for path in (
        "/segments/positions?scheme=payer",
        "/segments/positions/payer/a/savings",
        "/segments/positions/kinds/individual/green_bond",
        "/api/v1/pictures/positions?scheme=payer",
    ):
        assert browsers.of("mark").get(path).status_code == 404, path
    assert browsers.of("rita").get("/segments/positions?scheme=payer").status_code == 200


@pytest.mark.parametrize("since", ["2025-12-31", "soon"])
def test_a_day_without_an_earlier_run_is_refused(browsers: Browsers, since: str) -> None:
    assert browsers.of("rita").get(f"/segments/positions?since={since}").status_code == 400

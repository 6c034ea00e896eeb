"""Advisers and proposals of who should serve whom, on pages and over the API."""

from html import unescape

from tests.web.conftest import Browsers, token_of

REASON = "More room for wealth in the branch"


def ask(browsers: Browsers, login: str = "bea", reason: str = REASON):
    http = browsers.of(login)
    return http.post("/advisers", data={"form_token": token_of(http.get("/advisers").text), "reason": reason})


def decide(browsers: Browsers, login: str, place: str, decision: str = "approve", reason: str = "Agreed with both"):
    http = browsers.of(login)
    return http.post(place, data={"form_token": token_of(http.get(place).text), "decision": decision, "reason": reason})


def test_a_head_asks_and_the_administrator_decides_without_seeing_a_client(own: Browsers) -> None:
    asked = ask(own)
    place = asked.location
    mine, page = own.of("bea").get(place).text, own.of("adam").get(place).text

    assert asked.status_code == 303
    assert "You asked for it: a colleague decides." in mine
    assert "Client C1" in mine or "Client C2" in mine
    assert 'name="decision"' in page
    assert not [name for name in ("C1", "C2", "Client C") if name in page]
    assert decide(own, "adam", place).status_code == 303
    assert "Agreed with both" in own.of("bea").get(place).text


def test_an_approved_proposal_is_taken_away_by_the_head_alone(browsers: Browsers) -> None:
    for path in ("/advisers/proposals/1/export?format=csv", "/api/v1/files/adviser-proposals/1?format=csv"):
        file = browsers.of("bea").get(path, buffered=True)
        assert file.text.splitlines()[1] == "2025-12-31,1,C2,Client C2,B1,RM1,RM7"
        assert (file.headers["X-Row-Count"], browsers.of("adam").get(path).status_code) == ("1", 404)


def test_a_file_before_the_approval_is_refused_in_words(own: Browsers) -> None:
    place = ask(own).location

    refused = own.of("bea").get(f"{place}/export")

    assert refused.status_code == 409
    assert "a second person approves it" in refused.text
    assert "No run has been published" not in refused.text


def test_the_pages_speak_french_and_carry_no_style(browsers: Browsers) -> None:
    http = browsers.of("bea")
    index, one = http.get("/advisers").text, http.get("/advisers/proposals/1").text
    http.post("/language", data={"form_token": token_of(index), "language": "fr", "next": "/"})
    french = [unescape(http.get(path).text) for path in ("/advisers", "/advisers/proposals/1")]
    http.post("/language", data={"form_token": token_of(index), "language": "en", "next": "/"})

    assert ("Who serves whom now" in index, "Clients of each adviser, before and after" in one) == (True, True)
    assert ("Qui suit qui aujourd'hui" in french[0], "Approuvée" in french[0], "Clients de chaque conseiller" in french[1]) == (True, True, True)
    assert "Type de client : particulier" in french[0].replace("Particulier", "particulier")
    assert ' style="' not in index + one


def test_a_reason_that_is_too_short_keeps_what_was_typed(own: Browsers) -> None:
    refused = ask(own, reason="Because")

    assert refused.status_code == 400
    assert "10 to 500" in refused.text
    assert 'value="Because"' in refused.text


def test_one_who_asked_cannot_decide_nor_anybody_twice(own: Browsers) -> None:
    place = ask(own).location
    http = own.of("bea")

    assert http.post(place, data={"form_token": token_of(http.get("/advisers").text), "decision": "approve", "reason": REASON}).status_code == 409
    decide(own, "adam", place, "refuse", "Not before the holidays")
    admin = own.of("adam")
    again = admin.post(place, data={"form_token": token_of(admin.get("/advisers").text), "decision": "approve", "reason": REASON})
    assert again.status_code == 409
    assert "is refused" in again.text


def test_the_api_asks_decides_and_tells(own: Browsers) -> None:
    head, admin = own.of("bea"), own.of("adam")
    token = {"X-Form-Token": token_of(head.get("/advisers").text)}

    made = head.post("/api/v1/adviser-proposals", json={"reason": REASON}, headers=token)
    place = made.headers["Location"]
    done = admin.post(
        f"{place}/decision", json={"decision": "approve", "reason": "Both agree on it"}, headers={"X-Form-Token": token_of(admin.get("/advisers").text)}
    )

    assert (made.status_code, made.json["state"], made.json["people"]["asked"]) == (201, "asked", "Béatrice Petit")
    assert (done.status_code, done.json["state"], done.json["moves"]) == (200, "approved", None)
    assert {one["client_id"] for one in head.get(place).json["moves"]} <= {"C1", "C2"}
    advisers = head.get("/api/v1/advisers").json
    assert [(one["rm_id"], one["clients"]) for one in advisers["advisers"]] == [("RM1", 2), ("RM7", 0)]
    assert [one["clients"] for one in admin.get("/api/v1/advisers").json["advisers"]] == [None, None]
    assert head.post("/api/v1/adviser-proposals", json={"reason": "Because"}, headers=token).status_code == 422


def test_the_clients_of_an_adviser_lead_to_as_many_rows(browsers: Browsers) -> None:
    page = browsers.of("bea").get("/advisers").text

    for rm_id, clients in (("RM1", 2), ("RM7", 0)):
        path = f"/clients?rm={rm_id}&status=active"
        assert path.replace("&", "&amp;") in page
        assert f"<strong>{clients}</strong> of" in browsers.of("bea").get(path).text


def test_no_other_role_learns_that_there_is_a_proposal(browsers: Browsers) -> None:
    for login in ("alice", "bob", "mark", "rita", "odile", "axel"):
        assert browsers.of(login).get("/advisers/proposals/1").status_code == 404
        assert "/advisers" not in browsers.of(login).get("/runs").text

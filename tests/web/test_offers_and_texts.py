"""Offers to segments held to their floor, texts with their places, and what both say on a client's page."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bankseg.services.rolls import roll_path
from tests.web.conftest import Browsers, token_of

OFFER = {"segment": "developing", "product": "life_insurance", "name": "No entry fee", "fee_waiver": "20", "floor": "100"}
TEXT = {"segment": "", "product": "", "channel": "phone", "language": "fr", "subject": "", "body": "Bonjour {name}, ici {adviser} : {product}. {message}"}


def post(browsers: Browsers, login: str, address: str, page: str = "/segments/offers/lifecycle", **fields: str):
    http = browsers.of(login)
    return http.post(address, data={"form_token": token_of(http.get(page).text), **fields})


def offers_of(browsers: Browsers, login: str = "mark") -> list[dict[str, object]]:
    return browsers.of(login).get("/api/v1/schemes/lifecycle/offers").get_json()["offers"]


def test_an_offer_tells_what_it_brings_beside_the_standard_price(own: Browsers) -> None:
    assert post(own, "mark", "/segments/offers/lifecycle", **OFFER).status_code == 303

    one = offers_of(own)[0]
    # 140.00 less 20.00 a sale; propensities of the segment's clients add up to `sales`, and 140 / 120 = 1 + 1/6
    assert (one["standard_minor"], one["margin_minor"], one["floor_minor"]) == (14_000, 12_000, 10_000)
    assert one["at_offer_minor"] == round(one["sales"] * 12_000)
    assert one["at_standard_minor"] == round(one["sales"] * 14_000)
    assert one["clients"] == 4
    assert one["rise"] == pytest.approx(1 / 6)
    assert "No entry fee" in own.of("alice").get("/segments/offers/lifecycle").text


def test_an_offer_below_its_floor_is_refused_and_kept_nowhere(own: Browsers) -> None:
    refused = post(own, "mark", "/segments/offers/lifecycle", **{**OFFER, "floor": "130"})

    assert refused.status_code == 400
    assert "12000" in refused.text
    assert 'value="No entry fee"' in refused.text
    assert offers_of(own) == []


@pytest.mark.parametrize("wrong", [{"product": "current_account"}, {"name": " "}, {"rate_delta_bp": "25"}, {"fee_waiver": "much"}, {"volume": "-1"}])
def test_terms_that_mean_nothing_are_refused(own: Browsers, wrong: dict[str, str]) -> None:
    assert post(own, "mark", "/segments/offers/lifecycle", **{**OFFER, **wrong}).status_code == 400


def test_a_branch_counts_the_own_clients_alone(own: Browsers) -> None:
    post(own, "mark", "/segments/offers/lifecycle", **OFFER)

    assert (offers_of(own, "alice")[0]["clients"], offers_of(own, "bob")[0]["clients"]) == (2, 1)


def test_an_offer_is_on_the_page_of_a_client_of_its_segment_until_it_is_withdrawn(own: Browsers) -> None:
    post(own, "mark", "/segments/offers/lifecycle", **OFFER)

    variant = own.of("alice").get("/api/v1/clients/C1/talk").get_json()["variants"][0]
    assert (variant["product"], variant["offer"], variant["margin_minor"]) == ("life_insurance", "No entry fee", 12_000)
    assert variant["expected_minor"] == round(variant["propensity"] * 12_000)
    assert "No entry fee" in own.of("alice").get("/clients/C1/talk").text

    post(own, "mark", f"/segments/offers/withdraw/{offers_of(own)[0]['offer_id']}")
    assert offers_of(own) == []
    standard = own.of("alice").get("/api/v1/clients/C1/talk").get_json()["variants"][0]
    assert (standard["offer"], standard["margin_minor"]) == ("", 14_000)


def test_a_text_is_filled_in_for_the_client_and_versions_follow(own: Browsers) -> None:
    for body in (TEXT["body"], TEXT["body"], "Bonjour {name}."):
        assert post(own, "mark", "/segments/offers/lifecycle/texts", page="/segments/offers/lifecycle/texts", **{**TEXT, "body": body}).status_code == 303

    texts = own.of("mark").get("/api/v1/schemes/lifecycle/texts").get_json()["texts"]
    assert [(one["version"], one["body"]) for one in texts] == [(2, "Bonjour {name}.")]
    said = own.of("alice").get("/api/v1/clients/C1/talk").get_json()["texts"]
    assert [(one["language"], one["body"]) for one in said] == [("fr", "Bonjour Client C1.")]
    assert "Bonjour Client C1." in own.of("alice").get("/clients/C1/talk").text


def test_the_client_is_spoken_to_in_the_own_language(own: Browsers) -> None:
    path = roll_path(own.settings, 1)
    roll = pq.read_table(path)
    pq.write_table(roll.append_column("language", pa.array(["FR"] * roll.num_rows)), path)
    for language in ("en", "fr"):
        post(own, "mark", "/segments/offers/lifecycle/texts", page="/segments/offers/lifecycle/texts", **{**TEXT, "language": language, "body": "{message}"})

    told = own.of("alice").get("/api/v1/clients/C1/talk").get_json()

    assert told["speaks"] == "fr"
    assert [one["language"] for one in told["texts"]] == ["fr"]
    assert told["texts"][0]["body"] == next(one for one in told["arguments"] if one["scheme"] == "lifecycle")["message"]["fr"]
    assert "The client speaks French." in own.of("alice").get("/clients/C1/talk").text


@pytest.mark.parametrize("body", ["Dear {iban}", "Dear {name", "{name.__class__}", "", "{}"])
def test_a_text_with_an_unknown_place_is_refused(own: Browsers, body: str) -> None:
    refused = post(own, "mark", "/segments/offers/lifecycle/texts", page="/segments/offers/lifecycle/texts", **{**TEXT, "body": body})

    assert refused.status_code == 400
    assert own.of("mark").get("/api/v1/schemes/lifecycle/texts").get_json()["texts"] == []


def test_the_argument_of_a_segment_is_that_of_its_sheet_or_its_scheme(browsers: Browsers) -> None:
    told = browsers.of("alice").get("/api/v1/clients/C1/talk").get_json()["arguments"]

    by_scheme = {one["scheme"]: one for one in told}
    assert by_scheme["lifecycle"]["segment"] == "developing"
    assert by_scheme["lifecycle"]["message"]["en"].startswith("You know our account")


def test_who_may_not_read_a_scheme_finds_no_offer_or_text_of_it(browsers: Browsers) -> None:
    for page in ("", "/texts"):
        assert browsers.of("mark").get(f"/segments/offers/payer{page}").status_code == 404
        assert browsers.of("rita").get(f"/segments/offers/payer{page}").status_code == 200


def test_whoever_objects_to_marketing_is_offered_nothing_and_spoken_to_by_no_text(own: Browsers) -> None:
    http = own.of("alice")
    assert http.get("/api/v1/clients/C1/talk").get_json()["variants"]
    assert http.post("/clients/C1/objection", data={"form_token": token_of(http.get("/clients/C1").text)}).status_code == 303

    told, page = http.get("/api/v1/clients/C1/talk").get_json(), http.get("/clients/C1/talk").text

    assert (told["variants"], told["texts"]) == ([], [])
    assert "listen and answer, and offer nothing." in page
    assert "The variant that fits" not in page

"""Prices: our own file first, then genai-prices; and where the two disagree."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from opro_cli.core.model import ModelRequest, Price
from opro_cli.llm import choose_model
from opro_cli.llm.catalog import catalog
from opro_cli.llm.gemini import OWN
from opro_cli.llm.prices import listed_price
from opro_cli.llm.provider import pricer

genai_prices = pytest.importorskip("genai_prices", reason="the extra `prices` is not installed")

GOOGLE = OWN[False]
OPENAI = "https://api.openai.com/v1"

HALF_PRICE = {"gemini-3.6-flash", "gemini-3.7-flash", "gemini-3.8-flash", "gemini-4-argon"}
"""Promoted until the end of 2026. Our file lists the full price, so that no cap is exceeded."""


@pytest.mark.parametrize("name", [n for n, f in catalog().models.items() if f.price])
def test_our_prices_are_those_of_genai_prices(name):
    theirs, ours = listed_price(name, GOOGLE), catalog().models[name].price
    if theirs is None:
        pytest.skip("genai-prices does not know it")
    halved = Price(ours.input / 2, ours.output / 2)
    assert theirs in ((ours, halved) if name in HALF_PRICE else (ours,))


def test_a_model_that_our_file_lists_has_our_price():
    choice = choose_model(ModelRequest("gemini-3.8-flash"), {"GEMINI_API_KEY": "k"})
    assert choice.price == catalog().models["gemini-3.8-flash"].price


@pytest.mark.parametrize(
    ("name", "env"),
    [
        ("groq:llama-3.3-70b-versatile", "GROQ"),
        ("openai:gpt-4o-mini", "OPENAI"),
        ("mistral:mistral-large-latest", "MISTRAL"),
        ("openrouter:openai/gpt-4o-mini", "OPENROUTER"),
    ],
)
def test_another_model_has_the_price_of_its_own_server(name, env):
    found = choose_model(ModelRequest(name), {f"{env}_API_KEY": "k"}).price
    usage = genai_prices.Usage(input_tokens=1_000_000, output_tokens=0)
    provider, _, model = name.partition(":")
    cost = genai_prices.calc_price(usage, model, provider_id=provider).input_price
    assert found.input == float(cost)
    assert found.output > 0
    away = {f"{env}_API_KEY": "k", f"{env}_BASE_URL": "https://proxy.example/v1"}
    assert choose_model(ModelRequest(name), away).price is None


def test_what_the_user_says_goes_first():
    request = ModelRequest("openai:gpt-4o-mini", price=Price(1, 2))
    assert choose_model(request, {"OPENAI_API_KEY": "k"}).price == Price(1, 2)


def test_a_price_that_grows_with_the_prompt_or_changes_by_the_hour_is_the_highest():
    assert listed_price("gemini-2.5-pro", GOOGLE) == Price(2.5, 15)
    highest = listed_price("deepseek-chat", "https://api.deepseek.com/v1")
    for hour in range(24):
        price = genai_prices.calc_price(
            genai_prices.Usage(input_tokens=1_000_000, output_tokens=0),
            "deepseek-chat",
            provider_id="deepseek",
            genai_request_timestamp=datetime.now(UTC).replace(hour=hour),
        )
        assert float(price.input_price) <= highest.input + 1e-9


def test_a_dearer_model_that_answers_costs_what_it_costs():
    choice = choose_model(ModelRequest("openai:gpt-4o-mini"), {"OPENAI_API_KEY": "k"})
    price = pricer(choice)
    assert price("gpt-4o").input > price("gpt-4o-mini").input == choice.price.input
    assert price("nobody-knows-it") == choice.price


def test_an_unknown_model_or_server_has_no_price():
    assert listed_price("nobody-knows-it", OPENAI) is None
    assert listed_price("gpt-4o-mini", "https://stranger.example") is None
    assert listed_price("gpt-4o-mini", "") is None

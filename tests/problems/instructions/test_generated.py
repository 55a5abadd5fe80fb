"""Generated data sets: right answers, no question twice, the same for a seed, no easy way out."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest

from opro_cli.core.errors import UsageError
from opro_cli.problems.instructions.generated import GENERATORS, dates, generate
from opro_cli.problems.instructions.generated.counting import KINDS, NUMBERS
from opro_cli.problems.instructions.metrics import metric_for
from opro_cli.problems.instructions.self_check import check_metric

SETS = {name: generate(GENERATORS[name], 3, 2000).examples for name in GENERATORS}


@pytest.mark.parametrize("name", [*GENERATORS])
def test_every_set_fits_its_metric(name):
    generator, examples = GENERATORS[name], SETS[name]
    assert len({e.question for e in examples}) == len(examples) == 2000
    assert [e.number for e in examples] == list(range(2000))
    metric = metric_for(generator.metric, generator.labels)
    found = check_metric(metric, examples[:200], generator.labels)
    assert found.majority_share < 0.65 and not found.warnings
    longest = max(len(e.target) for e in examples)
    assert longest / 2 < generator.max_output_tokens * (1 if name == "dates" else 2)
    assert all(e.question.isprintable() for e in examples)


@pytest.mark.parametrize("name", [*GENERATORS])
def test_a_seed_gives_the_same_set_and_a_smaller_one_begins_it(name):
    generator = GENERATORS[name]
    assert generate(generator, 3, 2000) == generate(generator, 3, 2000)
    assert tuple(generator(np.random.default_rng(3), 10)) == SETS[name][:10]
    assert generate(generator, 4, 10).digest != generate(generator, 3, 10).digest


def test_each_way_of_writing_a_date_is_one_date():
    written = {}
    for i in range(10 * 365):
        day = date(2005, 1, 1) + timedelta(days=i)
        for form in dates.FORMS + (dates.LATE_FORMS if day.day > 12 else ()):
            assert written.setdefault(form(day), day) == day


def test_dates_hold_year_and_weekday():
    for example in SETS["dates"]:
        day = date.fromisoformat(example.target)
        assert str(day.year) in example.question
        for name in dates.DAYS:
            assert name[:3] not in re.findall(r"\b[A-Z][a-z]{2}", example.question) or (
                day.weekday() == dates.DAYS.index(name)
            )


def test_orders_are_what_their_sentences_say():
    for example in SETS["extraction"]:
        order = json.loads(example.target)
        assert [*order] == ["customer", "item", "colour", "quantity", "city"]
        for key in ("customer", "item", "colour", "city"):
            assert order[key].removesuffix("f") in example.question
        assert 2 <= order["quantity"] <= 12


def test_counts_are_right():
    words = {word: kind for kind, many in KINDS.items() for word in many}
    for example in SETS["counting"]:
        listed, _, asked = example.question.rpartition(". How many ")
        total = 0
        for number, thing in re.findall(r"\b(an?|two|three|four|five) (\w+)", listed):
            single = next((w for w in words if thing in (w, w + "s", w + "es")), None)
            if single and words[single] == asked.removesuffix(" are there in all?"):
                total += NUMBERS.index("a" if number == "an" else number) + 1
        assert str(total) == example.target


def test_sorted_words_are_the_words():
    for example in SETS["sorting"]:
        words = example.question.partition(": ")[2].split()
        assert sorted(words) == example.target.split()
        assert len(set(words)) == len(words)


def test_no_single_word_tells_the_label():
    examples = SETS["labels"]
    having, positive = Counter(), Counter()
    for example in examples:
        for word in {*re.findall(r"[a-z']+", example.question.lower())}:
            having[word] += 1
            positive[word] += example.target == "positive"
    whole = sum(e.target == "positive" for e in examples)
    right = [positive[w] + len(examples) - whole - (having[w] - positive[w]) for w in having]
    assert max(max(r, len(examples) - r) for r in right) / len(examples) < 0.7


def test_no_review_is_both_positive_and_negative():
    both = {}
    for seed in range(5):
        for e in generate(GENERATORS["labels"], seed, 1500).examples:
            assert both.setdefault(e.question, e.target) == e.target


@pytest.mark.parametrize(("seed", "count"), [(0, 0), (0, 10**6), (-1, 1)])
def test_sizes_that_cannot_be(seed, count):
    with pytest.raises(UsageError):
        generate(GENERATORS["dates"], seed, count)


def test_a_small_space_says_how_many_there_are():
    with pytest.raises(UsageError, match=r"only [\d,]+ different questions"):
        generate(GENERATORS["labels"], 0, 100_000)

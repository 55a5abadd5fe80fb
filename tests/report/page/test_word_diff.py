"""What changed between two texts."""

from __future__ import annotations

from hypothesis import strategies as st

from opro_cli.report.page.word_diff import LONGEST, word_changes
from tests.conftest import for_all


def test_words_are_the_parts() -> None:
    changes = list(word_changes("Be brief, and calm.", "Be very brief and calm."))
    assert changes == [
        ("same", "Be "),
        ("added", "very "),
        ("same", "brief"),
        ("removed", ","),
        ("same", " and calm."),
    ]


def test_both_texts_can_be_put_together_again() -> None:
    def check(texts: tuple[str, str]) -> None:
        changes = list(word_changes(*texts))
        assert "".join(text for change, text in changes if change != "added") == texts[0]
        assert "".join(text for change, text in changes if change != "removed") == texts[1]

    texts = st.text("ab .\n", max_size=60)
    for_all(200, st.tuples(texts, texts), check)


def test_long_texts_are_not_compared_word_by_word() -> None:
    before, after = "a " * LONGEST, "b " * LONGEST
    assert list(word_changes(before, after)) == [("removed", before), ("added", after)]

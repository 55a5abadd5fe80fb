"""The settings a strategy decides, and what each of them does to a step."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from opro_cli import recording as recordings
from opro_cli.errors import UsageError
from opro_cli.events import Reply, Scored
from opro_cli.history import Progress
from opro_cli.metaprompt import FORMS, Asking
from opro_cli.optimizers import settings_of
from opro_cli.optimizers.base import Task
from opro_cli.optimizers.opro import OproSettings
from opro_cli.optimizers.perturb import perturbed
from opro_cli.optimizers.strategy import STRATEGIES
from opro_cli.problems.linear import LinearSettings
from opro_cli.problems.mixed import Mixed, Parameter
from opro_cli.problems.tour import Tours
from opro_cli.randomness import Randomness
from opro_cli.spec import RunSpec
from tests.doubles import Scripted, sifted

LINEAR = LinearSettings(targets=[{"w": 2, "b": 30}])
PROBLEM = LINEAR.build(LINEAR.targets[0], 0)
SPACE = PROBLEM.space
PAIRS = [((20, 14), 1074396.9), ((16, 10), 300000.0), ((14, 14), 42747.8), ((15, 15), 9000.0)]


def opro(answer, form="instruct", **settings):
    """OPRO that was told ``PAIRS``, and its model."""
    llm = Scripted(answer, form)
    made = OproSettings(**{"points_per_step": 4, "temperature": None, **settings}).build(
        Task(PROBLEM, Randomness(0, "run"), llm)
    )
    made.tell([Scored(point, value, "start") for point, value in PAIRS])
    return made, llm


def asked(made, step=1):
    return asyncio.run(made.ask(step))


class TestSets:
    @pytest.mark.parametrize("strategy", STRATEGIES)
    @pytest.mark.parametrize("form", ["list", "instruct"])
    def test_every_set_decides_the_same_settings_and_leaves_nothing_open(self, strategy, form):
        ready = STRATEGIES[strategy][form]
        assert ready.keys() == STRATEGIES["adaptive"]["list"].keys()
        concrete = OproSettings(strategy=strategy).concrete(form)
        assert OproSettings.model_validate(concrete.model_dump()) == concrete
        for name, value in ready.items():
            assert getattr(concrete, name) == value
            assert value not in (None, "auto")
        assert concrete.concrete(form) == concrete

    def test_what_is_set_is_not_decided_by_the_strategy(self):
        made = OproSettings(strategy="adaptive", perturb=0, show="best", fill=False)
        concrete = made.concrete("list")
        assert (concrete.perturb, concrete.show, concrete.fill) == (0, "best", False)
        assert concrete.duplicates == "refuse"

    def test_the_papers_set_adds_nothing_to_the_papers_loop(self):
        made, llm = opro(lambda request, i: f"[{i}, 1]", strategy="paper")
        first = asked(made)
        assert [p.point for p in first.proposals] == [(0, 1), (1, 1), (2, 1), (3, 1)]
        assert {p.source for p in first.proposals} == {"model"}
        text = llm.requests[0].prompt
        assert text == FORMS["instruct"].write(PROBLEM, PAIRS).text
        assert "about" not in text
        made, llm = opro(lambda request, i: "[14, 14]", strategy="paper")
        assert [p.point for p in asked(made).proposals] == [(14, 14)]
        assert len(llm.requests) == 1

    def test_a_log_from_before_there_were_strategies_is_the_papers(self):
        old = {"model": "m", "metaprompt": "instruct", "show": "best", "aim": 0.3}
        loaded = OproSettings.load(old)
        assert (loaded.strategy, loaded.aim) == ("paper", 1.0)
        assert OproSettings.load({**old, "metaprompt": "list"}).aim == 0.3
        spec = RunSpec.load(
            {
                **RunSpec("t", LINEAR, 0, settings_of("opro")(), 0, limits()).dump(),
                "settings": old,
            }
        )
        assert spec.optimizer.strategy == "paper"


def limits():
    from opro_cli.optimizers import Limits

    return Limits(5)


class TestDuplicates:
    def test_known_points_are_refused_and_asked_for_once_more(self):
        texts = ["[14, 14]", "[1, 1]", "[1, 1]", "?", "[2, 2]", "[3, 3]", "[4, 4]"]
        made, llm = opro(lambda request, i: texts[i], strategy="adaptive")
        step = asked(made)
        assert [p.point for p in step.proposals] == [(1, 1), (2, 2), (3, 3), (4, 4)]
        fates = [reading.fate for reading in step.readings]
        assert fates == ["known", "used", "duplicate", "unparsable", "used", "used", "used"]
        assert [(r.first, r.samples) for r in llm.requests] == [(0, 4), (4, 3)]
        assert "w=14, b=14" not in llm.requests[0].prompt.partition("Propose")[2]
        assert "so propose none of them: w=14, b=14; w=1, b=1." in llm.requests[1].prompt

    def test_what_the_model_does_not_bring_is_drawn_in_code_and_marked(self):
        made, _ = opro(lambda request, i: "[14, 14]" if i else "[1, 1]", strategy="adaptive")
        step = asked(made)
        assert [p.source for p in step.proposals] == ["model", *["perturbed"] * 3]
        points = {p.point for p in step.proposals}
        assert len(points) == 4
        assert not points & {point for point, _ in PAIRS}

    def test_without_fill_nothing_is_drawn(self):
        made, _ = opro(lambda request, i: "[14, 14]", strategy="adaptive", fill=False)
        assert asked(made).proposals == ()

    def test_a_share_of_a_step_is_never_asked_for(self):
        made, llm = opro(lambda request, i: f"[{i}, 1]", strategy="adaptive", perturb=0.5)
        step = asked(made)
        assert [p.source for p in step.proposals] == ["model"] * 2 + ["perturbed"] * 2
        assert llm.requests[0].samples == 2

    def test_on_a_plateau_the_share_is_another(self):
        made, _ = opro(
            lambda request, i: f"[{i}, 1]",
            strategy="adaptive",
            perturb=0.25,
            plateau=2,
            perturb_on_plateau=0.75,
        )
        drawn = []
        for step in range(1, 6):
            if step == 5:
                made.tell([Scored((77, 77), 1.0)])  # a better one: the plateau is over
            drawn.append(sum(p.source == "perturbed" for p in asked(made, step).proposals))
            made.tell([Scored((50 + step, 50), 1e7)])
        assert drawn == [1, 1, 3, 3, 1]

    def test_with_a_share_of_one_no_model_is_asked(self):
        made, llm = opro(
            lambda request, i: "", strategy="adaptive", perturb=1, perturb_on_plateau=1
        )
        assert len(asked(made).proposals) == 4
        assert llm.requests == []

    def test_more_replies_than_are_needed_are_spare(self):
        made, llm = opro(lambda request, i: f"[{i}, 1]", strategy="adaptive", oversample=2)
        step = asked(made)
        assert llm.requests[0].samples == 8
        assert [r.fate for r in step.readings] == ["used"] * 4 + ["spare"] * 4
        assert len(step.proposals) == 4

    def test_kept_duplicates_are_proposed_as_they_come(self):
        replies = [Reply(text, "stop", "m") for text in ("[14, 14]", "[14, 14]", "[1, 1]")]
        sieve = sifted(replies, "instruct", SPACE)
        assert [p.point for p in sieve.proposals] == [(14, 14), (1, 1)]
        assert sieve.missing == 0

    def test_a_point_whose_value_was_no_number_is_known_too(self):
        made, _ = opro(lambda request, i: "[7, 7]" if i == 0 else "[8, 8]", strategy="adaptive")
        made.tell([Scored((7, 7), float("nan"))])
        assert (7, 7) not in [p.point for p in asked(made, 2).proposals]


class TestWhatIsAskedFor:
    def aim(self, **settings):
        made, llm = opro(lambda request, i: "15 1", "list", **{"strategy": "adaptive", **settings})
        asked(made)
        return llm.requests[0].prompt.rpartition("\n")[2].rstrip(":")

    def test_the_aim_is_a_part_of_the_best_or_of_what_the_better_half_spans(self):
        assert self.aim(aim_by="best", aim=0.5) == "4500"
        assert self.aim(aim_by="spread", aim=0.5) == "4500"
        near = [((20, 14), 9e5), ((1, 1), 9100.0), ((2, 2), 9000.0)]
        made, llm = opro(lambda request, i: "15 1", "list", strategy="adaptive", aim=0.5)
        made.tell([Scored(point, value) for point, value in near])
        made.tell([Scored((3, 3), 8990.0)])
        asked(made)
        shown = [float(line.partition(":")[0]) for line in llm.requests[0].prompt.split("\n")[:-1]]
        middle = shown[len(shown) // 2]
        aimed = float(llm.requests[0].prompt.rpartition("\n")[2].rstrip(":"))
        assert aimed == pytest.approx(8990 - 0.5 * (middle - 8990), abs=1)

    def test_an_instruction_names_the_value_and_says_what_was_tried(self):
        made, llm = opro(lambda request, i: f"[{i}, 1]", strategy="adaptive", plateau=2)
        asked(made)
        text = llm.requests[0].prompt
        assert "a value of about 2700." in text
        assert "So far 4 were tried, with w from 14 to 20 and b from 10 to 15." in text
        assert "brought no better" not in text
        assert "Some of them" not in text  # all are listed
        for i in range(2):
            made.tell([Scored((50 + i, 50), 1e7)])
        asked(made, 3)
        text = llm.requests[-1].prompt
        assert "The last 2 steps brought no better value" in text
        assert "change several values at once" in text

    def test_a_selection_is_called_one(self):
        made, llm = opro(lambda request, i: f"[{i}, 1]", strategy="adaptive", max_num_pairs=3)
        asked(made)
        assert "Some of them, good and bad, are listed" in llm.requests[0].prompt

    def test_the_sentences_of_an_instruction(self):
        progress = Progress(9, (("w", "1", "5"),))
        asking = Asking(progress=progress, stuck=1, proposed=((1, 2), (3, 4)))
        text = FORMS["instruct"].write(PROBLEM, PAIRS, 10.0, asking).text
        assert "So far 9 were tried, with w from 1 to 5. The last step brought no better" in text
        assert "propose none of them: w=1, b=2; w=3, b=4. Answer in JSON" in text
        plain = FORMS["instruct"].write(PROBLEM, PAIRS, None).text
        assert not set(text.split(". ")) >= set(plain.split(". ")) or plain != text

    def test_rows_turn_from_step_to_step_and_are_read_as_they_were_asked(self):
        made, llm = opro(lambda request, i: f" {i} 9", "list", strategy="adaptive", turn=True)
        one, two = asked(made, 1), asked(made, 2)
        assert "9000: 15 15\n" in llm.requests[0].prompt
        assert "1074396: 14 20" in llm.requests[0].prompt
        assert "1074396: 20 14" in llm.requests[1].prompt
        assert one.proposals[0].point == (9, 0)
        assert two.proposals[0].point == (0, 9)

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ("opro.fill=maybe", "it should be true or false"),
            ("opro.perturb=2", "the default is null"),
            ("opro.strategy=adptive", "'paper' or 'adaptive'"),
        ],
    )
    def test_a_wrong_setting_is_said_in_words(self, opro, wrong, said):
        done = opro("run-opro", "--set", wrong, "--dry-run")
        assert done.exit_code == 2
        assert said in done.stderr

    def test_rows_ask_for_one_proposal_a_reply(self):
        with pytest.raises(UsageError, match="rows form"):
            opro(lambda request, i: "", "list", strategy="adaptive", proposals_per_call=4)


class TestNear:
    SPACES = (
        SPACE,
        Tours(6),
        Mixed(
            {
                "lr": Parameter(low=1e-5, high=1, scale="log"),
                "depth": Parameter(low=1, high=8, type="int"),
                "share": Parameter(low=0, high=1),
                "kernel": Parameter(choices=("rbf", "poly", True)),
            }
        ),
    )

    @pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
    def test_a_near_point_is_a_point_of_the_space_and_mostly_another(self, space):
        rng = np.random.default_rng(0)
        others = 0
        for _ in range(300):
            point = space.nearest(space.sample(rng))
            near = space.near(point, rng)
            assert space.read(space.render(near)) == near
            others += near != point
        assert others > 200

    def test_steps_are_small_and_large_alike(self):
        rng = np.random.default_rng(0)
        steps = [abs(SPACE.near((0, 0), rng)[0]) for _ in range(2000)]
        for low, high in ((1, 2), (3, 9), (10, 50)):
            assert sum(low <= step <= high for step in steps) > 150
        assert max(steps) <= 50

    @pytest.mark.parametrize("turn", [0, 1, 2, 5])
    @pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
    def test_rows_are_read_back(self, space, turn):
        rng, row = np.random.default_rng(1), space.row(turn)
        for _ in range(50):
            point = space.nearest(space.sample(rng))
            text = row.render(point)
            assert text.startswith(row.lead)
            assert len(text) <= row.max_chars
            assert row.read(text) == point

    def test_draws_are_new_and_end_where_the_space_does(self):
        tours = Tours(4)  # of which there are three
        rng = np.random.default_rng(0)
        start = tours.sample(rng)
        found = perturbed([(start, 1.0)], tours, 8, {start}, rng)
        assert len(found) == 2
        assert start not in found
        assert perturbed([], tours, 2, set(), rng)


def test_most_recorded_replies_would_have_been_refused(reference):
    """Of what Gemini 2.0 Flash replied, step by step, little was new: what refusing is for."""
    new = replies = 0
    for found in recordings.find(reference):
        space = found.spec.instance().space
        known = {pair.point for pair in found.starts}
        for step in found.steps:
            made = [reply for (at, _), reply in sorted(found.replies.items()) if at == step]
            sieve = sifted(made, "recorded", space, tried=known)
            new, replies = new + len(sieve.proposals), replies + len(made)
            known |= {proposal.point for proposal in sieve.proposals}
    assert replies == 2036
    assert new == 597

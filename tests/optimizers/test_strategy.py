"""The settings a strategy decides, and what each of them does to a step."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Evaluation, Reply
from opro_cli.core.model import ANY_NUMBER
from opro_cli.core.optimizer import Limits, OptimizerContext
from opro_cli.core.sampler import Sampler
from opro_cli.core.seeds import Randomness
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.optimizers.history import Progress
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.optimizers.opro.metaprompt.base import PromptOptions
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.optimizers.opro.strategies import STRATEGIES
from opro_cli.optimizers.perturbation import perturb_points
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.custom.parameters import Mixed, Parameter
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.problems.spaces.tours import Tours
from opro_cli.runs import recordings
from tests.doubles import EventList, Scripted, collect_replies

LINEAR = LinearSettings(targets=[{"w": 2, "b": 30}])
PROBLEM = LINEAR.build(LINEAR.targets[0], 0)
SPACE = PROBLEM.space
PAIRS = [((20, 14), 1074396.9), ((16, 10), 300000.0), ((14, 14), 42747.8), ((15, 15), 9000.0)]


def opro(answer, ability="instruct", **settings):
    """OPRO that knows the values of ``PAIRS``, and its model."""
    model = Scripted(answer, ability, samples_per_call=ANY_NUMBER)  # one call a request
    models = {"optimizer": Sampler(model, EventList().emit)}
    made = OproSettings(**{"points_per_step": 4, "temperature": None, **settings}).build(
        OptimizerContext(PROBLEM, Randomness(0, "run"), models)
    )
    made.tell([Evaluation(point, value, "start") for point, value in PAIRS])
    return made, model


def asked(made, step=1):
    return asyncio.run(made.ask(step))


class TestSets:
    @pytest.mark.parametrize("strategy", STRATEGIES)
    @pytest.mark.parametrize("ability", ["continue", "instruct"])
    def test_every_set_decides_the_same_settings_and_leaves_nothing_open(self, strategy, ability):
        values = STRATEGIES[strategy][ability]
        assert values.keys() == STRATEGIES["adaptive"]["continue"].keys()
        resolved = OproSettings(strategy=strategy).resolved(ability)
        assert OproSettings.model_validate(resolved.model_dump()) == resolved
        for name, value in values.items():
            assert getattr(resolved, name) == value
            assert value not in (None, "auto")
        assert resolved.resolved(ability) == resolved

    def test_what_is_set_is_not_decided_by_the_strategy(self):
        made = OproSettings(strategy="adaptive", perturb=0, show="best", fill=False)
        resolved = made.resolved("continue")
        assert (resolved.perturb, resolved.show, resolved.fill) == (0, "best", False)
        assert resolved.duplicates == "refuse"

    def test_the_papers_set_adds_nothing_to_the_papers_loop(self):
        made, model = opro(lambda request, i: f"[{i}, 1]", strategy="paper")
        first = asked(made)
        assert [p.point for p in first.proposals] == [(0, 1), (1, 1), (2, 1), (3, 1)]
        assert {p.source for p in first.proposals} == {"model"}
        text = model.requests[0].prompt
        assert text == FORMS["instruct"].write(PROBLEM, PAIRS).text
        assert "about" not in text
        made, model = opro(lambda request, i: "[14, 14]", strategy="paper")
        assert [p.point for p in asked(made).proposals] == [(14, 14)]
        assert len(model.requests) == 1

    def test_a_log_from_before_there_were_strategies_is_the_papers(self):
        old = {"model": "m", "metaprompt": "instruct", "show": "best", "aim": 0.3}
        loaded = OproSettings.load(old)
        assert (loaded.strategy, loaded.aim) == ("paper", 1.0)
        assert OproSettings.load({**old, "metaprompt": "list"}).aim == 0.3
        spec = RunSpec.load(
            {
                **RunSpec("t", LINEAR, 0, OPTIMIZERS["opro"](), 0, Limits(5)).dump(),
                "settings": old,
            }
        )
        assert spec.optimizer.strategy == "paper"


class TestDuplicates:
    def test_known_points_are_refused_and_asked_for_once_more(self):
        texts = ["[14, 14]", "[1, 1]", "[1, 1]", "?", "[2, 2]", "[3, 3]", "[4, 4]"]
        made, model = opro(lambda request, i: texts[i], strategy="adaptive")
        step = asked(made)
        assert [p.point for p in step.proposals] == [(1, 1), (2, 2), (3, 3), (4, 4)]
        statuses = [solution.status for solution in step.solutions]
        assert statuses == ["known", "used", "duplicate", "unparsable", "used", "used", "used"]
        assert [(r.first, r.samples) for r in model.requests] == [(0, 4), (4, 3)]
        assert "w=14, b=14" not in model.requests[0].prompt.partition("Propose")[2]
        assert "so propose none of them: w=14, b=14; w=1, b=1." in model.requests[1].prompt

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
        made, model = opro(lambda request, i: f"[{i}, 1]", strategy="adaptive", perturb=0.5)
        step = asked(made)
        assert [p.source for p in step.proposals] == ["model"] * 2 + ["perturbed"] * 2
        assert model.requests[0].samples == 2

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
                made.tell([Evaluation((77, 77), 1.0)])  # a better one: the plateau is over
            drawn.append(sum(p.source == "perturbed" for p in asked(made, step).proposals))
            made.tell([Evaluation((50 + step, 50), 1e7)])
        assert drawn == [1, 1, 3, 3, 1]

    def test_with_a_share_of_one_no_model_is_asked(self):
        made, model = opro(
            lambda request, i: "", strategy="adaptive", perturb=1, perturb_on_plateau=1
        )
        assert len(asked(made).proposals) == 4
        assert model.requests == []

    def test_more_replies_than_are_needed_are_spare(self):
        made, model = opro(lambda request, i: f"[{i}, 1]", strategy="adaptive", oversample=2)
        step = asked(made)
        assert model.requests[0].samples == 8
        assert [r.status for r in step.solutions] == ["used"] * 4 + ["spare"] * 4
        assert len(step.proposals) == 4

    def test_kept_duplicates_are_proposed_as_they_come(self):
        replies = [Reply(text, "stop", "m") for text in ("[14, 14]", "[14, 14]", "[1, 1]")]
        collected = collect_replies(replies, "instruct", SPACE)
        assert [p.point for p in collected.proposals] == [(14, 14), (1, 1)]
        assert collected.missing == 0

    def test_a_point_whose_value_was_no_number_is_known_too(self):
        made, _ = opro(lambda request, i: "[7, 7]" if i == 0 else "[8, 8]", strategy="adaptive")
        made.tell([Evaluation((7, 7), float("nan"))])
        assert (7, 7) not in [p.point for p in asked(made, 2).proposals]


class TestWhatIsAskedFor:
    def aim(self, **settings):
        made, model = opro(
            lambda request, i: "15 1", "continue", **{"strategy": "adaptive", **settings}
        )
        asked(made)
        return model.requests[0].prompt.rpartition("\n")[2].rstrip(":")

    def test_the_aim_is_a_part_of_the_best_or_of_what_the_better_half_spans(self):
        assert self.aim(aim_by="best", aim=0.5) == "4500"
        assert self.aim(aim_by="spread", aim=0.5) == "4500"
        near = [((20, 14), 9e5), ((1, 1), 9100.0), ((2, 2), 9000.0)]
        made, model = opro(lambda request, i: "15 1", "continue", strategy="adaptive", aim=0.5)
        made.tell([Evaluation(point, value) for point, value in near])
        made.tell([Evaluation((3, 3), 8990.0)])
        asked(made)
        prompt = model.requests[0].prompt
        shown = [float(line.partition(":")[0]) for line in prompt.split("\n")[:-1]]
        middle = shown[len(shown) // 2]
        aimed = float(prompt.rpartition("\n")[2].rstrip(":"))
        assert aimed == pytest.approx(8990 - 0.5 * (middle - 8990), abs=1)

    def test_an_instruction_names_the_value_and_says_what_was_tried(self):
        made, model = opro(lambda request, i: f"[{i}, 1]", strategy="adaptive", plateau=2)
        asked(made)
        text = model.requests[0].prompt
        assert "a value of about 2700." in text
        assert "So far 4 were tried, with w from 14 to 20 and b from 10 to 15." in text
        assert "brought no better" not in text
        assert "Some of them" not in text  # all are listed
        for i in range(2):
            made.tell([Evaluation((50 + i, 50), 1e7)])
        asked(made, 3)
        text = model.requests[-1].prompt
        assert "The last 2 steps brought no better value" in text
        assert "change several values at once" in text

    def test_a_selection_is_called_one(self):
        made, model = opro(lambda request, i: f"[{i}, 1]", strategy="adaptive", max_num_pairs=3)
        asked(made)
        assert "Some of them, good and bad, are listed" in model.requests[0].prompt

    def test_the_sentences_of_an_instruction(self):
        progress = Progress(9, (("w", "1", "5"),))
        options = PromptOptions(progress=progress, steps_without_gain=1, proposed=((1, 2), (3, 4)))
        text = FORMS["instruct"].write(PROBLEM, PAIRS, 10.0, options).text
        assert "So far 9 were tried, with w from 1 to 5. The last step brought no better" in text
        assert "propose none of them: w=1, b=2; w=3, b=4. Answer in JSON" in text
        plain = FORMS["instruct"].write(PROBLEM, PAIRS, None).text
        assert not set(text.split(". ")) >= set(plain.split(". ")) or plain != text

    def test_rows_turn_from_step_to_step_and_are_read_as_they_were_asked(self):
        made, model = opro(lambda request, i: f" {i} 9", "continue", strategy="adaptive", turn=True)
        one, two = asked(made, 1), asked(made, 2)
        assert "9000: 15 15\n" in model.requests[0].prompt
        assert "1074396: 14 20" in model.requests[0].prompt
        assert "1074396: 20 14" in model.requests[1].prompt
        assert one.proposals[0].point == (9, 0)
        assert two.proposals[0].point == (0, 9)

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ("opro.fill=maybe", "it should be true or false"),
            ("opro.perturb=2", "the default is null"),
            ("opro.strategy=adptive", "'paper' or 'adaptive'; "),
        ],
    )
    def test_a_wrong_setting_is_said_in_words(self, opro, wrong, said):
        done = opro("run-opro", "--set", wrong, "--dry-run")
        assert done.exit_code == 2
        assert said in done.stderr

    def test_rows_ask_for_one_proposal_a_reply(self):
        with pytest.raises(UsageError, match="rows form"):
            opro(lambda request, i: "", "continue", strategy="adaptive", proposals_per_call=4)


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
            near = space.neighbor(point, rng)
            assert space.read(space.render(near)) == near
            others += near != point
        assert others > 200

    def test_steps_are_small_and_large_alike(self):
        rng = np.random.default_rng(0)
        steps = [abs(SPACE.neighbor((0, 0), rng)[0]) for _ in range(2000)]
        for low, high in ((1, 2), (3, 9), (10, 50)):
            assert sum(low <= step <= high for step in steps) > 150
        assert max(steps) <= 50

    @pytest.mark.parametrize("first", [0, 1, 2, 5])
    @pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
    def test_rows_are_read_back(self, space, first):
        rng, row = np.random.default_rng(1), space.compact(first)
        for _ in range(50):
            point = space.nearest(space.sample(rng))
            text = row.render(point)
            assert text.startswith(row.prefix)
            assert len(text) <= row.max_chars
            assert row.read(text) == point

    def test_draws_are_new_and_end_where_the_space_does(self):
        tours = Tours(4)  # of which there are three
        rng = np.random.default_rng(0)
        start = tours.sample(rng)
        found = perturb_points([(start, 1.0)], tours, 8, {start}, rng)
        assert len(found) == 2
        assert start not in found
        assert perturb_points([], tours, 2, set(), rng)


def test_most_recorded_replies_would_have_been_refused(reference):
    """Of what Gemini 2.0 Flash replied, step by step, little was new: what refusing is for."""
    new = replies = 0
    places = recordings.places(reference)
    for record in (found for place in places for found in recordings.read_directory(place)):
        space = record.spec.build_problem().space
        known = {pair.point for pair in record.starts}
        for step in record.steps:
            made = [reply for (at, _), reply in sorted(record.replies.items()) if at == step]
            collected = collect_replies(made, "recorded", space, tried=known)
            new, replies = new + len(collected.proposals), replies + len(made)
            known |= {proposal.point for proposal in collected.proposals}
    assert replies == 2036
    assert new == 597

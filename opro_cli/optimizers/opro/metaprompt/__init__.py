"""The forms of meta-prompt: how pairs become a prompt, and a reply becomes points.

``instruct``  for models that follow instructions: the task, the pairs from worst to best, the
              request for a better one, JSON out (our words for OPRO's meta-prompt, section 3.1 and
              appendix C of arXiv 2309.03409).
``list``      for models that only continue text: lines of ``value 12345: w=15, b=14``, the last
              one begun with the value aimed at and left open.
``rows``      the same in half as many tokens: ``12345: 15 14``.
``tags``      for instructions: scored instructions and examples, the new one between tags (our
              words for appendix C of the paper).
``reflect``   one instruction with replies to it; ``rephrase``: one to be said in other words.
``recorded``  the instruction, its replies read as the published experiments did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opro_cli.core.registry import Registry

if TYPE_CHECKING:
    from opro_cli.optimizers.opro.metaprompt.base import MetaPrompt

FORMS: Registry[MetaPrompt] = Registry(
    "meta-prompt form",
    {
        "instruct": "opro_cli.optimizers.opro.metaprompt.instruction:INSTRUCT",
        "list": "opro_cli.optimizers.opro.metaprompt.continuation:LIST",
        "rows": "opro_cli.optimizers.opro.metaprompt.continuation:ROWS",
        "tags": "opro_cli.optimizers.opro.metaprompt.tags:TAGS",
        "reflect": "opro_cli.optimizers.opro.metaprompt.tags:REFLECT",
        "rephrase": "opro_cli.optimizers.opro.metaprompt.tags:REPHRASE",
        "recorded": "opro_cli.optimizers.opro.metaprompt.recorded:RECORDED",
    },
)

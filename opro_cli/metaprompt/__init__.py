"""History → prompt, and reply → proposals. Pure functions, inverse to each other.

``instruct``  for models that follow instructions: what is sought, the pairs from worst to best,
              the request for a better one, JSON out (our wording of OPRO's meta-prompt, section 3.1
              and appendix C of arXiv 2309.03409).
``list``      for models that only continue text: lines of ``value 12345: w=15, b=14``, the last
              one begun with the value aimed at and left open.
``rows``      the same in half as many tokens: ``12345: 15 14``.
``recorded``  the instruction, its replies read as the published experiments did.
"""

from __future__ import annotations

from opro_cli.metaprompt.base import MAX_REPLY, PLAIN, Asking, MetaPrompt, Prompt
from opro_cli.metaprompt.continued import ContinueList, ContinueRows
from opro_cli.metaprompt.instruct import Instruct
from opro_cli.metaprompt.recorded import Recorded

__all__ = ["CONTINUED", "FORMS", "MAX_REPLY", "PLAIN", "Asking", "MetaPrompt", "Prompt"]

FORMS: dict[str, MetaPrompt] = {
    "instruct": Instruct(),
    "list": ContinueList(),
    "rows": ContinueRows(),
    "recorded": Recorded(),
}
CONTINUED = frozenset({"list", "rows"})
"""Forms whose replies are one line, and so one proposal."""

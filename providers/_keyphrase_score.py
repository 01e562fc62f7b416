"""Was that a keyphrase? As `_sphinx_score`, of which it takes the signs, with weights for a few short phrases.

They were chosen on half of what `scripts/eval_stop_word` listens to; its figures are the other half's.
"""

from __future__ import annotations

from collections.abc import Sequence

from providers._sphinx_score import BIAS, WEIGHTS, Segment, features


def believed(path: Sequence[Segment], loop: Sequence[Segment]) -> bool:
    """Was the phrase of ``path`` said, and nothing else? ``loop``: the phones of the same sound."""
    found = features(path, loop)
    return found is not None and BIAS + sum(weight * found[name] for name, weight in WEIGHTS.items()) >= 0

"""Was that a keyphrase? As `_sphinx_score`, of which it takes the signs, with weights for a few short phrases.

They were chosen on half of what `scripts/eval_stop_word` listens to; its figures are the other half's.
"""

from __future__ import annotations

from collections.abc import Sequence

from providers._sphinx_score import Segment, features

# From scripts/eval_stop_word --fit.
BIAS = -10.507
"""Of the log odds that the phrase was said. The threshold, in it, is 0; a greater bias believes more."""
WEIGHTS = {
    "score": -0.74885,
    "worst score": -0.014129,
    "fit": 1.4773,
    "worst fit": 0.0099081,
    "second worst fit": -0.30137,
    "worst run": -0.11047,
    "bad run": 0.63745,
    "worst silence": 0.0097214,
    "silences": 0.0073862,
    "voice outside": 0.033927,
    "phones found": 9.6791,
    "phones shared": -7.0059,
    "log phones": 7.6123,
    "words": -0.57699,
    "frames": -0.086038,
    "slowest": 0.076897,
    "fastest": 0.21938,
    "pace": -0.043091,
    "one or two words": 0,
    "language": -0.52456,
}


def believed(path: Sequence[Segment], loop: Sequence[Segment]) -> bool:
    """Was the phrase of ``path`` said, and nothing else? ``loop``: the phones of the same sound."""
    found = features(path, loop)
    return found is not None and BIAS + sum(weight * found[name] for name, weight in WEIGHTS.items()) >= 0

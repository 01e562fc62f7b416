"""Was that a keyphrase? As `_sphinx_score`, of which it takes the signs, with weights for a few short phrases.

They were chosen on half of what `scripts/eval_stop_word` listens to; its figures are the other half's.
"""

from __future__ import annotations

from collections.abc import Sequence

from providers._sphinx_score import Segment, features

# From scripts/eval_stop_word --fit.
BIAS = -11.6688
"""Of the log odds that the phrase was said. The threshold, in it, is 0; a greater bias believes more."""
WEIGHTS = {
    "score": -0.81547,
    "worst score": 0.64233,
    "fit": 1.756,
    "worst fit": -0.31544,
    "second worst fit": -0.58356,
    "worst run": 0.96032,
    "bad run": -0.43818,
    "worst silence": 0.0017819,
    "silences": 0.008399,
    "voice outside": 0.010298,
    "phones found": 12.333,
    "phones shared": -7.5397,
    "log phones": 9.1772,
    "words": -0.049202,
    "frames": -0.078077,
    "slowest": -0.064792,
    "fastest": 0.17351,
    "pace": 0.21089,
    "one or two words": 0,
    "language": -0.044731,
}


def believed(path: Sequence[Segment], loop: Sequence[Segment]) -> bool:
    """Was the phrase of ``path`` said, and nothing else? ``loop``: the phones of the same sound."""
    found = features(path, loop)
    return found is not None and BIAS + sum(weight * found[name] for name, weight in WEIGHTS.items()) >= 0

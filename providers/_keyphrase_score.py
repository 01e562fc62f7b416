"""Was that a keyphrase? As `_sphinx_score`, of which it takes the signs, with weights for a few short phrases.

They were chosen on half of what `scripts/eval_stop_word` listens to; its figures are the other half's.
"""

from __future__ import annotations

from collections.abc import Sequence

from providers._sphinx_score import Segment, features

# From scripts/eval_stop_word --fit.
BIAS = -17.8674
"""Of the log odds that the phrase was said. The threshold, in it, is 0; a greater bias believes more."""
WEIGHTS = {
    "score": -1.0843,
    "worst score": 0.21788,
    "fit": 2.2795,
    "worst fit": -0.42586,
    "second worst fit": -0.56077,
    "worst run": 1.1093,
    "bad run": -0.3985,
    "worst silence": 0.0070471,
    "silences": 0.0088173,
    "voice outside": 0.022269,
    "phones found": 15.614,
    "phones shared": -10.26,
    "log phones": 10.843,
    "words": -0.3683,
    "frames": -0.10154,
    "slowest": 0.029952,
    "fastest": 0.35766,
    "pace": 0.058819,
    "one or two words": 0,
    "language": -0.33483,
}


def believed(path: Sequence[Segment], loop: Sequence[Segment]) -> bool:
    """Was the phrase of ``path`` said, and nothing else? ``loop``: the phones of the same sound."""
    found = features(path, loop)
    return found is not None and BIAS + sum(weight * found[name] for name, weight in WEIGHTS.items()) >= 0

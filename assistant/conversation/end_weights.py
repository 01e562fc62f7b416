"""Written by scripts/train_endpointing: what `assistant.conversation.adaptive` weighs a silence with."""

UNSCORED = {
    "bias": 0.902,
    "pauses": 1.552,
    "voice": 0.801,
    "score": 0.0,
    "change": 0.0,
    "spread": 0.499,
    "belief": 3.0,
}
SCORED = {
    "bias": -0.14,
    "pauses": 1.258,
    "voice": 0.602,
    "score": 0.408,
    "change": 0.591,
    "spread": 0.499,
    "belief": 3.0,
}

"""Written by scripts/train_sounding.py: what `assistant.conversation.sounding` weighs a sound with."""

WEIGHTS: dict[str, dict[str, float]] = {
    "voice": {
        "bias": -4.304,
        "probable": 8.41,
        "likeliest": -1.249,
        "voicing": 6.758,
        "voiced": -1.038,
        "flat": 3.615,
        "low": 0.921,
        "high": 5.427,
        "attack": -1.085,
        "steady": 0.644,
        "longer": 1.581,
    },
    "hum": {
        "bias": -14.556,
        "probable": -2.687,
        "likeliest": -0.521,
        "voicing": 2.662,
        "voiced": -1.9,
        "flat": -5.452,
        "low": 9.667,
        "high": 2.584,
        "attack": 1.804,
        "steady": -0.095,
        "longer": 1.25,
    },
}

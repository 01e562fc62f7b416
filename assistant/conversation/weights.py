"""Written by scripts/train_sounding.py: what `assistant.conversation.sounding` weighs a sound with."""

WEIGHTS: dict[str, dict[str, float]] = {
    "voice": {
        "bias": -5,
        "probable": 5.0,
        "likeliest": 0.0,
        "voicing": 5.0,
        "voiced": 2.0,
        "flat": -1.0,
        "low": 0.0,
        "high": 0.0,
        "attack": 0.0,
        "steady": 0.0,
        "longer": 0.0,
    },
    "hum": {
        "bias": -14,
        "probable": 0.0,
        "likeliest": 0.0,
        "voicing": 2.0,
        "voiced": 0.0,
        "flat": 0.0,
        "low": 16.0,
        "high": 0.0,
        "attack": 0.0,
        "steady": 0.0,
        "longer": 0.0,
    },
}

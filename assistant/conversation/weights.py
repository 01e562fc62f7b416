"""Written by scripts/train_sounding.py: what `assistant.conversation.sounding` weighs a sound with."""

WEIGHTS: dict[str, dict[str, float]] = {
    "voice": {
        "bias": -4.019,
        "probable": 8.471,
        "likeliest": -0.955,
        "voicing": 6.789,
        "voiced": -0.903,
        "flat": 4.22,
        "low": 0.906,
        "high": 5.04,
        "attack": -1.025,
        "steady": 0.544,
        "longer": 1.373,
    },
    "hum": {
        "bias": -14.876,
        "probable": -2.459,
        "likeliest": 0.284,
        "voicing": 2.966,
        "voiced": -2.375,
        "flat": -5.254,
        "low": 9.935,
        "high": 2.591,
        "attack": 1.539,
        "steady": -0.161,
        "longer": 1.04,
    },
}

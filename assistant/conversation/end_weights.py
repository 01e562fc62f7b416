"""Written by scripts/train_endpointing: what `assistant.conversation.adaptive` weighs a silence with."""

UNSCORED = {"bias": 0.902, "pauses": 1.552, "voice": 0.802, "score": 0.0, "spread": 0.5, "belief": 3.0}
SCORED = {"bias": 0.465, "pauses": 1.317, "voice": 0.631, "score": 0.317, "spread": 0.5, "belief": 3.0}

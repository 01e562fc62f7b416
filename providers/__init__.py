import os

# onnxruntime's wheels report to their maker from the moment of their import, and leave an identifier of the machine in
# its user's cache (seen with 1.31 on Linux). Nothing that Parley does is anybody else's business; whoever wants it may
# set the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

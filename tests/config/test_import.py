from __future__ import annotations

import subprocess
import sys


def test_the_config_is_imported_without_what_it_seldom_needs() -> None:
    """numpy alone costs more than reading a config."""
    code = "import assistant.config, sys; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "platformdirs", "importlib.metadata", "argparse"} & set(modules)

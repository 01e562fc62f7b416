"""One file a command: ``register(subparsers)`` describes it to argparse, ``run(args)`` does it and returns the exit
code.

Nothing heavy is imported at module level: `parley --help` reads every one of these files.
"""

"""Hypothesis and trio must meet before a provider is opened: opening one freezes the garbage collector's heap, in which
Hypothesis looks for trio's random generator when it is first imported, which may be as late as for pytest's summary."""

import hypothesis  # noqa: F401

"""One module a vendor, each with its ``SUBJECTS``."""

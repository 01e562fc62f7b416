"""What `scripts/soak` runs."""

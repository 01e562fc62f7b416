"""What can be known of providers and voices without a conversation: `parley providers` and `parley voices`."""

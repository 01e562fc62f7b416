"""``parley bench endpointing``: how often each policy cuts a speaker off, and how long it keeps them waiting."""

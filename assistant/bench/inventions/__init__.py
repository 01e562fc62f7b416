"""How often a recogniser writes words that nobody said, and how often the guard takes out words that somebody did."""

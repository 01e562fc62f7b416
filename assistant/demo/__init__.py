"""The recorded user of ``parley demo``: what is said and when (`script`), and the sound of it (`build`)."""

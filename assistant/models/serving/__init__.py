"""Models at work: a warm process of the engine for each that is asked, started when it is needed and ended when nobody asks."""

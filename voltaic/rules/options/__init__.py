"""Rules: the options of an engine, beside those that keep it from starting."""

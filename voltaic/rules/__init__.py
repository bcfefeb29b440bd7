"""Rules: one question asked of a serving spec each."""

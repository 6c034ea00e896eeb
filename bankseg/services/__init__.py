"""Use cases: one file per verb the bank would say."""

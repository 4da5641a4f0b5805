"""Use cases: one verb each; they check, change and record, and never commit."""

"""Training the archive's small model from scratch; see `../train.py`. Needs torch; nothing here is used in a run."""

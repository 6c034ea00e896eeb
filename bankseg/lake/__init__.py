"""The lake: facts and history as Delta tables, read through one engine seam."""

"""Runs and imports."""

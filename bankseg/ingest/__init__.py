"""Intake: mapping file, readers, contract checks, quarantine and report."""

"""Segments: value tiers, risk bands, the rule compiler and the scheme that gives each client one segment and its reason."""

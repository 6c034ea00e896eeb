"""Views over the whole scope."""

"""Features: groups of SQL over point-in-time views, and the catalogue that describes them."""

"""Marketing's desk."""

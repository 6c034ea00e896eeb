"""The models desk."""

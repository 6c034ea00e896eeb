"""The relationship manager's desk."""

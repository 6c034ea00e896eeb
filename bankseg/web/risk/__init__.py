"""The risk team's desk."""

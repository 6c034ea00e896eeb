"""Celery's side of the house: what would vanish if Celery were replaced by cron."""

"""Reads of jobs for the runs pages."""

from sqlmodel import Session, col, select

from bankseg.storage.job import Job


def jobs_of_run(session: Session, run_id: int) -> list[Job]:
    """The jobs of one run in the order they were made."""
    return list(session.exec(select(Job).where(Job.run_id == run_id).order_by(col(Job.id))))


def jobs_without_run(session: Session, limit: int = 20) -> list[Job]:
    """The most recent jobs that belong to no run, newest first."""
    return list(session.exec(select(Job).where(col(Job.run_id).is_(None)).order_by(col(Job.id).desc()).limit(limit)))

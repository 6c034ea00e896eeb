"""The states of a job and a run, and the stages a run goes through."""

from enum import StrEnum


class JobState(StrEnum):
    """State machine of a job: waiting -> queued -> running -> done | failed -> quarantined."""

    WAITING = "waiting"  # its stage is not reached yet
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # refused for a reason that trying again cannot mend
    QUARANTINED = "quarantined"  # attempts used up; a person must look


class RunState(StrEnum):
    """State of a run: running until published, failed or quarantined."""

    RUNNING = "running"
    PUBLISHED = "published"
    FAILED = "failed"
    QUARANTINED = "quarantined"


class Stage(StrEnum):
    """Stages of a run, in order; a stage starts when every job of the one before is done. Tuning, studies, imports and erasures are asked for by themselves, beside them."""

    SNAPSHOT = "snapshot"
    TRAIN = "train"
    SCORE = "score"
    SEGMENT = "segment"
    PUBLISH = "publish"
    TUNE = "tune"
    STUDY = "study"
    IMPORT = "import"
    ERASE = "erase"


STAGES: tuple[Stage, ...] = tuple(stage for stage in Stage if stage not in {Stage.TUNE, Stage.STUDY, Stage.IMPORT, Stage.ERASE})
FINAL_JOB_STATES = frozenset({JobState.DONE, JobState.FAILED, JobState.QUARANTINED})
MAX_ATTEMPTS = 3  # crash budget: an attempt is counted before the work starts

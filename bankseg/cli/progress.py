"""Progress bars: one per stage of a run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bankseg.services.follow import StageProgress


@contextmanager
def bars(*, quiet: bool = False) -> Iterator[Progress]:
    """A progress display on stderr; nothing when quiet."""
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=False) as progress:
        yield progress


def stage_bars(progress: Progress) -> Callable[[list[StageProgress]], None]:
    """A function that shows a run's stages on a display."""
    tasks: dict[str, TaskID] = {}

    def show(stages: list[StageProgress]) -> None:
        for stage in stages:
            if stage.stage not in tasks:
                if not stage.share:
                    continue
                tasks[stage.stage] = progress.add_task(stage.stage, total=1.0, note="")
            is_over = stage.done == stage.jobs
            note = f"{stage.jobs} jobs" if is_over else f"{stage.done}/{stage.jobs} jobs  {stage.message}"
            progress.update(tasks[stage.stage], completed=1.0 if is_over else stage.share, note=note)
            if is_over:
                progress.stop_task(tasks[stage.stage])

    return show


def counted_bar(progress: Progress) -> Callable[[str, int, int], None]:
    """A function (stage, done, total) that shows counted work on a display."""
    tasks: dict[str, TaskID] = {}

    def show(stage: str, done: int, total: int) -> None:
        name, _, note = stage.partition(":")
        if name not in tasks:
            tasks[name] = progress.add_task(name, total=max(total, 1), note="")
        progress.update(tasks[name], completed=done, total=max(total, 1), note=note.strip())
        if done >= total:
            progress.stop_task(tasks[name])

    return show

"""The jobs of coordinator.yml, read: which sweep, when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from inspector_coord.errors import ConfigError
from inspector_coord.schedule import limits
from inspector_coord.schedule.model import JobSettings
from inspector_coord.schedule.plan import Job
from inspector_coord.schedule.times import Every, Times, cron_of, seconds_of

__all__ = ["jobs_of"]


def jobs_of(jobs: Mapping[str, JobSettings], here: Callable[[], tzinfo], near: float, where: str) -> list[Job]:
    """What is to be done when.

    Args:
        jobs: by name.
        here: gives the machine's own time zone.
        near: the present, in Unix time.
        where: the file's name, for messages.

    Raises ConfigError that names the job.
    """
    made = []
    for name, settings in jobs.items():
        try:
            made.append(_job(name, settings, here, near))
        except ConfigError as problem:
            raise ConfigError(f"{where}: schedule.{name}: {problem}") from problem
    return made


def _job(name: str, settings: JobSettings, here: Callable[[], tzinfo], near: float) -> Job:
    times = _times(settings, here, near)
    jitter_s = seconds_of(settings.jitter)
    most_s = min(limits.jitter_s_max, (times.next(near) - times.last(near)) / 2)
    if jitter_s > most_s:
        raise ConfigError(f"jitter {settings.jitter} is too long: at most {most_s:.0f}s, half of the time between two")
    said = f"cron {settings.cron}" if settings.cron else f"every {settings.every}"
    return Job(name=name, said=said, times=times, jitter_s=jitter_s, words=_words(settings))


def _times(settings: JobSettings, here: Callable[[], tzinfo], near: float) -> Times:
    if bool(settings.cron) == bool(settings.every):
        raise ConfigError("give either `cron: 30 3 * * *` or `every: 15m`")
    if settings.cron:
        return cron_of(settings.cron, _zone(settings.timezone) if settings.timezone else here(), near)
    if settings.timezone:
        raise ConfigError("`timezone` goes with `cron`: `every` counts from no hour of the day")
    period_s = seconds_of(settings.every)
    if not limits.every_s_min <= period_s <= limits.every_s_max:
        raise ConfigError(f"every {settings.every} is not in {limits.every_s_min:g}s … {limits.every_s_max / 86400:g}d")
    return Every(period_s)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise ConfigError(f"timezone {name!r} is not known: such as Europe/Berlin, or UTC") from problem


def _words(settings: JobSettings) -> tuple[str, ...]:
    """The command line of its sweep; targets come last, behind a `--`, so that none is read as an option."""
    words: list[str] = []
    for option, values in (("--exclude", settings.exclude), ("--item", settings.items)):
        words += [f"{option}={value}" for value in values]
    if settings.timeout_s is not None:
        words.append(f"--timeout={settings.timeout_s:g}")
    if not settings.escalate:
        words.append("--no-escalate")
    targets: Sequence[str] = settings.targets
    return (*words, "--", *targets)

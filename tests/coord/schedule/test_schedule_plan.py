"""The schedule's core: which slot is used when; nothing twice, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_coord.errors import ConfigError
from inspector_coord.schedule import limits
from inspector_coord.schedule.model import JobSettings
from inspector_coord.schedule.plan import Job, Past, Plan, Ran, Swept
from inspector_coord.schedule.reading import jobs_of
from inspector_coord.schedule.times import Every, cron_of, jitter_of, seconds_of
from inspector_coord.schedule.words import ran_line, table

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


def utc(text: str) -> float:
    """A time of UTC as Unix time."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def plan_of(*, every_s: float = 300.0, jitter_s: float = 0.0, past: Past | None = None) -> Plan:
    """One job, `often`."""
    job = Job(name="often", said="every 5m", times=Every(every_s), jitter_s=jitter_s)
    return Plan([job], {} if past is None else {"often": past})


def test_cron_is_read_in_its_time_zone() -> None:
    cron = cron_of("30 3 * * *", BERLIN, NOON)
    assert cron.next(NOON) == utc("2026-11-23T02:30")
    assert cron.last(NOON) == utc("2026-11-22T02:30")
    assert cron.last(utc("2026-11-22T02:30")) == utc("2026-11-22T02:30")
    assert cron.next(utc("2026-11-22T02:30")) == utc("2026-11-23T02:30")


def test_a_night_without_its_hour_still_has_its_sweep_and_one_with_two_has_one() -> None:
    """2027-03-28 has no 02:30 in Berlin, 2026-10-25 has it twice."""
    cron = cron_of("30 2 * * *", BERLIN, NOON)
    spring = [cron.next(utc("2027-03-27T12:00"))]
    spring.append(cron.next(spring[0]))
    assert spring == [utc("2027-03-28T01:00"), utc("2027-03-29T00:30")]
    autumn = cron.next(utc("2026-10-24T12:00"))
    assert cron.next(autumn) - autumn > 24 * 3600


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (JobSettings(), "either `cron"),
        (JobSettings(cron="* * * * *", every="5m"), "either `cron"),
        (JobSettings(cron="61 * * * *"), "Bad minute"),
        (JobSettings(cron="0 0 30 2 *"), "Bad day-of-month"),
        (JobSettings(cron="* * * *"), "has not five fields"),
        (JobSettings(cron="* * * * * *"), "has not five fields"),
        (JobSettings(cron="0 3 * * *", timezone="Mars/Base"), "such as Europe/Berlin"),
        (JobSettings(every="5"), "write 90s, 5m"),
        (JobSettings(every="5s"), "is not in 10s"),
        (JobSettings(every="5m", jitter="3m"), "at most 150s"),
        (JobSettings(every="5m", timezone="UTC"), "goes with `cron`"),
    ],
)
def test_a_wrong_job_is_named_with_what_to_write(settings: JobSettings, said: str) -> None:
    with pytest.raises(ConfigError, match=r"coordinator\.yml: schedule\.nightly: ") as caught:
        jobs_of({"nightly": settings}, lambda: UTC, NOON, "coordinator.yml")
    assert said in str(caught.value)


def test_what_a_job_sweeps_is_no_option() -> None:
    """A target that looks like an option stays a target."""
    settings = JobSettings(every="1h", targets=("--output=x",), items=("sysctl:*",), exclude=("n9",), escalate=False)
    job = jobs_of({"a": settings}, lambda: UTC, NOON, "f")[0]
    assert job.words == ("--exclude=n9", "--item=sysctl:*", "--no-escalate", "--", "--output=x")


def test_a_new_job_waits_for_its_next_slot_unless_this_one_is_fresh() -> None:
    plan = plan_of()
    assert plan.due(NOON + limits.fresh_s + 1) is None
    assert plan.wake_at(NOON + limits.fresh_s + 1) == NOON + 300
    assert (due := plan.due(NOON + 1)) is not None
    assert due.slot == NOON


def test_late_slots_are_made_up_for_once() -> None:
    plan = plan_of(past=Past(slot=NOON, began=NOON))
    late = NOON + 10 * 300 + 7
    due = plan.due(late)
    assert due is not None
    assert plan.begin(due, late).missed == 9
    assert plan.due(late) is None
    assert plan.due(late + 300) is not None


def test_a_killed_sweep_is_not_begun_again_before_its_next_slot() -> None:
    plan = plan_of(past=Past(slot=NOON, began=NOON))
    assert plan.due(NOON + 299) is None
    assert plan.due(NOON + 300) is not None


def test_a_clock_set_back_stops_nothing_for_longer_than_a_slot() -> None:
    plan = plan_of(past=Past(slot=NOON + 86_400, began=NOON + 86_400))
    assert plan.due(NOON + 310) is None
    assert plan.mend(NOON + 310) == ["often"]
    assert plan.mend(NOON + 310) == []
    due = plan.due(NOON + 310)
    assert due is not None
    assert due.slot == NOON + 300
    plan.begin(due, NOON + 310)
    assert plan.due(NOON + 599) is None


def test_a_clock_that_steps_back_over_a_slot_uses_it_once() -> None:
    plan = plan_of(past=Past(slot=NOON, began=NOON))
    assert plan.mend(NOON - 1) == []
    assert plan.due(NOON) is None
    assert plan.wake_at(NOON - 1) == NOON + 300


def test_of_two_that_are_due_the_one_that_waited_longest_comes_first() -> None:
    jobs = [Job(name=name, said="", times=Every(period)) for name, period in (("a", 600.0), ("b", 900.0))]
    plan = Plan(jobs, {name: Past(slot=NOON - 3600) for name in "ab"})
    now = NOON + 1000
    order = []
    while (due := plan.due(now)) is not None:
        order.append((due.job.name, due.slot - NOON))
        plan.begin(due, now)
    assert order == [("a", 600), ("b", 900)]


@given(st.floats(0, 4e9), st.floats(0, 3600))
def test_jitter_is_the_same_for_a_slot_and_within_its_bound(slot: float, most_s: float) -> None:
    first = jitter_of("nightly", "c1", slot, most_s)
    assert 0 <= first <= most_s
    assert first == jitter_of("nightly", "c1", slot, most_s)


def test_two_coordinators_are_apart() -> None:
    assert len({jitter_of("nightly", f"c{number}", NOON, 60) for number in range(50)}) == 50


@given(
    st.lists(st.floats(-400, 900), min_size=1, max_size=60),
    st.sampled_from([10.0, 60.0, 300.0]),
    st.floats(0, 1),
    st.booleans(),
)
def test_no_slot_is_ever_used_twice(steps: list[float], every_s: float, jitter: float, restarts: bool) -> None:
    """Whatever the clock does between two looks, and however often the program starts anew."""
    plan, now, used = plan_of(every_s=every_s, jitter_s=jitter * every_s / 2), NOON, [0.0]
    for step in steps:
        now += step
        if restarts:
            plan = Plan(plan.jobs.values(), dict(plan.past))
        before = plan.past["often"].slot
        if plan.mend(now):
            assert before - now > every_s  # set back further than to the slot before
            used = [0.0]
        if (due := plan.due(now)) is not None:
            assert used[-1] < due.slot <= due.at <= now
            used.append(due.slot)
            plan.begin(due, now)
        assert plan.due(now) is None
        assert now < plan.wake_at(now) <= now + 3 * every_s


def test_lengths_of_time() -> None:
    assert [seconds_of(text) for text in ("90s", "5m", "6 h", "1d")] == [90, 300, 21_600, 86_400]


def test_a_sweep_is_one_line_and_jobs_are_a_table() -> None:
    ledger = {"targets": 10_000, "pass": 9_980, "fail": 20, "down": 0}
    swept = Swept(exit_code=1, ledger=ledger, seconds=1.94)
    ran = Ran(job="nightly", slot=NOON, began=NOON, ended=NOON + 2, missed=0, swept=swept)
    assert ran_line(ran, lambda _: "03:30:07") == (
        "03:30:07 nightly: 10,000 targets: 9,980 pass, 20 fail in 1.9 s (exit 1)"
    )
    unheard = Ran(job="a", slot=NOON, began=NOON, ended=NOON, missed=2, swept=Swept(exit_code=4, said="no entry"))
    assert ran_line(unheard, lambda _: "03:30:07") == "03:30:07 a: no report: no entry (exit 4; 2 earlier missed)"
    plan = plan_of(past=Past(slot=NOON, began=NOON, ended=NOON + 2, exit_code=3))
    row = table(plan, NOON + 1, lambda unix: f"{unix - NOON:g}")[1]
    assert row == "often  every 5m  300   0, exit 3: some were not covered"

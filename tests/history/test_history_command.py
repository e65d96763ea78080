"""`inspector history`: what it tells, prunes, exports and takes, and what it says where it cannot."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa
import yaml

from inspector_coord.__main__ import main
from inspector_coord.errors import HistoryError
from inspector_coord.history.prune import prune
from inspector_coord.history.store import History
from inspector_coord.history.tables import findings, happenings, metadata, nodes, observations, sweeps, texts
from inspector_coord.history.transfer import export_lines, import_lines
from tests.support.history import BEGAN, MINUTE, booked, intervals, judged, lost, rows, swept, wrong
from tests.support.postgres import Postgres
from tests.support.reports import HOSTILE

SWAP = "sysctl:vm.swappiness"


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`inspector history …` with the history of the test."""
    config = tmp_path / "coordinator.yml"
    document = {"rings": {"main": {"entries": ["127.0.0.1:7373"]}}, "config_center": "http://127.0.0.1:1"}
    config.write_text(yaml.safe_dump({**document, "cache": "cache", "history": history.where}))

    def inspector(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["inspector", "--config", str(config), "history", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        told = capsys.readouterr()
        return Done(left.value.code if isinstance(left.value.code, int) else 0, told.out, told.err)

    return inspector


def some(history: History) -> None:
    """A deviation that changed and was put right, one that stands, and a node that went down."""
    booked(history, swept([judged("n1", wrong(SWAP)), judged("n2"), judged("n3")]))
    booked(history, swept([judged("n1", wrong(SWAP, "70")), judged("n2", wrong("b:z")), judged("n3")], minute=5))
    booked(history, swept([judged("n1"), judged("n2", wrong("b:z")), lost("n3", "down")], minute=10))


def test_a_node_an_item_and_a_sweep(history: History, run: Run) -> None:
    """Each by its name, for people and as JSON; `show` may be said."""
    some(history)
    node = json.loads(run("n1", "--json").out)
    assert (node["kind"], node["node"], node["left"]) == ("node", "n1", 0)
    (interval,) = node["intervals"]
    assert [interval[word]["sweep"] for word in ("opened", "confirmed", "closed")] == [1, 2, 3]
    assert [value["observed"] for value in interval["values"]] == ["70"]
    assert json.loads(run("show", "n1", "--json").out) == node
    item = json.loads(run("b:z", "--json").out)
    assert (item["kind"], item["open"], item["intervals"][0]["confirmed"]["sweep"]) == ("item", 1, 3)
    sweep = json.loads(run("3", "--json").out)
    assert (sweep["states"][0]["state"], [one["node"] for one in sweep["closed"]]) == ("down", ["n1"])
    assert json.loads(run(sweep["sweep"]["uid"], "--json").out) == sweep
    assert "not known now: down since 2026-02-02T02:50:00Z" in run("n3").out
    assert "2026-02-02T02:50:00Z passes" in run("n1").out
    assert "1 pass, 1 fail, 1 down" in run("sweeps").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["n11"], "the history knows no node, item or sweep 'n11': did you mean n1?"),
        (["999"], "inspector history sweeps lists what is booked"),
        (["import", "/nowhere"], "/nowhere cannot be read: No such file"),
        (["note", "x", "--at", "yesterday"], "is no time such as 2026-03-01T02:14:07Z"),
        (["note", "x", "--at", "9999-12-31T23:59:59-10:00"], "is no time of our age"),
        (["note", "x", "--kind", "party"], "--kind party: note or operation"),
        (["note", "x", "--node", "n9"], "the history knows no such node: 'n9'"),
        (["note", "x", "--node", "\udcff"], "'·' is not UTF-8"),
        (["note", "\udcff"], "'·' is not UTF-8"),
        (["\udcff"], "'·' is not UTF-8"),
    ],
)
def test_what_cannot_be_done_is_said(history: History, run: Run, arguments: list[str], said: str) -> None:
    """In one line, with 2."""
    some(history)
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_every_command_has_examples(run: Run) -> None:
    """In its help."""
    for arguments in ([], ["show"], ["sweeps"], ["prune"], ["export"], ["import"], ["note"]):
        told = run(*arguments, "--help")
        assert told.code == 0
        assert "Example" in told.out


def test_a_note_stands_beside_the_sweeps(history: History, run: Run) -> None:
    """With who wrote it, at the time it names."""
    some(history)
    assert run("note", "disk replaced", "--node", "n1", "--at", "2026-02-02T02:43:00Z").code == 0
    (told,) = json.loads(run("n1", "--json").out)["happenings"]
    assert (told["at"], told["kind"], told["text"]) == ("2026-02-02T02:43:00Z", "note", "disk replaced")
    assert "@" in told["who"]


def test_a_note_of_a_user_without_a_name(history: History, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container: the number says who."""
    some(history)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)
    assert run("note", "disk replaced", "--node", "n1").code == 0
    (told,) = json.loads(run("n1", "--json").out)["happenings"]
    assert told["who"].startswith("uid 4000000@")


def test_an_export_that_fails_leaves_no_file(
    history: History, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that is half written, at any time, which somebody may take for whole; one that was there stays."""
    some(history)
    output = tmp_path / "history.ndjson"

    def breaks(_: History) -> Iterator[bytes]:
        yield b"{}" * 100_000
        assert not output.exists()
        raise HistoryError("gone")

    with monkeypatch.context() as patch:
        patch.setattr("inspector_coord.history.commands.export_lines", breaks)
        assert run("export", "--output", str(output)).err == "inspector: gone\n"
    assert list(tmp_path.glob("*history.ndjson*")) == []
    assert run("export", "--output", str(output)).code == 0
    whole = output.read_bytes()
    assert "File exists" in run("export", "--output", str(output)).err
    assert output.read_bytes() == whole


def test_an_export_of_nothing_prints_nothing(history: History, run: Run) -> None:
    Path(history.where).unlink()
    done = run("export")
    assert (done.code, done.out) == (2, "")
    assert "nothing is booked yet" in done.err


def test_hostile_names_are_shown_harmless(history: History, run: Run) -> None:
    """No escape reaches the terminal."""
    booked(history, swept([judged("n1", wrong(HOSTILE, HOSTILE), tags={HOSTILE: HOSTILE})]))
    for arguments in (["n1"], ["sweeps"], ["1"]):
        assert not set(run(*arguments).out) & set("\x1b\x07\u202e")


def test_pruning_keeps_what_stands(either: History) -> None:
    """Closed intervals, old sweeps, values and texts go; what is open stays, with the sweep that opened it."""
    booked(either, swept([judged("n1", wrong(SWAP, "old")), judged("n2")]))
    booked(either, swept([judged("n1", wrong(SWAP, "older")), judged("n2", wrong("b:z", "stands"))], minute=5))
    booked(either, swept([judged("n1"), judged("n2", wrong("b:z", "stands"))], minute=10))
    booked(either, swept([judged("n1", wrong("c:c", "late")), judged("n2", wrong("b:z", "stands"))], minute=1000))
    booked(either, swept([judged("n1"), judged("n2", wrong("b:z", "stands"))], minute=1005))
    before = [one for one in intervals(either) if one["item"] != SWAP]
    done = prune(either, BEGAN + 500 * MINUTE)
    assert {table: count for table, count in done["removed"].items() if count} == {
        "findings": 1, "sweeps": 1, "texts": 2, "items": 1,
    }  # fmt: skip
    assert intervals(either) == before
    assert [row["id"] for row in rows(either, sweeps)] == [1, 2, 4, 5]
    assert {row["text"] for row in rows(either, texts)} >= {"stands", "late"}
    assert rows(either, observations) == []
    assert prune(either, BEGAN + 500 * MINUTE)["removed"]["findings"] == 0
    prune(either, BEGAN + 10_000 * MINUTE, compact=True)
    assert intervals(either) == before, "nothing goes that the last whole sweep has ended"
    booked(either, swept([judged("n1"), judged("n2")], minute=1010))
    assert [(one["opened"], one["confirmed"], one["closed"]) for one in intervals(either)] == [(2, 5, 6), (4, 4, 5)]


def test_pruning_gives_room_back_and_looks_through_nothing_twice(postgresql: Postgres) -> None:
    """On PostgreSQL: the tables become smaller, and what is unused is found without a look through all for each row."""
    asked: list[str] = []
    with History(postgresql.create()) as history:
        history.prepare()
        engine = history._engine  # noqa: SLF001 -- what the server is asked
        sa.event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement))
        big = ({"digest": f"{number:016}".encode(), "text": f"{number} {'x' * 500}"} for number in range(2_000))
        with history.writing() as connection:
            connection.execute(texts.insert(), list(big))
        booked(history, swept([judged("n1", wrong(SWAP))]))  # behind them, so that the end of the table is in use
        size = sa.text("SELECT pg_relation_size('history_texts')")
        with history.reading() as connection:
            before = connection.scalar(size)
        assert prune(history, BEGAN, compact=True)["removed"]["texts"] == 2_000
        with history.reading() as connection:
            assert (before > 1_000_000, connection.scalar(size)) == (True, 8192)
            deletes = [one for one in asked if one.startswith("DELETE")]
            plans = [str(connection.exec_driver_sql(f"EXPLAIN {one}").all()) for one in deletes]
        assert len(plans) == 2, "items and texts"
        assert not [plan for plan in plans if "SubPlan" in plan]
        assert all(" history_" in one for one in asked if one.startswith("VACUUM"))


def test_a_node_that_is_gone_for_long_goes(history: History) -> None:
    """With all that is known of it; one that is only down stays."""
    booked(history, swept([judged("n1", wrong(SWAP, "a")), judged("n2", wrong(SWAP, "a")), judged("n3")]))
    booked(history, swept([lost("n2", "down"), judged("n3")], minute=5))
    booked(history, swept([lost("n2", "down"), judged("n3")], minute=1000))
    booked(history, swept([lost("n2", "down"), judged("n3")], minute=1005))
    prune(history, BEGAN + 500 * MINUTE)
    assert [row["name"] for row in rows(history, nodes)] == ["n2", "n3"]
    assert [(one["node"], one["confirmed"]) for one in intervals(history)] == [("n2", 1)]
    assert [row["node_id"] for row in rows(history, happenings) if row["kind"] == "left"] == []


def test_an_export_is_the_whole_history(history: History, tmp_path: Path, postgresql: Postgres) -> None:
    """Into another file and into PostgreSQL, and on from there."""
    some(history)
    lines = list(export_lines(history))
    for place in (tmp_path / "other.db", postgresql.create()):
        with History(place) as other:
            counts = import_lines(other, iter(lines))
            assert counts["findings"] == 2
            for table in metadata.tables.values():
                assert rows(other, table) == rows(history, table)
            assert list(export_lines(other)) == lines
            booked(other, swept([judged("n1", wrong("new:item")), judged("n2"), judged("n3")], minute=15))
            assert len(rows(other, findings)) == 3


def test_an_export_is_one_view(either: History) -> None:
    """A sweep that is booked meanwhile, by another coordinator, is in the next one."""
    some(either)
    before = list(export_lines(either))
    lines = export_lines(either)
    begun = [next(lines), next(lines)]
    with History(either._url.render_as_string(hide_password=False)) as other:  # noqa: SLF001 -- the same place
        booked(other, swept([judged("n1", wrong("new:item", "new")), judged("n4"), judged("n3")], minute=15))
    assert [*begun, *lines] == before
    assert list(export_lines(either)) != before


def test_an_import_is_all_or_nothing(history: History, run: Run, tmp_path: Path) -> None:
    """A line that is missing, torn or odd: the line is named, and nothing is there afterwards."""
    some(history)
    lines = list(export_lines(history))
    place = tmp_path / "other.db"
    with History(place) as other:
        for change, said in (
            (lines[:-1], "is cut short"),
            ([*lines[:5], *lines[6:]], r"the export says|contradict other lines: "),
            ([*lines[:5], lines[5][:-3], *lines[6:]], "line 6 is no JSON"),
            (lines[1:], "line 1: this is no export"),
            ([lines[0].replace(b"0001", b"0002"), *lines[1:]], "has schema '0002'"),
            ([lines[0], b'{"table": "alembic", "id": 1}', *lines[1:]], "no such table"),
            ([lines[0], b'{"table": "items", "id": 1}', *lines[1:]], "columns of items"),
            ([lines[0], b'{"table": "items", "id": "1", "name": "x"}', *lines[1:]], "line 2: id is no int"),
            ([lines[0], b'{"table": "items", "id": 9999999999999999999, "name": "x"}'], "line 2: id is no int"),
            ([*lines, lines[1]], "after the export's end"),
        ):
            with pytest.raises(HistoryError, match=said):
                import_lines(other, iter(change))
            assert all(not rows(other, table) for table in metadata.tables.values())
    (tmp_path / "export.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    assert "is not empty: import into a new history" in run("import", str(tmp_path / "export.ndjson")).err


def test_reports_are_booked_oldest_first(history: History, run: Run, tmp_path: Path) -> None:
    """Whatever order they are named in; one that is there already is skipped, one from before is refused."""
    paths = []
    for minute in (10, 0, 5):
        path = tmp_path / f"{minute}.json"
        path.write_text(json.dumps(swept([judged("n1", *[wrong(SWAP)] * (minute == 5))], minute=minute), indent=1))
        paths.append(str(path))
    assert "booked 3 sweeps; 0 were there already" in run("import", *paths).out
    assert [(one["opened"], one["closed"]) for one in intervals(history)] == [(2, 3)]
    assert {row["source"] for row in rows(history, sweeps)} == {"import"}
    assert "booked 0 sweeps; 3 were there already" in run("import", *paths).out
    (tmp_path / "old.json").write_text(json.dumps(swept([judged("n1")], minute=-5)))
    assert "is older than the last sweep that is booked" in run("import", str(tmp_path / "old.json")).err
    (tmp_path / "odd.json").write_text("{}")
    assert "this is no report of a sweep" in run("import", str(tmp_path / "odd.json")).err

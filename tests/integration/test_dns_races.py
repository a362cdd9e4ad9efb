"""Somebody else edits the same records while we look and change: none of their edits is lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.module_utils.fedgate.errors import FedgateError, InvalidValue, WorldMoved

from .bind import NAMED, Bind
from .dns_world import LONDON, REPEAT, SRV, TOKYO, a, publish, reconciler, run, srv

pytestmark = pytest.mark.skipif(not Path(NAMED).exists(), reason="BIND is not installed (package bind9)")
ZONE = "contoso.example"
#: A hundred races, of which a daily run takes the part that FEDGATE_REPEAT says.
RACES = max(10, round(100 * REPEAT))
THEIRS = "7 7 7777 theirs.contoso.example."
FIRST, OURS = f"10 0 5269 {LONDON}", f"20 0 5269 {TOKYO}"
#: What somebody does to our set between look and change: the edit, and what the set holds then.
EDITS = {
    "adds a value": ([("add", SRV, "300", "SRV", THEIRS)], {f"{FIRST}.", THEIRS}),
    "takes a value away": ([("delete", SRV, "SRV", f"{FIRST}.")], {"30 0 5269 edge.third.example."}),
    "replaces it": ([("replace", SRV, "300", "SRV", THEIRS)], {THEIRS}),
    "deletes it": ([("delete", SRV, "SRV")], None),
    "puts an alias there": (
        [("delete", SRV, "SRV"), ("add", SRV, "300", "CNAME", "theirs.contoso.example.")],
        None,
    ),
}


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    server = Bind(tmp_path_factory.mktemp("bind"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def clean(bind: Bind) -> None:
    bind.edit(ZONE, ("delete", SRV), ("delete", LONDON), ("delete", TOKYO))


@pytest.mark.parametrize("what", EDITS, ids=str)
def test_an_edit_between_look_and_change_stands(bind: Bind, what: str) -> None:
    """Each of five kinds of edits a fifth of the races; what else has to change is changed."""
    edits, left = EDITS[what]
    for turn in range(RACES // len(EDITS)):
        before = [FIRST, "30 0 5269 edge.third.example"] if what == "takes a value away" else [FIRST]
        bind.edit(ZONE, ("delete", SRV))
        publish(bind, [srv(*before)])
        work = reconciler(bind.provider(), [srv(OURS), a(LONDON, f"192.0.2.{turn}")])
        observed = work.observe()
        plan = work.plan(observed)
        bind.edit(ZONE, *edits)
        with pytest.raises(WorldMoved, match=f"somebody else changed {SRV} ") as caught:
            work.apply(plan, observed)
        assert caught.value.details["moved"] == [SRV]
        found = bind.look(SRV, "SRV")
        assert (found and found[1]) == left, turn
        assert bind.look(LONDON, "A") == (300, {f"192.0.2.{turn}"})
    if what == "puts an alias there":
        assert bind.look(SRV, "CNAME") == (300, {"theirs.contoso.example."})
        with pytest.raises(InvalidValue, match="it has CNAME"):
            publish(bind, [srv(OURS)])
    else:
        assert len(publish(bind, [srv(OURS)]).changes) == 1


class Editor(threading.Thread):
    """Edits all the time, each time with another value.

    :ivar edits: when each edit was sent and its value, in order; only those that the server has confirmed.
    """

    def __init__(self, bind: Bind, name: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._bind, self._name = bind, name
        self._random = random.Random(seed)
        self._stop_it = threading.Event()
        self.edits: list[tuple[float, str]] = []
        self.start()

    def run(self) -> None:
        while not self._stop_it.wait(self._random.random() * 0.02):
            value = f"9 {len(self.edits)} 9999 theirs.contoso.example."
            begin = time.monotonic()
            self._bind.edit(ZONE, ("replace", self._name, "300", "SRV", value))
            self.edits.append((begin, value))

    def stop(self) -> None:
        """End after the edit that is under way."""
        self._stop_it.set()
        self.join(10)


def test_an_editor_that_never_rests(bind: Bind) -> None:
    """Whatever was edited after we looked is there in the end, exactly as the last edit left it."""
    raced = 0
    for turn in range(RACES):
        editor = Editor(bind, SRV, turn)
        pause = random.Random(turn).random() * 0.03
        time.sleep(pause)
        work = reconciler(bind.provider(), [srv(f"{turn} 0 5269 {LONDON}"), a(LONDON, f"192.0.2.{turn}")])
        observed = work.observe()
        looked = time.monotonic()
        plan = work.plan(observed)
        time.sleep(pause)
        refused = False
        try:
            work.apply(plan, observed)
        except WorldMoved:
            refused = True
        editor.stop()
        found = bind.look(SRV, "SRV")
        assert found is not None
        after = [value for sent, value in editor.edits if sent > looked]
        if after:
            raced += 1
            assert found[1] == {after[-1]}, (turn, refused, editor.edits)
        else:
            assert found[1] == {editor.edits[-1][1] if refused else f"{turn} 0 5269 {LONDON}."}
        assert bind.look(LONDON, "A") == (300, {f"192.0.2.{turn}"}), "what nobody else edits is done"
    assert raced > RACES // 4, "there were hardly any races"


def test_edits_of_other_records_do_not_disturb(bind: Bind) -> None:
    """Other names, and other types at our own names."""
    editor = Editor(bind, "_theirs._tcp.contoso.example", 1)
    for turn in range(RACES):
        work = reconciler(bind.provider(), [srv(f"{turn} 0 5269 {LONDON}"), a(LONDON, f"192.0.2.{turn}")])
        observed = work.observe()
        plan = work.plan(observed)
        bind.edit(
            ZONE, ("replace", SRV, "300", "TXT", f"turn{turn}"), ("replace", LONDON, "300", "AAAA", "2001:db8::1")
        )
        work.apply(plan, observed)
        assert not work.plan(work.observe_again(plan))
        assert bind.look(SRV, "TXT") == (300, {f'"turn{turn}"'})
    editor.stop()
    assert len(editor.edits) > RACES // 2
    assert bind.look("_theirs._tcp.contoso.example", "SRV") == (300, {editor.edits[-1][1]})


def test_two_of_us_at_once(bind: Bind) -> None:
    """Two runs with different records for the same name: one of them wins each time, and the other one knows."""
    outcomes: list[str] = []

    def publish_one(value: str) -> None:
        try:
            plan, _ = run(reconciler(bind.provider(), [srv(value)]))
            outcomes.append("changed" if plan else "nothing to do")
        except (WorldMoved, AssertionError) as error:  # the latter: overtaken between change and second look
            outcomes.append(type(error).__name__)
        except FedgateError as error:
            outcomes.append(str(error))

    for turn in range(max(3, RACES // 10)):
        values = [f"{side} {turn} 5269 {LONDON}" for side in (1, 2)]
        runs = [threading.Thread(target=publish_one, args=(value,)) for value in values]
        for one in runs:
            one.start()
        for one in runs:
            one.join(30)
        found = bind.look(SRV, "SRV")
        assert found and found[1] in [{f"{value}."} for value in values], "never a mixture"
    assert "changed" in outcomes and set(outcomes) <= {"changed", "WorldMoved", "AssertionError"}, outcomes

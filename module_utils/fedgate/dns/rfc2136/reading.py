"""Looking names up at one server: by questions, many under way at once, or by zone where that is cheaper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dns.rdatatype

from .. import names
from ..provider import Observation
from ..records import Key
from ..wire import Wire
from . import answers
from .transfer import CNAME, NoTransfer, transfer, wire_name

#: From so many questions to one zone on a transfer is tried. It costs a connection, and a few questions to find zones.
LEAST = 50
#: How many questions find the zones first.
_SAMPLE = 20
#: A zone is transferred as long as it has not more than so many records for each question that this saves. Measured
#: with BIND on loopback: a record that passes costs 2 to 4 µs, a question 340 µs. So a transfer that is given up has
#: cost half of what the questions cost, at most.
RECORDS_PER_QUESTION = 50


class Reading:
    """One look at many names.

    :param key: the ``dns.tsig.Key`` that transfers are allowed to, or None.
    :ivar seen: what was found.
    :ivar transferred: the names and types that transfers told about: what is seen there does exist as such.
    :ivar facts: zone → how it was read.
    """

    def __init__(self, wire: Wire, key: Any) -> None:
        self._wire = wire
        self._key = key
        self.seen = Observation()
        self.transferred: set[Key] = set()
        self.facts: dict[str, dict[str, Any]] = {}

    def look(self, keys: Sequence[Key]) -> None:
        """Find the sets and the zones of these names. What an alias would stand beside is looked for too."""
        questions = [*keys, *((name, "ANY") for name, rtype in keys if rtype == "CNAME")]
        if self._key is not None and len(questions) >= LEAST + _SAMPLE:
            questions = self._by_transfer(questions)
        self._ask(questions)

    def _ask(self, questions: Sequence[Key]) -> None:
        replies = self._wire.ask_all([answers.question(name, rtype) for name, rtype in questions])
        for (name, rtype), answer in zip(questions, replies):
            if not answers.is_ours(answer, name, rtype, self._wire):
                self.seen.strangers[name] = answers.not_owned(name, answer, self._wire)
                continue
            for found in answers.rrsets_of(answer, name):
                self.seen.rrsets[found.key] = found
            zone = answers.zone_shown(answer)
            if zone is not None:
                self.seen.zones[name] = zone
        self._find_zones({name for name, _ in questions if name not in self.seen.zones})

    def _by_transfer(self, questions: Sequence[Key]) -> list[Key]:
        """Ask a few of the questions to learn the zones, and transfer those of which much is sought.

        :returns: the questions that are left.
        """
        ordered = sorted(questions, key=lambda one: one[0].split(".")[::-1])
        step = -(-len(ordered) // _SAMPLE)
        self._ask(ordered[::step])
        left = [one for index, one in enumerate(ordered) if index % step]
        zones = set(self.seen.zones.values())
        shares: dict[str, list[Key]] = {}
        for one in left:
            zone = next((above for above in names.ancestors(one[0]) if above in zones), None)
            if zone is not None:
                shares.setdefault(zone, []).append(one)
        told: set[Key] = set()
        for zone, share in shares.items():
            if len(share) >= LEAST:
                told |= self._transfer(zone, share)
        return [one for one in left if one not in told]

    def _transfer(self, zone: str, questions: Sequence[Key]) -> set[Key]:
        """Transfer a zone, and return the questions that this answers."""
        sought: dict[bytes, frozenset[int]] = {}
        wires = {name: wire_name(name) for name, _ in questions}
        for name, rtype in questions:
            also = frozenset((CNAME, int(dns.rdatatype.from_text(rtype))))
            sought[wires[name]] = sought.get(wires[name], frozenset()) | also
        try:
            contents = transfer(self._wire, zone, self._key, sought, len(questions) * RECORDS_PER_QUESTION)
        except NoTransfer as error:
            self.facts[zone] = {"transfer": str(error)}
            return set()
        told = {one for one in questions if contents.speaks_for(wires[one[0]])}
        texts = {wires[name]: name for name, _ in told}
        for (wire, number), (ttl, rdatas) in contents.sets.items():
            rtype = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))
            if wire in texts and rtype not in answers.BESIDE_ALIAS:
                found = answers.rrset(texts[wire], rtype, ttl, rdatas)
                self.seen.rrsets[found.key] = found
                self.transferred.add(found.key)
        self.transferred |= told
        self.seen.zones.update(dict.fromkeys(texts.values(), zone))
        self.facts[zone] = {"read_by": "transfer"}
        return told

    def _find_zones(self, missing: set[str]) -> None:
        """Find the zones of names whose answers did not show them, by SOA, walking up label by label."""
        walks = {name: names.ancestors(name) for name in missing if name not in self.seen.strangers}
        while walks:
            asked = sorted({walk[0] for walk in walks.values()})
            replies = self._wire.ask_all([answers.question(name, "SOA") for name in asked])
            told = dict(zip(asked, replies))
            walks = {name: walk[1:] for name, walk in walks.items() if not self._zone_found(name, walk, told)}

    def _zone_found(self, name: str, walk: Sequence[str], told: Mapping[str, Any]) -> bool:
        """Note what the answer for a name's ancestor shows; true when the walk ends here."""
        answer = told[walk[0]]
        ours = answers.is_ours(answer, walk[0], "SOA", self._wire)
        zone = answers.zone_shown(answer) if ours else None
        if zone is not None:
            self.seen.zones[name] = zone
        elif not ours or len(walk) == 1:
            self.seen.strangers[name] = answers.not_owned(name, answer, self._wire)
        else:
            return False
        return True

"""``compare_lync.yml``: what Lync Server lets through, beside what the inventory gives to a Linux gateway."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible.module_utils.fedgate.importing.comparison import PARTS
from ansible.module_utils.fedgate.lync.info import PARTS as READ

from ...emulators.lync.deployment import PASSWORD
from ...emulators.lync.topology import Pool as TopologyPool
from ...emulators.lync.world import AccessPolicy, XmppPartner
from .imports import Import, change, dns, done, full, imported, linux, writes

__all__ = ["dns", "full", "imported"]  # fixtures


@pytest.fixture
def written(imported: Import) -> Import:
    """A deployment and its inventory."""
    done(imported.play())
    return imported


def compared(imported: Import, **more: Any) -> str:
    """Return what is said, in one line."""
    rollout = done(imported.check("compare_lync.yml", "--diff", **more))
    found = re.search(r"TASK \[Show it\].*?msg:(.*?)\n(?:TASK|PLAY RECAP)", rollout.output, re.DOTALL)
    assert found, rollout.output[-3000:]
    return " ".join(found[1].split())


def test_everything_that_is_compared_can_be_read() -> None:
    assert set(PARTS) <= set(READ["front_end"])


def test_what_was_imported_gains_and_loses_nothing_also_on_linux(written: Import) -> None:
    assert "Nothing gained, nothing lost. Domains and users: 43 same, 0 other, 0 gained" in compared(written)
    linux(written)
    said = compared(written, compare_lync_must_agree=True)
    assert "Nothing gained, nothing lost. Domains and users: 43 same" in said
    assert "stanzas a second" in said and "renews subscriptions every 14400 seconds" in said
    assert writes(written.lync) == []


def test_each_kind_of_difference_is_named(written: Import) -> None:
    linux(written)
    partners = "group_vars/edges/partners.yml"
    # partner2 is public unverified and must prove itself by certificate, partner5 may use dialback only over TLS.
    change(
        written,
        partners,
        "domain: partner2.example\n    type: public_unverified",
        "domain: partner2.example\n    type: federated",
    )
    change(written, partners, "domain: partner22.example", "domain: stranger.example")
    change(written, partners, "connection_limit: 9\n", "connection_limit: 8\n")
    change(written, "group_vars/edges/access.yml", "      - alice@contoso.example", "      - carol@contoso.example")
    change(
        written,
        "group_vars/edges/access.yml",
        'site:London"\n    xmpp_access: true',
        'site:London"\n    xmpp_access: false',
    )
    change(written, "group_vars/edges/federation.yml", "connection_limit: 2000", "connection_limit: 1000")
    said = compared(written)
    assert "Not the same." in said
    for words in (
        "gained partner2.example: its type becomes federated, from public_unverified",
        "gained stranger.example: becomes a partner",
        "lost partner22.example: is a partner no more",
        "lost partner8.example: its connection_limit becomes 8, from 9",
        "lost every partner: connection_limit becomes 1000, from 2000",
        "lost alice@contoso.example:",
    ):
        assert words in said, words
    failed = written.check("compare_lync.yml", "--diff", compare_lync_must_agree=True)
    assert failed.code == 2


def test_what_the_model_refuses_there_is_not_called_the_same(written: Import) -> None:
    linux(written)
    partners = written.lync.world.partners
    partners["nothing.example"] = XmppPartner("nothing.example", tls="NotSupported", dialback=False)
    partners["zwei.example"] = XmppPartner("zwei.example", ["partner1.example"])
    partners["bad.example.blocked.invalid"] = XmppPartner("bad.example.blocked.invalid", dialback=False)
    said = compared(written)
    assert "unclear nothing.example: nothing.example: tls: not_supported" in said
    assert "lost zwei.example: is a partner no more" in said
    assert "unclear partner1.example: partner1.example belongs to another partner already" in said
    assert "Blocked on Lync Server: bad.example." in said and "blocked.invalid" not in said


def test_users_who_are_homed_in_another_site(written: Import) -> None:
    linux(written)
    topology = written.lync.world.topology
    topology.add_pool(TopologyPool("pool2.contoso.example", "Tokyo", "Registrar", ("fe2.contoso.example",)))
    said = compared(written)
    # The global policy, which holds in Tokyo, refuses; that of London, where the domain's gateway is, does not.
    assert "gained users of contoso.example who are homed in Tokyo" in said
    written.lync.world.access_policies["site:tokyo"] = AccessPolicy(
        "Site:Tokyo", {"EnableXmppAccess": True, "EnableFederationAccess": True}
    )
    assert "homed in Tokyo" not in compared(written)


def test_examples_run(written: Import) -> None:
    playbook = written.examples("federation_compare", "edges")
    done(written.run(["-i", str(written.target), playbook], vault_lync_password=PASSWORD))

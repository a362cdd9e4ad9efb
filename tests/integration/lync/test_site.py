"""The playbooks on a deployment of Lync, run as its administrators run them."""

from __future__ import annotations

from .site import PARTNERS, Site, done


def writes(site: Site) -> list[str]:
    """Return the names of the cmdlets that changed something since the last call."""
    names = [name for name, _bound in site.lync.engine.calls if not name.startswith("Get-")]
    site.lync.engine.calls.clear()
    return names


class TestPartners:
    def test_planned_done_and_done_already(self, site: Site) -> None:
        planned = done(site.play("partners.yml", "--check", "--diff"))
        assert writes(site) == [] and "+type: federated" in planned.output
        carried_out = done(site.play("partners.yml"))
        assert planned.named_changes() == carried_out.named_changes()
        # Once for the deployment, by one of its hosts.
        created = [("lync1", "xmpp_partner", name, "create") for name in ("fabrikam.example", "woodgrove.example")]
        assert set(created) <= carried_out.named_changes()
        assert writes(site).count("New-CsXmppAllowedPartner") == 2
        again = done(site.play("partners.yml"))
        assert again.changed() == {"lync1": 0, "lync2": 0} and writes(site) == []

    def test_what_is_not_listed_goes_only_on_request(self, site: Site) -> None:
        done(site.play("partners.yml"))
        site.shared["federation_partners"] = site.shared["federation_partners"][:1]
        kept = done(site.play("partners.yml"))
        assert "woodgrove.example" in site.lync.world.partners
        assert "the inventory does not list: woodgrove.example" in " ".join(kept.output.split())
        site.shared["federation_lync"]["purge"] = True
        gone = done(site.play("partners.yml"))
        assert ("lync1", "xmpp_partner", "woodgrove.example", "delete") in gone.named_changes()
        assert list(site.lync.world.partners) == ["fabrikam.example"]

    def test_nobody_is_kept_alive_when_the_limits_say_so(self, site: Site) -> None:
        site.shared["federation_limits"] = {"keepalive": False}
        done(site.play("partners.yml"))
        assert [partner.keepalive for partner in site.lync.world.partners.values()] == [False, False]

    def test_a_failure_stops_every_host_of_the_deployment(self, site: Site) -> None:
        site.shared["federation_lync"]["password"] = "mistyped"
        failed = site.play("partners.yml")
        assert failed.code == 2 and writes(site) == []
        for host in ("lync1", "lync2"):
            (failure,) = failed.hosts[host]["failed"]
            assert "refuses the login of CONTOSO\\admin by ntlm" in failure["msg"]

    def test_one_host_alone_does_it_too(self, site: Site) -> None:
        rollout = done(site.play("partners.yml", "--limit", "lync2"))
        assert {host for host, _kind, _name, _action in rollout.named_changes()} == {"lync2"}

    def test_servers_that_nobody_says_how_to_reach_are_left_alone(self, site: Site) -> None:
        del site.shared["federation_lync"]
        rollout = done(site.play("partners.yml"))
        assert "are not touched: federation_lync does not say" in " ".join(rollout.output.split())
        assert not site.lync.engine.calls


class TestAccess:
    def test_planned_done_and_done_already(self, site: Site) -> None:
        site.shared["federation_access_policies"] = [
            {"name": "global", "xmpp_access": False},
            {"name": "site:London", "xmpp_access": True},
            {"name": "sales", "xmpp_access": True, "users": ["alice@contoso.example"]},
        ]
        site.shared["federation_lync"]["open_sip_federation"] = True
        site.lync.world.access_edge.clear()
        planned = done(site.play("partners.yml", "--check", "--diff"))
        assert writes(site) == []
        carried_out = done(site.play("partners.yml"))
        assert planned.named_changes() == carried_out.named_changes()
        kinds = {(kind, name) for _host, kind, name, _action in carried_out.named_changes()}
        assert {
            ("external_access_policy", "site:London"),
            ("external_access_policy", "sales"),
            ("external_access_grant", "alice@contoso.example"),
            ("access_edge_configuration", "Global"),
        } <= kinds
        assert site.lync.world.users["alice@contoso.example"].policy == "sales"
        assert site.lync.world.access_edge["AllowFederatedUsers"] is True
        writes(site)
        again = done(site.play("partners.yml"))
        assert again.changed() == {"lync1": 0, "lync2": 0} and writes(site) == []

    def test_a_user_who_is_not_there_stops_it_by_name(self, site: Site) -> None:
        site.shared["federation_access_policies"] = [
            {"name": "global", "xmpp_access": False},
            {"name": "sales", "xmpp_access": True, "users": ["nobody@contoso.example"]},
        ]
        failed = site.play("partners.yml")
        assert failed.code == 2 and list(site.lync.world.access_policies) == ["global"]
        assert all("nobody@contoso.example" in failed.hosts[host]["failed"][0]["msg"] for host in ("lync1", "lync2"))

    def test_nothing_is_said_about_whom_nobody_asked(self, site: Site) -> None:
        done(site.play("partners.yml"))
        assert not {name for name in writes(site) if "Access" in name}


class TestGateway:
    def test_planned_done_and_done_already(self, site: Site) -> None:
        site.shared["federation_limits"] = {"connection_limit": 2000, "keepalive_interval": 120}
        site.shared["federation_lync"]["subscription_refresh_interval"] = 14400
        planned = done(site.play("gateway.yml", "--check", "--diff"))
        assert writes(site) == [] and "+connection_limit: 2000" in planned.output
        carried_out = done(site.play("gateway.yml"))
        change = ("lync1", "xmpp_gateway_configuration", "Global", "update")
        assert planned.named_changes() == carried_out.named_changes() and change in carried_out.named_changes()
        configured = site.lync.world.gateway
        assert configured["ConnectionLimit"] == 2000 and configured["SubscriptionRefreshInterval"] == 14400
        assert writes(site).count("Set-CsXmppGatewayConfiguration") == 1
        again = done(site.play("gateway.yml"))
        assert again.changed() == {"lync1": 0, "lync2": 0} and writes(site) == []


class TestBlock:
    REASON = "INC-4711: sends malware"

    def test_nobody_is_let_in_before_he_is_released(self, site: Site) -> None:
        site.shared["federation_limits"] = {"keepalive": False}
        done(site.play("partners.yml"))
        before = site.lync.world.partners["fabrikam.example"]
        writes(site)
        given = {"federation_block": "fabrikam.example", "federation_block_reason": self.REASON}
        planned = done(site.play("block.yml", "--check", "--diff", federation_block_by="dora", **given))
        assert writes(site) == [] and self.REASON in planned.output
        carried_out = done(site.play("block.yml", federation_block_by="dora", **given))
        assert planned.named_changes() == carried_out.named_changes()
        assert f"fabrikam.example at lync1: {self.REASON} (dora)" in carried_out.output
        assert list(site.lync.world.partners) == [
            "woodgrove.example", "fabrikam.example.blocked.invalid", "emea.fabrikam.example",
        ]  # fmt: skip
        writes(site)

        again = done(site.play("partners.yml"))
        assert again.changed() == {"lync1": 0, "lync2": 0} and writes(site) == []
        assert "BLOCKED until released" in again.output and self.REASON in again.output
        # One run lets it in again, as the inventory has it.
        planned = done(site.play("block.yml", "--check", "--diff", federation_release="fabrikam.example"))
        released = done(site.play("block.yml", federation_release="fabrikam.example"))
        assert planned.named_changes() == released.named_changes()
        assert site.lync.world.partners["fabrikam.example"] == before
        assert list(site.lync.world.partners) == ["woodgrove.example", "fabrikam.example"]
        again = done(site.play("partners.yml"))
        assert again.changed() == {"lync1": 0, "lync2": 0} and "BLOCKED" not in again.output

    def test_it_works_while_the_inventory_has_mistakes(self, site: Site) -> None:
        done(site.play("partners.yml"))
        site.shared["federation_partners"] = [{"domain": "no domain"}]
        assert site.play("partners.yml").code != 0
        done(site.play("block.yml", federation_block="fabrikam.example", federation_block_reason="why"))
        assert "fabrikam.example" not in site.lync.world.partners
        released = done(site.play("block.yml", federation_release="fabrikam.example"))
        assert "The inventory has mistakes, so who is released is let in by the next run of partners.yml" in " ".join(
            released.output.split()
        )
        assert list(site.lync.world.partners) == ["woodgrove.example", "emea.fabrikam.example"]
        site.shared["federation_partners"] = PARTNERS
        done(site.play("partners.yml"))
        assert site.lync.world.partners["fabrikam.example"].additional_domains == ["emea.fabrikam.example"]

    def test_servers_that_cannot_be_reached_are_named(self, site: Site) -> None:
        given = {"federation_block": "fabrikam.example", "federation_block_reason": "why"}
        site.lync.front_end.stop()
        failed = site.play("block.yml", **given)
        assert failed.code == 2
        assert all("cannot be reached" in failed.hosts[host]["failed"][0]["msg"] for host in ("lync1", "lync2"))
        del site.shared["federation_lync"]
        failed = site.play("block.yml", **given)
        assert "by its own means" in failed.hosts["lync2"]["failed"][0]["msg"]


class TestSite:
    def test_from_prepared_to_verified(self, public: Site) -> None:
        planned = done(public.play("site.yml", "--check", "--diff"))
        assert writes(public) == []
        carried_out = done(public.play("site.yml"))
        assert planned.named_changes() == carried_out.named_changes()
        assert ("lync1", "rrset", "_xmpp-server._tcp.contoso.example SRV", "create") in carried_out.named_changes()
        assert writes(public)[-1] == "Test-CsXmppIM"
        again = done(public.play("site.yml"))
        assert again.changed() == {"lync1": 0, "lync2": 0}
        assert writes(public) == ["Test-CsXmppIM"]

    def test_what_people_have_to_do_first_is_said_together(self, public: Site) -> None:
        world = public.lync.world
        for site in world.topology.sites.values():
            site.xmpp_route = None
        for machine in world.machines.values():
            machine.run_setup(xmpp=False)
        world.access_edge.clear()
        stopped = public.play("site.yml")
        assert stopped.code == 2 and not [name for name in writes(public) if not name.startswith("Get-")]
        for host in ("lync1", "lync2"):
            (failure,) = stopped.hosts[host]["failed"]
            for step in ("Topology Builder", "Gateway. Run setup again", "Gateway Proxy. Run setup again", "AllowFed"):
                assert step in failure["msg"], failure["msg"]

    def test_an_inventory_that_the_topology_does_not_know(self, public: Site) -> None:
        public.london["edge_pool_fqdn"] = "edge.paris.contoso.example"
        stopped = public.play("partners.yml")
        assert (
            "edge.paris.contoso.example is the Access Edge FQDN of no Edge pool"
            in stopped.hosts["lync2"]["failed"][0]["msg"]
        )
        public.london["edge_pool_fqdn"] = "edge.tokyo.contoso.example"
        stopped = public.play("partners.yml")
        assert "The XMPP route leads to edgepool.london.contoso.example" in stopped.hosts["lync1"]["failed"][0]["msg"]
        assert not [name for name in writes(public) if not name.startswith("Get-")]

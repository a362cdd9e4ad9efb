"""Who certifies the Edge Servers of a Lync pool: an enterprise CA of Windows, and what they cannot ask for."""

from __future__ import annotations

from .pools import Pool
from .problems import Problems, Where
from .settings import ENTERPRISE_CA, MEDIA

#: Days; media tokens are signed with the certificate, and each renewal counts.
LONG_LIVED = 180


def check_ways(pool: Pool, problems: Problems) -> None:
    """Check that the issuers of a Lync pool can be asked as its servers are reached, and suit what they certify."""
    for name, issuing in (("federation_certificate", pool.issuing), (MEDIA, pool.media)):
        if issuing and issuing.issuer == ENTERPRISE_CA and pool.edges.transport == "handover":
            problems.error(
                Where((name, "issuer"), pool.fqdn, pool.members[0].name),
                f"{ENTERPRISE_CA} needs an answer from the server, and those of {pool.fqdn} are reached by hand "
                "(edge_pool_lync.transport)",
                "Allowed there are manual, local_ca and acme.",
            )
    if pool.media and pool.media.issuer == "acme":
        said = (
            f"public authorities certify for less than {LONG_LIVED} days, and calls that are under way may break at "
            "each renewal: local_ca, enterprise_ca or manual suit it better"
        )
        problems.warn(Where((MEDIA, "issuer"), pool.fqdn, pool.members[0].name), said)

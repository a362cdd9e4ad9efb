"""Documentation that the changing modules share; the code is in ``module_utils/fedgate/module.py``."""

from __future__ import annotations

from textwrap import indent

#: The options of one DNS provider; they stand in several places of several modules.
_DNS_PROVIDER = r"""
kind:
  description:
    - V(rfc2136) is a server that takes dynamic updates signed with TSIG; V(route53) is Amazon Route 53.
    - V(octodns) is a provider of octoDNS, which must be installed together with that provider's package.
  type: str
  choices: [rfc2136, route53, octodns]
  default: rfc2136
name:
  description: What the provider is called in plans, results and errors; its kind by default. Several need a name each.
  type: str
view:
  description: Which records it is given; V(internal) is what one's own network sees, where that differs.
  type: str
  choices: [external, internal]
  default: external
zones:
  description:
    - The zones that it is given records of. Each record goes to the provider, or the providers, that name the longest
      zone of its name. One that names none gets what no other one of its view names.
    - Needed for V(octodns), which reads these zones in full.
  type: list
  elements: str
  default: []
timeout:
  description: Seconds to wait for a connection, and for each answer.
  type: int
  default: 10
server:
  description: For V(rfc2136), needed. Host name or address of the zones' primary server; it may be a hidden one.
  type: str
fallback_servers:
  description:
    - For V(rfc2136). Servers that are tried, in this order, when the first one does not answer at all.
    - A run stays with the one at which it looked. When that goes away before the change, the run fails.
  type: list
  elements: str
  default: []
port:
  description: For V(rfc2136). TCP port of the servers.
  type: int
  default: 53
tsig_name:
  description: For V(rfc2136), needed. Name of the TSIG key that signs updates.
  type: str
tsig_algorithm:
  description: For V(rfc2136). Algorithm of that key.
  type: str
  choices: [hmac-sha256, hmac-sha384, hmac-sha512]
  default: hmac-sha256
tsig_secret:
  description: For V(rfc2136), needed. Secret of that key, in base64.
  type: str
transfer_tsig_name:
  description:
    - For V(rfc2136). Name of the TSIG key that zone transfers (AXFR) are allowed to. With it, zones of which many names
      are managed are read in one transfer instead of by one question a name, where that is cheaper.
    - A zone that lies below another one on the same server must be delegated there by NS records.
  type: str
transfer_tsig_algorithm:
  description: For V(rfc2136). Algorithm of that key.
  type: str
  choices: [hmac-sha256, hmac-sha384, hmac-sha512]
  default: hmac-sha256
transfer_tsig_secret:
  description: For V(rfc2136). Secret of that key, in base64.
  type: str
zone_id:
  description: For V(route53). The hosted zone, where its name does not tell which; all records must lie in it.
  type: str
private:
  description: For V(route53). Whether private hosted zones are meant instead of public ones.
  type: bool
  default: false
profile:
  description: For V(route53). Profile of the controller's AWS configuration.
  type: str
role_arn:
  description: For V(route53). Role to assume.
  type: str
external_id:
  description: For V(route53). External ID that the role asks for.
  type: str
access_key_id:
  description:
    - For V(route53). Access key, where the usual chain (environment, profile, container, instance) shall not be used.
  type: str
secret_access_key:
  description: For V(route53). Its secret.
  type: str
session_token:
  description: For V(route53). Session token that belongs to a temporary access key.
  type: str
region:
  description: For V(route53). Region for signatures and for the role; Route 53 itself has none.
  type: str
  default: us-east-1
endpoint_url:
  description: For V(route53). Address of another endpoint than Amazon's.
  type: str
ca_file:
  description: For V(route53). PEM file on the controller with the CA of that endpoint.
  type: path
requests_per_second:
  description: For V(route53). How fast to ask; the limit is five a second for the whole account.
  type: float
  default: 5.0
insync_timeout:
  description: For V(route53). Seconds until all of Amazon's name servers must have a change (C(INSYNC)).
  type: int
  default: 300
service:
  description: For V(octodns), needed. Which provider of octoDNS.
  type: str
  choices: [azure, cloudflare, digitalocean, gandi, google, hetzner, ns1, ovh, powerdns]
settings:
  description:
    - For V(octodns). What that provider takes, as its documentation names it, without secrets.
    - C(docs/dns-providers.md) lists the settings and secrets of each; any other is refused.
  type: dict
  default: {}
secrets:
  description: For V(octodns). Likewise, for what must not be shown, such as tokens, keys, and passwords.
  type: dict
  default: {}
"""


class ModuleDocFragment:
    """``extends_documentation_fragment: [fedgate]``."""

    DOCUMENTATION = r"""
options:
  expect_plan:
    description:
      - The digest of the plan that was reviewed, as an earlier run in check mode returned it in RV(plan_digest).
      - When what would be done now is anything else, nothing is done and the task fails.
    type: str
    version_added: "0.1.0"
attributes:
  check_mode:
    description: Names in check mode exactly the changes (action, kind and name) that the real run makes.
    support: full
  diff_mode:
    description: Shows the fields that change, one entry for each change; never a secret.
    support: full
"""

    #: ``extends_documentation_fragment: [fedgate.info]``, for modules that only look.
    INFO = r"""
attributes:
  check_mode:
    description: Changes nothing, in check mode or not.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: N/A
"""

    #: ``extends_documentation_fragment: [fedgate.gateway]``, for modules that look which certificate is served.
    GATEWAY = r"""
options:
  gateway:
    description:
      - The gateway of this host, where it has one. The module looks which certificate it serves, by STARTTLS on port
        5269 (on 5222 while federation is closed), and lets it reload when that has to be another one.
      - A gateway whose configuration does not name this certificate is not touched, nor is one that does not run.
    type: dict
    suboptions:
      unit:
        description: Its systemd service.
        type: str
        default: prosody.service
      config:
        description: Its main configuration; all C(*.cfg.lua) files in the same folder and below count too.
        type: path
        default: /etc/prosody/prosody.cfg.lua
      addresses:
        description: Addresses on which it listens; the loopback when none are given, or for V(*).
        type: list
        elements: str
        default: []
      domains:
        description: Domains whose certificate is looked at.
        type: list
        elements: str
        required: true
      timeout:
        description: Seconds that it may take to serve another certificate after a reload.
        type: int
        default: 15
"""

    #: ``extends_documentation_fragment: [fedgate.issuers]``, for modules that ask an issuer.
    ISSUERS = r"""
options:
  issuers:
    description: Who signs; one for all requests, or several that requests name.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What O(requests[].issuer) calls it; need not be given when there is one issuer only.
        type: str
        default: default
      kind:
        description:
          - V(local_ca) is a private authority on the controller. It takes nothing but the public key from a request.
          - V(manual) is an authority that people ask by hand.
          - V(acme) is any authority that speaks ACME (RFC 8555); it is asked by dns-01.
        type: str
        choices: [acme, local_ca, manual]
        required: true
      directory:
        description:
          - Folder of the private authority, with C(ca.pem), C(ca-key.pem) and C(issued/); with an intermediate also
            C(intermediate.pem) and C(intermediate-key.pem), with a revocation list C(crl.der).
          - Required with O(issuers[].kind=local_ca). Keep it outside of any repository.
        type: path
      create:
        description: Create the private authority when there is none.
        type: bool
        default: false
      passphrase:
        description: Passphrase of the private authority's keys.
        type: str
      intermediate:
        description:
          - Let the private authority sign by an intermediate, made once and signed by its root. Then the root's key
            C(ca-key.pem) may be kept offline.
          - A root that was made without an intermediate does not allow one.
        type: bool
        default: false
      crl_url:
        description:
          - Address (http) at which you publish C(crl.der) of O(issuers[].directory). It is written into certificates
            of the private authority, and the list is kept up for 30 days.
          - An intermediate that is made then names C(ca-crl.der) beside it, the list of the root.
        type: str
      revoked:
        description:
          - Serial numbers, hexadecimal, of certificates of the private authority that are revoked. They are put onto
            the list, and are never the answer to a request again.
        type: list
        elements: str
        default: []
      organization:
        description: Organisation in the name of an authority that is created.
        type: str
      validity_days:
        description:
          - Days for which the private authority signs, 90 when not given. For V(manual), the wish in the text that is
            ready to send; as long as the authority grants when not given.
        type: int
      client_auth:
        description: Whether the private authority certifies clientAuth, for requests that do not say so themselves.
        type: bool
        default: false
      requests_directory:
        description:
          - Folder for requests C(<name>.csr.pem), each with a text C(<name>.txt) that is ready to send, for
            C(WAITING.txt), which lists what is waited for, and for the answers.
          - An answer is any file there, whatever its name, with a certificate for that key, as PEM, DER, PKCS#7 or
            PKCS#12. Required with O(issuers[].kind=manual).
        type: path
      request_file:
        description:
          - Where the request is laid instead of C(<name>.csr.pem), absolute or relative to
            O(issuers[].requests_directory); the text is beside it, with the ending C(.txt). For one request only.
        type: path
      pkcs12_password:
        description:
          - Password of answers that are PKCS#12. They are opened in memory.
          - If one brings a private key of its own, it is taken for a request with exactly its names, with a warning,
            and the key is returned sealed to O(requests[].recipients) only.
        type: str
      trust_anchors:
        description:
          - PEM files with the roots that answers must lead to; the controller's own trust anchors when there are
            none.
        type: list
        elements: path
        default: []
      acme:
        description:
          - The settings of a CA that speaks ACME (RFC 8555). Required with O(issuers[].kind=acme).
          - Certificates are ordered by dns-01, all orders of a run together. C(docs/certificates.md) is the guide.
        type: dict
        suboptions:
          directory_url:
            description: The CA's directory, C(https://…); its documentation names it.
            type: str
            required: true
          state_directory:
            description:
              - Folder on the controller, outside of any repository, mode 0700. It holds the account's key and URL, what
                was issued (C(issued/)), and notes of what is under way; keep it from run to run.
            type: path
            required: true
          contact:
            description: Mail addresses that the CA may write to.
            type: list
            elements: str
            default: []
          agree_to_terms:
            description: Must be V(true); otherwise the error shows the address of the CA's terms of service.
            type: bool
            default: false
          account_key:
            description:
              - The account's private key as PEM, from a vault; RSA or ECDSA.
              - Without it C(account-key.pem) in the state directory, made once; refused if others can read it.
            type: str
          eab_kid:
            description: Key id of the external account binding, where the CA demands one.
            type: str
          eab_hmac_key:
            description: Key of the external account binding, base64url as the CA shows it.
            type: str
          profile:
            description: Profile of the certificates, one of those that the CA offers.
            type: str
          preferred_chain:
            description:
              - Common name of the issuer of the chain's last certificate, where the CA offers several chains.
              - The CA's own choice is used, with a warning, when none fits.
            type: str
          dns_provider:
            description:
              - Where the challenge records go; the options are those of O(dns_records#module:provider).
              - Give it credentials of its own, with the right to change TXT at C(_acme-challenge) names only.
            type: dict
            suboptions:
@DNS_PROVIDER@
          resolvers:
            description:
              - Addresses of resolvers that see the zones as the CA does; the controller's own when there are none.
              - They show where a CNAME at a C(_acme-challenge) name leads, and which name servers a zone has.
            type: list
            elements: str
            default: []
          ca_file:
            description: PEM file with the root of the CA's HTTPS certificate, where that is not a public one.
            type: path
          timeout:
            description: Seconds for all orders of a run.
            type: int
            default: 300
          propagation_timeout:
            description: Seconds until all name servers of a zone must answer with the challenge records.
            type: int
            default: 120
          renewal_info:
            description: Whether M(edge_certificate_renewal_info) asks this CA when it wants certificates renewed.
            type: bool
            default: true
""".replace("@DNS_PROVIDER@\n", indent(_DNS_PROVIDER, " " * 14))

    #: ``extends_documentation_fragment: [fedgate.providers]``, for modules that work at DNS providers.
    PROVIDERS = r"""
options:
  providers:
    description: Where the zones are kept. Several are all looked at and planned before any is changed.
    type: list
    elements: dict
    required: true
    suboptions:
@DNS_PROVIDER@
""".replace("@DNS_PROVIDER@\n", indent(_DNS_PROVIDER, " " * 6))

    LYNC = r"""
requirements:
  - pypsrp >= 0.9, on the controller (C(requirements/lync.txt))
notes:
  - Runs on the controller whatever host the task is for, and speaks PowerShell remoting with the server. Nothing is
    installed there; cmdlets are called with typed parameters, and no script is ever sent.
  - Each task opens one session and closes it.
options:
  host:
    description:
      - Name of the server, which its certificate must carry. C(ansible_host) of the task's host by default, else its
        inventory name.
    type: str
    required: true
  endpoint:
    description:
      - V(front_end) is OcsPowershell of a Front End Server or pool; V(edge) is WinRM of an Edge Server.
    type: str
    choices: [front_end, edge]
    default: front_end
  port:
    description: TCP port; 443 for V(front_end), 5986 for V(edge) by default.
    type: int
  username:
    description: Account, such as C(CONTOSO\\admin), or a local one of an Edge; C(ansible_user) by default.
    type: str
  password:
    description: Its password; C(ansible_password) by default.
    type: str
  authentication:
    description:
      - How to log in. V(kerberos) is for V(front_end) only and needs libraries of its own; V(certificate) is for
        V(edge) only.
      - V(basic) sends the password itself, inside TLS.
    type: str
    choices: [negotiate, ntlm, kerberos, basic, certificate]
    default: negotiate
  ca_file:
    description: PEM file on the controller with the authorities that may have signed the server's certificate.
    type: path
  client_certificate:
    description: PEM file on the controller with the certificate for V(certificate).
    type: path
  client_key:
    description: PEM file on the controller with its private key.
    type: path
  connect_timeout:
    description: Seconds until the server must have answered at all.
    type: int
    default: 30
  operation_timeout:
    description: Seconds that the server may hold one message, 1 to 600. A cmdlet may take longer.
    type: int
    default: 60
"""

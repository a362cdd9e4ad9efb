"""Credentials, and the one client of a provider."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ...errors import InvalidValue
from . import failures

#: Name of our sessions in the logs of the account whose role is assumed.
_SESSION_NAME = "fedgate"


@dataclass(frozen=True)
class Account:
    """How to come into the account that holds the zones; from the options of the provider."""

    profile: str | None
    role_arn: str | None
    external_id: str | None
    key_id: str | None
    secret: str | None
    token: str | None
    region: str
    endpoint_url: str | None
    ca_file: str | None
    timeout: float

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Account:
        """Read the options.

        :raises InvalidValue: options that do not go together; secrets are not shown.
        """
        found = cls(
            profile=_text(options, "profile"),
            role_arn=_text(options, "role_arn"),
            external_id=_text(options, "external_id"),
            key_id=_text(options, "access_key_id"),
            secret=_text(options, "secret_access_key"),
            token=_text(options, "session_token"),
            region=_text(options, "region") or "us-east-1",
            endpoint_url=_text(options, "endpoint_url"),
            ca_file=_text(options, "ca_file"),
            timeout=float(options.get("timeout") or 10),
        )
        found._check()
        return found

    def _check(self) -> None:
        if bool(self.key_id) != bool(self.secret):
            missing = "access_key_id" if self.secret else "secret_access_key"
            raise InvalidValue(
                f"the DNS provider has no {missing}", hint="Give access_key_id and secret_access_key, or neither."
            )
        if self.token and not self.key_id:
            raise InvalidValue(
                "the DNS provider has a session_token but no access key",
                hint="Give access_key_id and secret_access_key with it.",
            )
        if self.key_id and self.profile:
            raise InvalidValue(
                f"the DNS provider has an access key and a profile ({self.profile})", hint="Give one of them."
            )
        if self.external_id and not self.role_arn:
            raise InvalidValue("the DNS provider has an external_id but no role_arn", hint="Give the role to assume.")
        if self.endpoint_url and "@" in self.endpoint_url:
            raise InvalidValue(
                "endpoint_url of the DNS provider holds a user or password (not shown)",
                hint="Give the address alone, and credentials as access_key_id and secret_access_key.",
            )
        if self.endpoint_url and not self.endpoint_url.startswith(("http://", "https://")):
            raise InvalidValue(
                f"endpoint_url {self.endpoint_url!r} is no address", hint="Write https://host or http://host:port."
            )
        if self.ca_file and not os.access(self.ca_file, os.R_OK):
            raise InvalidValue(
                f"ca_file {self.ca_file!r} cannot be read",
                hint="Name a PEM file on the controller, with the CA of `endpoint_url`.",
            )

    def client(self, service: str, key_id: str | None, secret: str | None, token: str | None, session: Any) -> Any:
        """Make a client. Its requests are sent once: pace and second tries are ours, as are the counts."""
        return session.create_client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            verify=self.ca_file,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(
                retries={"total_max_attempts": 1, "mode": "standard"},
                connect_timeout=self.timeout,
                read_timeout=self.timeout,
                parameter_validation=False,
                max_pool_connections=1,
                user_agent_extra="fedgate",
            ),
        )


@dataclass(frozen=True)
class Clients:
    """What was made of an account.

    :ivar route53: the client.
    :ivar key_id: the access key that it uses; empty when it is not known.
    """

    route53: Any
    key_id: str


def connect(account: Account, count: Any) -> Clients:
    """Find credentials, assume the role if there is one, and make the client; nothing of Route 53 is asked yet.

    :param count: called with the name of each request that is sent.
    :raises FedgateError: no credentials, an unknown profile, a role that may not be assumed.
    """
    where = f"signing in to AWS{f' with profile {account.profile}' if account.profile else ''}"
    try:
        session = botocore.session.Session(profile=account.profile)
        keys = (account.key_id, account.secret, account.token)
        if account.key_id is None:
            found = session.get_credentials()
            if found is None:
                raise failures.no_credentials()
            keys = (None, None, None)
            key_id = str(found.access_key)
        else:
            key_id = account.key_id
        if account.role_arn:
            where = f"assuming the role {account.role_arn}"
            count("AssumeRole")
            keys = _assume(account, account.client("sts", *keys, session))
            key_id = str(keys[0])
        return Clients(account.client("route53", *keys, session), key_id)
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        raise failures.explain(error, "AssumeRole", where, account.key_id or "") from error


def _assume(account: Account, sts: Any) -> tuple[str, str, str]:
    extra = {"ExternalId": account.external_id} if account.external_id else {}
    answer = sts.assume_role(RoleArn=account.role_arn, RoleSessionName=_SESSION_NAME, **extra)
    found = answer["Credentials"]
    return found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]


def _text(options: Mapping[str, Any], name: str) -> str | None:
    value = options.get(name)
    return str(value).strip() or None if value is not None else None

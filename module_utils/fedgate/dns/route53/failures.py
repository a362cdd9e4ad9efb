"""What an error of the AWS interface means, and what to do about it. Messages never show what could be a secret."""

from __future__ import annotations

import re
from typing import Any

from botocore import exceptions as aws
from botocore.parsers import ResponseParserError

from ...errors import FedgateError, InvalidValue, Refused, Unreachable, WorldMoved

#: Too fast: surely not carried out, and worth another try (Developer Guide, Quotas; AWS General Reference).
THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "RequestThrottled",
}
#: The zone is still busy with an earlier change: the same (API Reference, ChangeResourceRecordSets).
BUSY = "PriorRequestNotComplete"
#: Parts of the messages of InvalidChangeBatch which say that a record set is not as we found it.
_MOVED = (
    "but it already exists",
    "but it was not found",
    "but the values provided do not match the current values",
    "because a conflicting rrset of type",
    "as it conflicts with other records with the same dns name",
)
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"}
_ENDED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_UNKNOWN_KEY = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "MissingAuthenticationToken",
}
_WRONG_SECRET = {"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"}
_SKEWED = re.compile(r"signature (expired|not yet current)|request(time)? ?(is )?too ?skewed", re.IGNORECASE)
#: Errors which say that the request did not leave this machine.
_NOT_SENT = (aws.EndpointConnectionError, aws.ConnectTimeoutError, aws.ProxyConnectionError)
_NO_CREDENTIALS = (aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError)
_SIGN_IN = (aws.SSOError, aws.TokenRetrievalError, aws.LoginError)


def code_of(error: Exception) -> str:
    """Return AWS's code of an error; empty when no service has answered."""
    if isinstance(error, aws.ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""


def status_of(error: Exception) -> int:
    """Return the HTTP status of an answer; 0 when there was none."""
    if isinstance(error, aws.ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return 0


def not_sent(error: Exception) -> bool:
    """Tell whether the request cannot have reached the service."""
    return isinstance(error, _NOT_SENT)


def no_answer(error: Exception) -> bool:
    """Tell whether the connection failed in a way that may be another one the next time."""
    if isinstance(error, aws.SSLError):
        return False
    return isinstance(error, (aws.ConnectionError, aws.HTTPClientError, ResponseParserError))


def denied(error: FedgateError) -> bool:
    """Tell whether an error of ours says that no policy of AWS allows the request."""
    return isinstance(error.__cause__, aws.ClientError) and code_of(error.__cause__) in _DENIED


def explain(error: Exception, operation: str, where: str, key_id: str) -> FedgateError:
    """Return our error for one of botocore's.

    :param operation: ``ChangeResourceRecordSets`` and so on.
    :param where: what it was about, and which endpoint: the message's beginning.
    :param key_id: the access key in use, as far as it is known; no secret.
    """
    if not isinstance(error, aws.ClientError):
        return _local(error, where)
    code, text = code_of(error), _text(error)
    service = "sts" if operation == "AssumeRole" else "route53"
    if code in _DENIED:
        return Refused(
            f"{where}: AWS does not allow {service}:{operation}: {text}",
            hint=f"Let a policy allow the action {service}:{operation} there, for the credentials that are used.",
        )
    if code in _ENDED:
        return Refused(
            f"{where}: the session of the AWS credentials has expired ({code})",
            hint="Sign in again, or give fresh credentials; temporary ones last for some hours only.",
        )
    if _SKEWED.search(f"{code} {_raw_text(error)}"):
        return Refused(
            f"{where}: {code}: the clock of this machine differs from AWS's by more than 5 minutes",
            hint="Set it by NTP.",
        )
    if code in _UNKNOWN_KEY:
        return Refused(
            f"{where}: AWS does not know the access key {key_id or '(unknown)'} ({code})",
            hint="Check access_key_id, session_token, or the profile; keys can have been deactivated.",
        )
    if code in _WRONG_SECRET:
        return Refused(
            f"{where}: the secret access key is not that of the access key {key_id or '(unknown)'} ({code})",
            hint="Check secret_access_key, or the profile.",
        )
    return _about_the_request(error, code, text, where)


def _about_the_request(error: Exception, code: str, text: str, where: str) -> FedgateError:
    if code == "NoSuchHostedZone":
        return Refused(
            f"{where}: NoSuchHostedZone: {text}",
            hint="Check `zone_id`, and that the credentials belong to the account that holds the zone.",
        )
    if code == "InvalidChangeBatch":
        if _only_moved(error):
            return WorldMoved(
                f"{where}: somebody else changed a record between look and change; their change stands ({text})",
                hint="Run again: the plan is made anew from what is there now.",
            )
        return Refused(f"{where}: {text}", hint="Route 53 takes none of these changes as long as one of them is wrong.")
    if not code or code.isdigit():
        return Refused(
            f"{where}: an answer that is none of Route 53's (HTTP {status_of(error)})",
            hint="Check `endpoint_url`, and proxies on the way.",
        )
    return Refused(f"{where}: {code}: {text}", hint="See the error in the Route 53 API Reference.")


def _local(error: Exception, where: str) -> FedgateError:
    """Errors that no service has answered with."""
    if isinstance(error, _SIGN_IN):
        return Refused(
            f"{where}: the sign-in of the AWS profile has expired or is missing ({type(error).__name__})",
            hint="Sign in again (aws sso login).",
        )
    if isinstance(error, _NO_CREDENTIALS):
        return no_credentials(f" ({type(error).__name__})")
    if isinstance(error, aws.ProfileNotFound):
        return InvalidValue(f"{where}: {error}", hint="Check `profile` (or AWS_PROFILE) against ~/.aws/config.")
    if isinstance(error, (aws.SSLError, OSError)):  # found before anything was sent
        return Unreachable(
            f"{where}: no trusted connection: {_short(error)}",
            hint="Give the endpoint's CA as `ca_file`, a readable PEM file; check `endpoint_url`.",
        )
    if no_answer(error):
        return Unreachable(
            f"{where}: no answer: {_short(error)}",
            hint="Check the network, proxies (HTTPS_PROXY, NO_PROXY) and `endpoint_url`.",
        )
    return InvalidValue(f"{where}: {_short(error)}", hint="Check the options of the DNS provider.")


def no_credentials(why: str = "") -> Refused:
    """Return the error of a machine that has no AWS credentials."""
    return Refused(
        f"there are no AWS credentials for Route 53{why}",
        hint="Give `profile`, or `access_key_id` and `secret_access_key`, or what AWS tools take: AWS_PROFILE, "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, ~/.aws/credentials, a role of the machine.",
    )


def _only_moved(error: Exception) -> bool:
    """Tell whether every single message of the batch's error says that something is not as it was found."""
    messages = [text for text in re.split(r"(?<=[\w.'\]]), (?=[A-Z])", _raw_text(error).strip("[] ")) if text]
    return bool(messages) and all(any(part in text.lower() for part in _MOVED) for text in messages)


def _raw_text(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Message") or "")


def _text(error: Any, most: int = 500) -> str:
    text = " ".join(_raw_text(error).split())
    return text if len(text) <= most else text[:most] + "…"


def _short(error: Any) -> str:
    return " ".join(str(error).split())[:200]

"""Errors in AWS's words."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from xml.sax.saxutils import escape

_SPACES = {
    "route53": "https://route53.amazonaws.com/doc/2013-04-01/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}
#: Error code → (HTTP status, message). Route 53 API Reference: Common Errors; Developer Guide: Quotas. The last
#: two are what a load balancer or a broken service answers.
ERRORS = {
    "Throttling": (400, "Rate exceeded"),
    "PriorRequestNotComplete": (
        400,
        "The request was rejected because Route 53 was still processing a prior request.",
    ),
    "ExpiredToken": (403, "The security token included in the request is expired"),
    "InvalidClientTokenId": (403, "The security token included in the request is invalid."),
    "SignatureDoesNotMatch": (
        403,
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
        "Access Key and signing method. Consult the service documentation for details.",
    ),
    "InternalFailure": (500, "We encountered an internal error. Please try again."),
    "ServiceUnavailable": (503, "Service is unavailable. Please try again."),
}


@dataclass(frozen=True)
class Answer:
    """What goes back to the client."""

    status: int
    body: bytes
    content_type: str = "text/xml"


def error(service: str, code: str, message: str = "", status: int = 0) -> Answer:
    """Return an error as Route 53 and STS send it; status and message as AWS has them unless they are given."""
    usual_status, usual_message = ERRORS.get(code, (400, ""))
    kind = "Sender" if (status or usual_status) < 500 else "Receiver"
    body = (
        f'<?xml version="1.0"?>\n<ErrorResponse xmlns="{_SPACES[service]}"><Error><Type>{kind}</Type>'
        f"<Code>{code}</Code><Message>{escape(message or usual_message)}</Message></Error>"
        f"<RequestId>{_request_id()}</RequestId></ErrorResponse>"
    )
    return Answer(status or usual_status, body.encode())


def denied(service: str, operation: str, resource: str, user: str) -> Answer:
    """Return the error of a request that no policy allows (IAM User Guide: Troubleshoot access denied errors)."""
    action = f"{service}:{operation}"
    where = f" on resource: {resource}" if resource else ""
    message = (
        f"User: {user} is not authorized to perform: {action}{where} "
        f"because no identity-based policy allows the {action} action"
    )
    return error(service, "AccessDenied", message, 403)


def _request_id() -> str:
    digits = secrets.token_hex(16)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

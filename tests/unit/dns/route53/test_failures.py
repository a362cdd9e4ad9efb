"""What AWS's errors are taken for."""

from __future__ import annotations

import pytest
from ansible.module_utils.fedgate.dns.route53.failures import explain
from ansible.module_utils.fedgate.errors import FedgateError, Refused, WorldMoved
from botocore.exceptions import ClientError

CREATED = "Tried to create resource record set [name='a.example.', type='A'] but it already exists"
GONE = "Tried to delete resource record set [name='a.example.', type='A'] but it was not found"
OTHER = (
    "Tried to delete resource record set [name='a.example.', type='SRV'] but the values provided do not match the "
    "current values"
)
BESIDE = (
    "RRSet of type A with DNS name a.example. is not permitted because a conflicting RRSet of type  CNAME with the "
    "same DNS name already exists in zone example."
)
ALIAS = (
    "RRSet of type CNAME with DNS name a.example. is not permitted as it conflicts with other records with the same "
    "DNS name in zone example."
)
APEX = "RRSet of type CNAME with DNS name example. is not permitted at apex in zone example."
WRONG = "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)'"


def meaning(code: str, message: str) -> FedgateError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return explain(ClientError(response, "X"), "ChangeResourceRecordSets", "the change of zone example", "AKIAKEY")


@pytest.mark.parametrize(
    ("messages", "moved"),
    [
        ([CREATED], True),
        ([GONE, OTHER, BESIDE, ALIAS], True),
        ([CREATED, CREATED], True),
        ([APEX], False),
        ([WRONG], False),
        ([CREATED, WRONG], False),
        ([], False),
    ],
)
def test_a_batch_that_is_refused(messages: list[str], moved: bool) -> None:
    for text in (f"[{', '.join(messages)}]", ", ".join(messages)):
        found = meaning("InvalidChangeBatch", text)
        assert isinstance(found, WorldMoved if moved else Refused)
        assert not messages or " ".join(messages[0].split()) in str(found)


@pytest.mark.parametrize(
    ("code", "message", "says"),
    [
        ("AccessDenied", "User: x is not authorized", "does not allow route53:ChangeResourceRecordSets: User: x"),
        ("SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now", "the clock of this machine"),
        ("RequestExpired", "", "the session of the AWS credentials has expired"),
        ("InvalidSignatureException", "x-amz-security-token:canary", "not that of the access key AKIAKEY"),
        ("UnrecognizedClientException", "", "does not know the access key AKIAKEY"),
        ("NoSuchHostedZone", "No hosted zone found with ID: Z1", "NoSuchHostedZone: No hosted zone found with ID: Z1"),
        ("InvalidInput", "odd", "InvalidInput: odd"),
        ("404", "Not Found", "none of Route 53's"),
    ],
)  # fmt: skip
def test_other_refusals(code: str, message: str, says: str) -> None:
    found = meaning(code, message)
    assert isinstance(found, Refused) and says in str(found) and found.hint
    assert "canary" not in str(found) and str(found).startswith("the change of zone example: ")

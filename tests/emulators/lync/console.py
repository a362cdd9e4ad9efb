"""What a cmdlet says: objects, errors, warnings; kept, and played to the client when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from psrpcore.types import (
    CommandOrigin,
    ErrorCategory,
    ErrorCategoryInfo,
    ErrorRecord,
    InvocationInfo,
    NETException,
    PSCustomObject,
    PSDict,
    PSInt64,
    PSList,
    PSObject,
)


@dataclass
class CmdletError(Exception):
    """An error of a cmdlet as Windows reports it.

    :ivar message: the sentence.
    :ivar error_id: FullyQualifiedErrorId.
    :ivar category: of the error, such as ObjectNotFound.
    :ivar exception: the .NET class, without its namespace's repetition.
    :ivar terminating: whether it ends the pipeline; others are only written to the error stream.
    :ivar target: what it is about.
    """

    message: str
    error_id: str
    category: ErrorCategory = ErrorCategory.NotSpecified
    exception: str = "System.Management.Automation.RuntimeException"
    terminating: bool = False
    target: str = ""

    def record(self, cmdlet: str) -> ErrorRecord:
        """Return it as a record that says which cmdlet it comes from."""
        exception = NETException(Message=self.message, HResult=-2146233087, Data=PSDict())
        exception.PSObject.type_names = [self.exception, *exception.PSTypeNames]
        exception.PSObject.to_string = f"{self.exception}: {self.message}"
        return ErrorRecord(
            Exception=exception,
            CategoryInfo=ErrorCategoryInfo(
                Category=self.category,
                Activity=cmdlet,
                Reason=self.exception.rsplit(".", 1)[-1],
                TargetName=self.target,
                TargetType="String" if self.target else "",
            ),
            TargetObject=self.target or None,
            FullyQualifiedErrorId=f"{self.error_id},{cmdlet}" if cmdlet else self.error_id,
        )


@dataclass
class Console:
    """Output of one pipeline.

    :ivar protocol: what the client speaks.
    :ivar session: what the shell keeps from one pipeline to the next.
    :ivar recorded: messages of another server (kind, CLIXML), given in place of all else.
    :ivar failure: the record of the error that ended the pipeline, None when it ran to its end.
    """

    protocol: Any
    session: dict[str, Any] = field(default_factory=dict)
    output: list[Any] = field(default_factory=list)
    errors: list[ErrorRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failure: ErrorRecord | None = None
    recorded: list[tuple[str, str]] | None = None

    def play(self, pipeline: Any) -> None:
        """Write all of it to a running pipeline of psrpcore."""
        for text in self.warnings:
            pipeline.write_warning(text)
        for value in self.output:
            pipeline.write_output(value)
        for record in self.errors:
            pipeline.write_error(
                record.Exception,
                record.CategoryInfo,
                record.TargetObject,
                record.FullyQualifiedErrorId,
                invocation_info=_invocation(record),
            )


def _invocation(record: ErrorRecord) -> InvocationInfo:
    """Windows fills in where an error comes from when the client asks for it; ours does so always."""
    nothing = dict.fromkeys(("ScriptName", "Line", "PositionMessage", "PSScriptRoot", "InvocationName"), "")
    zero = dict.fromkeys(("ScriptLineNumber", "OffsetInLine", "PipelineLength", "PipelinePosition"), 0)
    info = InvocationInfo(
        MyCommand=record.CategoryInfo.Activity,
        BoundParameters=PSDict(),
        UnboundArguments=PSList(),
        HistoryId=PSInt64(1),
        ExpectingInput=False,
        CommandOrigin=CommandOrigin.Internal,
        **nothing,
        **zero,
    )
    info.PSObject.to_string = "System.Management.Automation.InvocationInfo"
    return info


def decorated(types: list[str], properties: Mapping[str, Any], text: str) -> PSObject:
    """Return an object as a remote session gives it: type names, properties, and its string form."""
    value = PSCustomObject(PSTypeName=types[0], **dict(properties))
    value.PSObject.type_names = list(types)
    value.PSObject.to_string = text
    return value

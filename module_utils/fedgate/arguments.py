"""How AnsibleModule reads its arguments, and what it tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import AnsibleValidationError, UnsupportedError

from . import rows


class QuietModule(AnsibleModule):  # type: ignore[misc]
    """AnsibleModule that writes no arguments into the target's log, and reads large ones in one pass.

    It looks for secrets in the arguments' printed form. A secret with a line break, a quotation mark or a backslash is
    printed otherwise inside a list, so it would be missed there, and stand in the journal.

    :param large: names of the options, lists of mappings, that are kept from Ansible's validation; see ``rows``.
    """

    params: dict[str, Any]

    def __init__(self, argument_spec: Mapping[str, Any], large: Sequence[str] = (), **options: Any) -> None:
        self._large = tuple(large)
        self._apart: dict[str, list[Any]] = {}
        super().__init__(argument_spec=argument_spec, **options)
        wrong = [text for name in self._apart for text in self._read(name, argument_spec[name])]
        if wrong:
            self.fail_json(msg=". ".join(wrong))

    def _load_params(self) -> None:
        super()._load_params()
        self.params = rows.unpacked(self.params)
        for name in self._large:
            if type(self.params.get(name)) is list:
                self._apart[name], self.params[name] = self.params[name], []

    def _read(self, name: str, option: Mapping[str, Any]) -> Sequence[str]:
        def check(row: Any) -> tuple[Any, list[str]]:
            read = ArgumentSpecValidator({name: dict(option)}).validate({name: [row]})
            self.no_log_values.update(read._no_log_values)
            problems = [_said(error) for error in read.errors.errors]
            return (row, problems) if problems else (read.validated_parameters[name][0], [])

        self.params[name], wrong = rows.checked(name, self._apart[name], option["options"], check)
        return wrong

    def _log_invocation(self) -> None:
        self.log("Invoked")

    def exit_json(self, **result: Any) -> None:
        """End the module; arguments that are large are not sent back."""
        super().exit_json(**self._invoked(), **result)

    def fail_json(self, msg: str, **result: Any) -> None:
        """End the module with an error; arguments that are large are not sent back."""
        super().fail_json(msg, **self._invoked(), **result)

    def _invoked(self) -> dict[str, Any]:
        large = {name: rows.shown(value) for name, value in self._apart.items()}
        return {"invocation": {"module_args": {**self.params, **large}}} if large else {}


def _said(error: AnsibleValidationError) -> str:
    """Return an error's text; Ansible leaves it to its module to say of an option that it is not supported."""
    text = str(error.msg)
    return f"unsupported suboption: {text}" if isinstance(error, UnsupportedError) else text

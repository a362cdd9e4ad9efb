"""How the partners reach ``xmpp_partner_policy`` in a run: whatever Ansible would evaluate is evaluated.

Each task fails with the message that tells what the module was given, before it looks at the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
#: The module refuses it with a message that names it.
OURS = "contoso.example"
REFUSED = f"{OURS} is one of our own"
VARIABLES: dict[str, Any] = {
    "ours": OURS,
    "plain": [{"domain": OURS}],
    "name_of_plain": "{{ plain }}",
    "inside": {"partners": [{"domain": OURS}], "items": [{"domain": OURS}]},
    "name_of_inside": "{{ inside.partners }}",
    "with_template": [{"domain": "{{ ours }}"}],
    "with_template_inside": [{"domain": "a.example", "additional_domains": ["{{ ours }}"]}],
    "expression": "{{ plain + [] }}",
    "circle": "{{ circle_too }}",
    "circle_too": "{{ circle }}",
    "left_out": "{{ not_there | default(omit) }}",
    "with_undefined": [{"domain": "{{ not_there }}"}],
    "braces": [{"domain": "{{ ours }}" + "{% raw %}x{{{% endraw %}"}],
    "wrong": [{"domain": "a.example"}, {"domain": "b.example", "tls": "maybe"}],
    "with_quotes": [{"domain": "a.example", "description": 'ü "quoted" \\ \n'}, {"domain": OURS}],
}
CASES: dict[str, tuple[Any, str]] = {
    "written out": ([{"domain": OURS}], REFUSED),
    "written out with a template": ([{"domain": "{{ ours }}"}], REFUSED),
    "a variable": ("{{ plain }}", REFUSED),
    "a variable's name": ("{{ name_of_plain }}", REFUSED),
    "a part": ("{{ inside.partners }}", REFUSED),
    "a part's name": ("{{ name_of_inside }}", REFUSED),
    "a part with the name of a method": ("{{ inside['items'] }}", REFUSED),
    "templates inside": ("{{ with_template }}", REFUSED),
    "templates further inside": ("{{ with_template_inside }}", REFUSED),
    "an expression": ("{{ expression }}", REFUSED),
    "of a task": ("{{ of_the_task }}", REFUSED),
    "quotation marks": ("{{ with_quotes }}", REFUSED),
    "another host's": ("{{ hostvars['localhost'].from_a_host }}", REFUSED),
    "a circle": ("{{ circle }}", "ecursi"),
    "left out": ("{{ left_out }}", "missing required arguments: partners"),
    "undefined": ("{{ not_there }}", "'not_there' is undefined"),
    "undefined inside": ("{{ with_undefined }}", "'not_there' is undefined"),
    "a template that gives braces": ("{{ braces }}", "'contoso.examplex{{' is not a domain name"),
    "not trusted": ("{{ from_elsewhere }}", "unable to evaluate string as dictionary"),
    "wrong": ("{{ wrong }}", "partners[1] (b.example): value of tls must be one of"),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each task said."""
    folder = tmp_path_factory.mktemp("partners")
    tasks: list[dict[str, Any]] = [
        # What a program printed is no template, whatever it looks like.
        {"ansible.builtin.command": {"argv": ["printf", "%s", "{{ '{{' }} plain }}"]}, "register": "printed"},
        {"ansible.builtin.set_fact": {"from_elsewhere": "{{ printed.stdout }}", "from_a_host": VARIABLES["plain"]}},
    ]
    for name, (value, _) in CASES.items():
        tasks += [
            {
                "name": name,
                "xmpp_partner_policy": {"partners": value, "local_hosts": [OURS]},
                "vars": {"of_the_task": [{"domain": OURS}]},
                "register": "result",
                "ignore_errors": True,
            },
            {
                "ansible.builtin.copy": {
                    "content": "{{ result.msg | default('no message') }}",
                    "dest": str(folder / f"{name}.txt"),
                    "mode": "0600",
                }
            },
        ]
    play = [{"hosts": "localhost", "gather_facts": False, "vars": VARIABLES, "tasks": tasks}]
    (folder / "play.yml").write_text(yaml.safe_dump(play, sort_keys=False))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    more = ["-e", json.dumps({"ansible_python_interpreter": sys.executable}), str(folder / "play.yml")]
    done = subprocess.run([*command, *more], env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return {name: (folder / f"{name}.txt").read_text() for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_the_module_is_given_what_ansible_means(said: dict[str, str], name: str) -> None:
    assert CASES[name][1] in said[name]

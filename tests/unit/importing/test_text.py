"""What is written is what will be read, whatever is in it; a comment stays one."""

from __future__ import annotations

import random
from typing import Any

import pytest
import yaml
from ansible.module_utils.fedgate.importing.items import Item, Template, along, left_out, plain
from ansible.module_utils.fedgate.importing.text import document, scalar, variable

WORDS = [
    "", " ", "yes", "No", "~", "null", "1", "0x1F", "1e3", "22:00", "2031-12-31", "=", "<<", "- a", "a: b", "a #b",
    "'", '"', "\\", "\n", "\r", "\t", "\x00", "\x07", "\x85", "\u2028", "\ufeff", "é", "\U0001f600", "{{ a }}",
    "{% b %}", "{# c #}", "!unsafe x", "&a", "*a", "---", "...", "site:London", "a.b-c_d@e.example", "%TAG", "`", "@x",
    "|", ">", "CONTOSO\\admin",
]  # fmt: skip


class Loader(yaml.SafeLoader):
    """Knows the one tag of Ansible's that is written."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def read(text: str) -> Any:
    return yaml.load(text, Loader=Loader)


@pytest.mark.parametrize("word", WORDS, ids=repr)
def test_texts_come_back(word: str) -> None:
    assert read(scalar(word)) == word and "\n" not in scalar(word)


def test_any_text_comes_back_from_anywhere() -> None:
    chance = random.Random(20)
    for _ in range(500):
        parts = ["".join(chance.choices(WORDS, k=chance.randint(1, 6))) for _ in range(3)]
        tree = {"a": parts[0], "b": [parts[1], {"c": Item(parts[2], [parts[0]], parts[1])}]}
        assert read(document([parts[1]], [("name", tree)], [parts[2]])) == {"name": plain(tree)}


def test_what_ansible_would_evaluate_is_marked_and_a_template_is_not() -> None:
    assert scalar("{{ lookup('pipe', 'id') }}").startswith("!unsafe ")
    assert scalar(Template("{{ vault_lync_password }}")) == '"{{ vault_lync_password }}"'


def test_what_is_left_out_is_not_read_whatever_is_in_it() -> None:
    chance = random.Random(21)
    for _ in range(300):
        bad = "".join(chance.choices(WORDS, k=5))
        whole = Item({"domain": bad, "more": [bad, Item(bad)]}, [bad], refused=bad)
        tree = [whole, {"domain": "b.example", "also": [Item(bad, refused=bad), "c"], "gone": Item(bad, refused=bad)}]
        assert (
            read("\n".join(variable("list", tree)))
            == {"list": plain(tree)}
            == {"list": [{"domain": "b.example", "also": ["c"]}]}
        )


def test_a_list_of_which_nothing_is_left_is_empty() -> None:
    assert read("\n".join(variable("list", [Item("x", refused="why")]))) == {"list": []}
    assert read("\n".join(variable("list", []))) == {"list": []}


def test_places_are_counted_without_what_is_left_out() -> None:
    first, second = Item({"a": [Item(1), Item(2, refused="x"), Item(3)]}, refused="y"), Item({"a": [Item(1), Item(4)]})
    tree = [first, second]
    assert [item.value for item in along(tree, [0, "a", 1])] == [second.value, 4]
    assert list(along(tree, [1])) == []
    assert [item.value for item in left_out([second, first])] == [first.value]

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assistant.config.layers import Layer, Origin, Stack

LEAVES = st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
TABLES = st.recursive(
    st.dictionaries(st.sampled_from("abcd"), LEAVES, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), LEAVES | inner, max_size=3),
)


def layer(table: Mapping[str, Any], name: str) -> Layer:
    return Layer(table, lambda _: Origin("flag", name))


def stacked(*tables: Mapping[str, Any]) -> Stack:
    stack = Stack()
    for number, table in enumerate(tables):
        stack.lay(layer(table, str(number)))
    return stack


def merged(under: Any, over: Any) -> Any:
    """What a merge is: the definition, as short as it goes."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return under | {key: merged(under.get(key, {} if isinstance(v, dict) else v), v) for key, v in over.items()}


def leaves(table: dict[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    return set().union(
        *(leaves(v, (*path, k)) if isinstance(v, dict) else {(*path, k)} for k, v in table.items()),
    )


@given(TABLES, TABLES)
def test_tables_are_merged_and_all_else_is_replaced(under: dict[str, Any], over: dict[str, Any]) -> None:
    assert stacked(under, over).table == merged(under, over)


@given(st.lists(TABLES, min_size=1, max_size=4))
def test_every_value_has_the_origin_of_the_last_layer_that_set_it(tables: list[dict[str, Any]]) -> None:
    stack = stacked(*tables)
    assert stack.origins.keys() == leaves(stack.table)
    for path, origin in stack.origins.items():
        last = max(n for n, table in enumerate(tables) if path in leaves(table))
        assert origin.name == str(last)


@given(TABLES, TABLES)
def test_a_layer_is_not_changed_by_what_lies_over_it(under: dict[str, Any], over: dict[str, Any]) -> None:
    before = merged({}, under)
    stacked(under, over)
    assert under == before


def test_another_provider_does_not_get_the_model_voice_and_options_of_the_first() -> None:
    first = {"provider": "one", "model": "m", "voice": "v", "speed": 2, "options": {"api_key": "k"}, "fallback": ["x"]}
    assert stacked({"tts": first}, {"tts": {"provider": "two"}}).table["tts"] == {
        "provider": "two", "speed": 2, "fallback": ["x"],
    }  # fmt: skip
    stack = stacked({"tts": first}, {"tts": {"provider": "two", "model": "n", "options": {"a": 1}}})
    assert stack.table["tts"]["model"] == "n"
    assert stack.table["tts"]["options"] == {"a": 1}
    assert ("tts", "options", "api_key") not in stack.origins


def test_the_same_provider_keeps_them() -> None:
    stack = stacked({"llm": {"provider": "one", "model": "m"}}, {"llm": {"provider": "one", "options": {"a": 1}}})
    assert stack.table["llm"] == {"provider": "one", "model": "m", "options": {"a": 1}}


def test_options_written_before_a_provider_is_chosen_are_for_that_provider() -> None:
    stack = stacked({"llm": {"provider": "", "options": {"a": 1}}}, {"llm": {"provider": "one"}})
    assert stack.table["llm"] == {"provider": "one", "options": {"a": 1}}


def test_the_rule_holds_for_named_instances_and_inside_profiles_and_nowhere_else() -> None:
    named = stacked({"providers": {"b": {"provider": "one", "model": "m"}}}, {"providers": {"b": {"provider": "two"}}})
    assert named.table["providers"]["b"] == {"provider": "two"}
    inside = stacked(
        {"profiles": {"p": {"llm": {"provider": "one", "model": "m"}}}},
        {"profiles": {"p": {"llm": {"provider": "two"}}}},
    )
    assert inside.table["profiles"]["p"]["llm"] == {"provider": "two"}
    option = {"llm": {"options": {"provider": "one", "model": "m"}}}
    assert stacked(option, {"llm": {"options": {"provider": "two"}}}).table["llm"]["options"] == {
        "provider": "two", "model": "m",
    }  # fmt: skip

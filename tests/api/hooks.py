"""What Schemathesis cannot know of Airlock: values of its formats, and ids of objects that stand."""

import json
import os
import zlib

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

STANDING = json.loads(os.environ.get("AIRLOCK_STANDING", "{}"))

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES.filter(lambda name: name != "__proto__"), VALUES, max_size=4)


def plain(value):
    """No key that the server forbids, at any depth."""
    if isinstance(value, dict):
        return "__proto__" not in value and all(map(plain, value.values()))
    return all(map(plain, value)) if isinstance(value, list) else True


schemathesis.openapi.format("json-object", OBJECTS.filter(plain).map(json.dumps))
schemathesis.openapi.format("http-url", st.sampled_from(["https://hooks.example/a?b=c", "http://127.0.0.1:1/", ""]))


def parents_of(path):
    """The parameters of a path with the word that stands before each."""
    segments = path.split("/")
    for word, segment in zip(segments, segments[1:]):
        if segment.startswith("{"):
            yield word, segment.strip("{}")


@schemathesis.hook
def before_call(context, case, kwargs):
    """Mostly names what stands: a random id leads to 404 and no further."""
    meta = case.meta
    if meta is None or "STATEFUL" in str(meta.phase.name).upper():
        return
    place = meta.components.get(ParameterLocation.PATH)
    if place is None or place.mode != GenerationMode.POSITIVE:
        return
    parameters = list(parents_of(case.operation.path))
    for at, (word, name) in enumerate(parameters):
        # What is removed is what the links made, never what stands for all the others.
        own = at == len(parameters) - 1
        standing = None if own and case.method.upper() == "DELETE" else STANDING.get(word if word != "Items" else f"Items/{name}")
        value = case.path_parameters.get(name)
        if standing is not None and zlib.crc32(repr((value, case.body)).encode()) % 4:
            case.path_parameters[name] = standing

"""DynamoDB's wire format: the same as that of boto3, with whole numbers as ``int``."""

from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from shared.aws.dynamodb.wire import from_wire, to_wire
from shared.jobs.job import JobStatus

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.text(max_size=10),
        st.binary(min_size=1, max_size=10),
        st.sampled_from(JobStatus),
        st.sets(st.text(min_size=1, max_size=5), min_size=1, max_size=3),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_values_are_converted_like_boto3(item: dict[str, Any]) -> None:
    """Values of every type, in lists and maps."""
    wire = to_wire(item)
    assert wire == {name: TypeSerializer().serialize(value) for name, value in item.items()}
    assert from_wire(wire) == {name: TypeDeserializer().deserialize(value) for name, value in wire.items()}
    assert from_wire(wire) == item


def test_numbers_are_int() -> None:
    """DynamoDB may write a whole number with an exponent."""
    found = from_wire({"A": {"N": "1E+3"}, "B": {"L": [{"N": "-7"}]}})
    assert found == {"A": 1000, "B": [-7]}
    assert not isinstance(found["A"], Decimal)
    assert type(found["B"][0]) is int

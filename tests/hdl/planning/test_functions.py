"""Functions that are equal by construction are one node, and what is constant or a copy is none."""

import pytest

from hdl.planning.functions import FALSE, TABLE_INPUTS, TRUE, Functions, Kind


@pytest.fixture
def make() -> Functions:
    return Functions()


def sources(make: Functions, number: int) -> list[int]:
    return [make.node(Kind.SOURCE) for _ in range(number)]


def test_a_function_and_its_complement_are_one_node(make):
    a, b = sources(make, 2)
    assert make.every(a, b) == make.every(b, a, TRUE, a)
    assert make.some(a ^ 1, b ^ 1) == make.every(a, b) ^ 1
    assert make.differ(a ^ 1, b) == make.differ(a, b) ^ 1 == make.choose(a, b ^ 1, b)
    assert make.every(a, a ^ 1) == make.every(a, FALSE) == make.differ(b, b) == FALSE
    assert make.every() == make.differ(a, a ^ 1) == TRUE


def test_a_choice_between_constants_or_its_own_select_is_a_smaller_function(make):
    select, a, b = sources(make, 3)
    assert make.choose(select, FALSE, TRUE) == select
    assert make.choose(select ^ 1, a, b) == make.choose(select, b, a)
    assert make.choose(select, a ^ 1, b ^ 1) == make.choose(select, a, b) ^ 1
    assert make.choose(select, FALSE, b) == make.every(select, b) == make.choose(select, select, b)
    assert make.choose(select, TRUE, b) == make.some(select ^ 1, b)
    assert make.choose(select, a, TRUE) == make.some(select, a) == make.choose(select, a, select)
    assert make.choose(select, a, a) == a


def test_a_majority_with_a_constant_or_twice_the_same_is_a_smaller_function(make):
    a, b, c = sources(make, 3)
    assert make.majority(a, b, FALSE) == make.every(a, b)
    assert make.majority(TRUE, a, b) == make.some(a, b)
    assert make.majority(a, c, a) == a
    assert make.majority(a, b, a ^ 1) == b
    assert make.majority(c, a, b) == make.majority(a, b, c)


@pytest.mark.parametrize(("number", "tables"), [(4, 1), (7, 2), (10, 3), (13, 4)])
def test_many_terms_are_packed_into_tables_of_four_inputs(make, number, tables):
    made = len(make.kinds) + number
    make.all_of(sources(make, number))
    assert len(make.kinds) - made == tables
    assert all(len(reads) <= TABLE_INPUTS for reads in make.reads)


def test_rows_of_a_table_that_are_constant_or_copies_of_an_address_bit_are_free(make):
    address = sources(make, 5)
    made = len(make.kinds)
    assert make.looked_up(0, address) == FALSE
    assert make.looked_up(2**32 - 1, address) == TRUE
    assert make.looked_up(0xFFFF0000, address) == address[4]
    assert make.looked_up(0x55555555, address) == address[0] ^ 1
    assert len(make.kinds) == made


def test_equal_pieces_of_tables_are_one_node(make):
    address = sources(make, 5)
    piece = make.looked_up(0x1234, address[:4])
    made = len(make.kinds)
    assert make.looked_up(0x12341234, address) == piece
    assert make.looked_up(0xEDCB, address[:4]) == piece ^ 1
    assert make.looked_up(0xEDCB1234, address) == make.differ(address[4], piece)
    assert len(make.kinds) == made + 1

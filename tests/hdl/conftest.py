"""What tests of circuits share."""

import pytest

from tests.hdl.addresses import addresses_checked
from tests.hdl.collisions import garbage_for_undefined_reads


@pytest.fixture
def garbage_reads():
    """Memories give garbage where a read collides with a write; the names of modules that built some.

    Those that are written refuse addresses beyond their last row, too.
    """
    with addresses_checked(tables=False), garbage_for_undefined_reads() as built:
        yield built

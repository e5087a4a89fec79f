"""What tests of circuits share."""

import pytest

from tests.hdl.collisions import garbage_for_undefined_reads


@pytest.fixture
def garbage_reads():
    """Memories give garbage where a read collides with a write; the names of modules that built some."""
    with garbage_for_undefined_reads() as built:
        yield built

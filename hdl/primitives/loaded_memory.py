"""The memories of a table that can be loaded."""

from amaranth.hdl import Module, Mux, unsigned
from amaranth.lib.memory import Memory, ReadPort

from hdl.devices.features import DeviceFeatures
from hdl.primitives.fast_contents import set_words
from hdl.primitives.reload import LoadedTable
from hdl.primitives.single_port import SinglePortMemory


def loaded_memory(m: Module, table: LoadedTable) -> ReadPort:
    """The memories of a table, added to `m`, with one synchronous read port.

    What of its rows lies in single-port memories is read and written at one address.
    """
    bits = table.single_port_bits
    if not bits:
        return _written(m, table, 0)
    port = ReadPort.Signature(addr_width=len(table.address), shape=unsigned(table.width)).create()
    single = SinglePortMemory(table.depth, bits, DeviceFeatures(single_port_memories=True), waits=True)
    m.submodules[f"{table.name}_single_port"] = single
    m.d.comb += [
        single.address.eq(Mux(table.write, table.address, port.addr)),
        single.enable.eq(port.en),
        single.write.eq(table.write),
        single.w_data.eq(table.data[:bits]),
    ]
    if bits < table.width:
        others = _written(m, table, bits)
        m.d.comb += [others.addr.eq(port.addr), others.en.eq(port.en), port.data[bits:].eq(others.data)]
    m.d.comb += port.data[:bits].eq(single.r_data)
    return port


def _written(m: Module, table: LoadedTable, start: int) -> ReadPort:
    """A memory of a table's bits from one on, which begin as the table does."""
    memory = Memory(
        shape=unsigned(table.width - start), depth=table.depth, init=[], attrs={"ram_style": table.style}
    )
    set_words(memory, [word >> start for word in table.words])
    m.submodules[table.name] = memory
    write = memory.write_port()
    m.d.comb += [
        write.addr.eq(table.address),
        write.data.eq(table.data[start:] if start else table.data),
        write.en.eq(table.write),
    ]
    return memory.read_port()

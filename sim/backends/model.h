// A compiled design as a C++ class `Design`, whichever tool wrote it: by Yosys' write_cxxrtl (`design.cpp`), or by
// Verilator (`Vtop.h`) if VERILATED is defined. `put` and `get` reach its ports; a cycle is `before_edge`, after which
// the outputs can be read, and `edge`. The includer defines PORT_CLK, the clock's member.
// With CXXRTL, the compiler's command line defines ONE_PASS: 1 if one evaluation settles all of the model. It then
// computes the outputs before the clock's edge and the state after it in the same pass; otherwise the low clock is
// evaluated on its own. The model is compiled together with its driver, which calls it without a detour.

#include <cstdint>

#if VERILATED
#include "Vtop.h"

// A context of its own for every instance: instances run in threads.
struct Context { VerilatedContext context; };
struct Design : private Context, public Vtop {
    Design() : Vtop(&context) {}
};

template <class Port>
void put(Port &port, uint64_t value) { port = value; }

template <class Port>
uint64_t get(const Port &port) { return port; }

void before_edge(Design &top) {
    top.PORT_CLK = 0;
    top.eval();
}

void edge(Design &top) {
    top.PORT_CLK = 1;
    top.eval();
}
#else
#if ONE_PASS
#include "one_pass.h"
#endif
#include "design.cpp"
using Design = cxxrtl_design::p_top;

template <class Port>
void put(Port &port, uint64_t value) { port.template set<uint64_t>(value); }

template <class Port>
uint64_t get(const Port &port) { return port.template get<uint64_t>(); }

void before_edge(Design &top) {
#if ONE_PASS
    top.eval();
#else
    put(top.PORT_CLK, 0);
    top.step();
#endif
}

void edge(Design &top) {
#if ONE_PASS
    top.commit();
#else
    put(top.PORT_CLK, 1);
    top.step();
#endif
}
#endif

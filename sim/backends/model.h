// A compiled design as a C++ class `Design`, whichever tool wrote it: by Yosys' write_cxxrtl (`design.cpp`), or by
// Verilator (`Vtop.h`) if VERILATED is defined. `put` and `get` reach its ports; a cycle is `before_edge`, after which
// the outputs can be read, and `edge`. The includer defines PORT_CLK, the clock's member.
// With CXXRTL, the compiler's command line defines ONE_PASS: 1 if one evaluation settles all of the model. It then
// computes the outputs before the clock's edge and the state after it in the same pass; otherwise the low clock is
// evaluated on its own. The model is compiled together with its driver, which calls it without a detour.
// With CXXRTL, `each_word` visits all registers and memories, by the generated `state.h`, which defines
//   STATE(X)        X(member) for each of them
// so that after an `edge` a design can be saved and another one of its kind put into the same state.

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

constexpr bool SAVABLE = false;

template <class Visitor>
void each_word(Design &, Visitor) {}
#else
#if ONE_PASS
#include "one_pass.h"
#endif
#include "design.cpp"
#include "state.h"
using Design = cxxrtl_design::p_top;

constexpr bool SAVABLE = true;

template <size_t Bits, class Visitor>
void each_word_of(cxxrtl::wire<Bits> &wire, Visitor &visit) {
    for (auto &word : wire.curr.data)
        visit(word);
    wire.next = wire.curr;
}

template <size_t Bits, class Visitor>
void each_word_of(cxxrtl::memory<Bits> &memory, Visitor &visit) {
    for (size_t index = 0; index < memory.depth; index++)
        for (auto &word : memory.data[index].data)
            visit(word);
}

template <class Visitor>
void each_word(Design &top, Visitor visit) {
#define VISIT(MEMBER) each_word_of(top.MEMBER, visit);
    STATE(VISIT)
#undef VISIT
}

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

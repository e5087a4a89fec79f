// A board's whole top, compiled (by model.h and board.h), between a power switch and an SPI line: a host that exchanges
// bytes, in mode 0, most significant bit first.
//
// Half a period of SCK lasts so many clock cycles as the host's clock has it, which need not be whole.

#include <cstddef>
#include <cstdint>

#define PORT_CLK p_clk
#include "model.h"

namespace {

struct Host {
    double half;
    double until = 0;  // cycles that are still to pass
    bool miso = false;
};

}  // namespace

#include "board.h"

namespace {

void pass(Board *board, double cycles) {
    auto &host = board->host;
    for (host.until += cycles; host.until >= 1; host.until -= 1) {
        before_edge(board->top);
        host.miso = get(board->top.p_miso);
        edge(board->top);
    }
}

}  // namespace

extern "C" {

// `half`: clock cycles of half a period of SCK.
Board *power_up(double half) {
    auto *board = new Board;
    board->host.half = half;
    put(board->top.p_cs__n, 1);
    return board;
}

void run(Board *board, uint64_t cycles) { pass(board, double(cycles)); }

// Sends bytes, and writes as many that came in their place.
void exchange(Board *board, uint8_t *bytes, size_t count) {
    auto &host = board->host;
    auto &top = board->top;
    put(top.p_cs__n, 0);
    for (size_t index = 0; index < count; index++) {
        uint8_t came = 0;
        for (int bit = 7; bit >= 0; bit--) {
            put(top.p_mosi, bytes[index] >> bit & 1);
            pass(board, host.half);
            came = uint8_t(came << 1 | host.miso);
            put(top.p_sck, 1);
            pass(board, host.half);
            put(top.p_sck, 0);
        }
        bytes[index] = came;
    }
    pass(board, host.half);
    put(top.p_cs__n, 1);
    pass(board, host.half);
}

}  // extern "C"

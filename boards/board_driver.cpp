// A board's whole top, compiled (by model.h and board.h), between a power switch and a serial line: what a host at
// the other end of the line says and hears, in bytes.
//
// The host's bits last so many clock cycles as baud rate and clock have it, not as the board's divisor rounds it.

#include <cstddef>
#include <cstdint>
#include <deque>

#define PORT_CLK p_clk
#include "model.h"

namespace {

constexpr int FRAME_BITS = 10;  // start, eight of data, stop

// The host's transmitter: the line's level in every cycle.
struct Talker {
    double bit;
    std::deque<uint8_t> bytes;
    bool low = false;
    unsigned frame = 0;
    int left = 0;
    double until = 0;  // cycles that the current bit still lasts

    bool level() {
        if (low)
            return false;
        if (until < 1) {
            if (left > 0) {
                frame >>= 1;
                left--;
            }
            if (left == 0) {
                if (bytes.empty())
                    return true;
                frame = 1u << (FRAME_BITS - 1) | unsigned(bytes.front()) << 1;
                bytes.pop_front();
                left = FRAME_BITS;
            }
            until += bit;
        }
        until -= 1;
        return frame & 1;
    }

    // Holding the line low cuts off what was under way.
    void hold(bool held) {
        low = held;
        bytes.clear();
        left = 0;
        until = 0;
    }
};

// The host's receiver: a falling edge, then a sample in the middle of each bit.
struct Listener {
    double bit;
    std::deque<uint8_t> bytes;
    bool before = true;
    int sampled = FRAME_BITS;
    unsigned frame = 0;
    double until = 0;

    void hear(bool level) {
        if (sampled < FRAME_BITS) {
            until -= 1;
            if (until < 1) {
                frame |= unsigned(level) << sampled++;
                until += bit;
                if (sampled == FRAME_BITS)
                    bytes.push_back(uint8_t(frame >> 1));
            }
        } else if (before && !level) {
            sampled = 0;
            frame = 0;
            until = bit / 2;
        }
        before = level;
    }
};

struct Host {
    Talker talker;
    Listener listener;
};

}  // namespace

#include "board.h"

extern "C" {

// `bit`: clock cycles of a bit of the line.
Board *power_up(double bit) {
    auto *board = new Board;
    board->host.talker.bit = board->host.listener.bit = bit;
    return board;
}

void say(Board *board, const uint8_t *bytes, size_t count) {
    board->host.talker.bytes.insert(board->host.talker.bytes.end(), bytes, bytes + count);
}

void hold(Board *board, int32_t low) { board->host.talker.hold(low); }

// Bytes that have not begun to leave.
size_t unsaid(const Board *board) { return board->host.talker.bytes.size(); }

// Takes bytes that were heard, at most `room`; how many.
size_t hear(Board *board, uint8_t *bytes, size_t room) {
    auto &heard = board->host.listener.bytes;
    size_t count = 0;
    while (count < room && !heard.empty()) {
        bytes[count++] = heard.front();
        heard.pop_front();
    }
    return count;
}

void run(Board *board, uint64_t cycles) {
    for (uint64_t cycle = 0; cycle < cycles; cycle++) {
        put(board->top.p_rx, board->host.talker.level());
        before_edge(board->top);
        board->host.listener.hear(get(board->top.p_tx));
        edge(board->top);
    }
}

}  // extern "C"

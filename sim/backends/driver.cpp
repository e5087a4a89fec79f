// Drives a compiled design (`model.h`) through a whole stimulus in one call, by the rules of sim/stimulus.py.
// `ports.h` is generated and defines
//   PORT_CLK PORT_RST PORT_I__VALID ...           members of the design's class
//   LOGIT_OFFSET LOGIT_WIDTH LOGIT_LAST_OFFSET OVERRUN_OFFSET ENDS_OFFSET    places in the payload of `o`
//   TAP_COUNT and TAPS(X)                         X(index, valid port, value port, width of the value) for each tap

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ports.h"

#include "model.h"

namespace {

struct Dice {
    uint64_t state, threshold;

    bool roll() {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (state >> 32) < threshold;
    }
};

int64_t sign_extend(uint64_t value, unsigned width) {
    const uint64_t sign = uint64_t(1) << (width - 1);
    return int64_t((value ^ sign) - sign);
}

uint64_t field(uint64_t payload, unsigned offset, unsigned width) {
    return (payload >> offset) & (width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1);
}

struct Result {
    std::vector<int64_t> logits, logit_last, overruns, ends, step_cycles, answer_cycles, recording, state;
    std::vector<int64_t> taps[TAP_COUNT + 1];
    int64_t taken = 0;
    uint64_t ended = 0;
};

}  // namespace

extern "C" {

struct Request {
    const uint64_t *payloads;
    const uint8_t *starts;
    uint64_t beats, sequences;
    int64_t reset_after;  // negative: none
    uint64_t reset_wait;  // cycles from the last beat before the reset to the reset
    uint64_t gap_state, gap_threshold, stall_state, stall_threshold;
    uint64_t watchdog, drain;
    uint64_t record;  // whether every cycle's ports are kept
    const int64_t *state;  // words to begin with instead of a reset; null: none
    uint64_t words;
    uint64_t open;  // whether the last sequence does not end: then it is over when nothing has moved for `drain` cycles
};

// Plays the request on a fresh instance of the design; the result is freed with `forget`. `stuck` becomes 1 if the
// watchdog ran out, and 2 if the state is no state of this design.
Result *play(const Request *request, int32_t *stuck) {
    Design top;
    auto *result = new Result;
    Dice gap{request->gap_state, request->gap_threshold};
    Dice stall{request->stall_state, request->stall_threshold};

    bool resetting = request->reset_after == 0, running = request->reset_after < 0, draining = false;
    uint64_t limit = running ? request->beats : uint64_t(request->reset_after);
    bool offered = false;
    uint64_t cycle = 0, idle = 0, end = 0, waited = 0;
    *stuck = 0;
    if (request->state) {
        uint64_t words = 0;
        each_word(top, [&](uint32_t &) { words++; });
        if (words != request->words) {
            *stuck = 2;
            return result;
        }
        const int64_t *next = request->state;
        each_word(top, [&](uint32_t &word) { word = uint32_t(*next++); });
    }

    for (;;) {
        const bool pause = gap.roll(), wait = stall.roll();
        offered = !resetting && uint64_t(result->taken) < limit && (offered || !pause);
        const bool accepting = !resetting && !wait;
        put(top.PORT_RST, resetting);
        put(top.PORT_I__VALID, offered);
        put(top.PORT_I__PAYLOAD, offered ? request->payloads[result->taken] : 0);
        put(top.PORT_O__READY, accepting);
        before_edge(top);

        const bool was_resetting = resetting;
        if (!was_resetting) {
            idle++;
            if (request->record) {
                auto &row = result->recording;
                row.push_back(offered);
                row.push_back(get(top.PORT_I__READY));
                row.push_back(offered ? int64_t(request->payloads[result->taken]) : 0);
                row.push_back(get(top.PORT_O__VALID));
                row.push_back(accepting);
                row.push_back(get(top.PORT_O__VALID) ? int64_t(get(top.PORT_O__PAYLOAD)) : 0);
#define ROW(INDEX, VALID, VALUE, WIDTH)                                                  \
    row.push_back(get(top.VALID));                                                       \
    row.push_back(get(top.VALID) ? sign_extend(get(top.VALUE), WIDTH) : 0);
                TAPS(ROW)
#undef ROW
            }
#define RECORD(INDEX, VALID, VALUE, WIDTH)                                                   \
    if (get(top.VALID)) {                                                             \
        result->taps[INDEX].push_back(sign_extend(get(top.VALUE), WIDTH));        \
        idle = 0;                                                                            \
    }
            TAPS(RECORD)
#undef RECORD
            if (offered && get(top.PORT_I__READY)) {
                if (request->starts[result->taken])
                    result->step_cycles.push_back(cycle);
                result->taken++;
                offered = false;
                idle = 0;
            }
            if (accepting && get(top.PORT_O__VALID)) {
                const uint64_t payload = get(top.PORT_O__PAYLOAD);
                const bool last = field(payload, LOGIT_LAST_OFFSET, 1);
                result->logits.push_back(sign_extend(field(payload, LOGIT_OFFSET, LOGIT_WIDTH), LOGIT_WIDTH));
                result->logit_last.push_back(last);
                idle = 0;
                if (last) {
                    result->overruns.push_back(field(payload, OVERRUN_OFFSET, 1));
                    result->ends.push_back(field(payload, ENDS_OFFSET, 1));
                    result->ended += result->ends.back();
                }
                if (running && !draining && last) {
                    result->answer_cycles.push_back(cycle);
                    if (result->ended == request->sequences) {
                        draining = true;
                        end = cycle + 1 + request->drain;
                    }
                }
            }
            cycle++;
            if (!running && uint64_t(result->taken) == limit) {
                resetting = waited++ == request->reset_wait;
            } else if (draining && cycle == end) {
                return result;
            } else if (request->open && uint64_t(result->taken) == limit && idle >= request->drain) {
                edge(top);
                each_word(top, [&](uint32_t &word) { result->state.push_back(word); });
                return result;
            } else if (idle >= request->watchdog) {
                *stuck = 1;
                return result;
            }
        }
        edge(top);
        if (was_resetting) {
            *result = Result();
            resetting = false;
            running = true;
            limit = request->beats;
            cycle = idle = 0;
        }
    }
}

// Lists of a result: 0 logits, 1 their marks, 2 overruns, 3 ends of sequences, 4 cycles of steps, 5 cycles of answers,
// 6 a row of ports for each recorded cycle (see sim/recording.py), 7 the state of a sequence that is open, 8... the taps.
static std::vector<int64_t> &list(Result *result, uint32_t index) {
    switch (index) {
        case 0: return result->logits;
        case 1: return result->logit_last;
        case 2: return result->overruns;
        case 3: return result->ends;
        case 4: return result->step_cycles;
        case 5: return result->answer_cycles;
        case 6: return result->recording;
        case 7: return result->state;
        default: return result->taps[index - 8];
    }
}

int64_t taken(const Result *result) { return result->taken; }
size_t length(Result *result, uint32_t index) { return list(result, index).size(); }
const int64_t *items(Result *result, uint32_t index) { return list(result, index).data(); }
void forget(Result *result) { delete result; }

}  // extern "C"

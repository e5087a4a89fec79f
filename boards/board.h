// A board's whole top, compiled, with a host at its line; the includer defines `Host`, and includes model.h first.

struct Board {
    Design top;
    Host host;
};

extern "C" {

// The words of all registers and memories, behind a `run`; without a place, only how many there are.
size_t save(Board *board, int64_t *words) {
    size_t count = 0;
    each_word(board->top, [&](uint32_t &word) {
        if (words)
            words[count] = word;
        count++;
    });
    return count;
}

// Puts a board into the state of another one; `words` has as many as `save` told.
void restore(Board *board, const int64_t *words) {
    each_word(board->top, [&](uint32_t &word) { word = uint32_t(*words++); });
}

void power_down(Board *board) { delete board; }

}  // extern "C"

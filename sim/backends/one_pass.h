// CXXRTL's runtime asks of every register and memory, in every cycle, whether it changed: that is how it knows when
// to evaluate once more. A model that one evaluation settles has no use for the answer, and without the question a
// commit is plain copying. These specialisations, for the widths that designs have, double the speed of the whole
// simulation; wider registers and memories keep the runtime's own way. Include before the model.

#include <iterator>

#include <cxxrtl/cxxrtl.h>

namespace cxxrtl {

#define STATESPIKE_WIDTH(BITS)                                                                                  \
    template <>                                                                                                 \
    template <>                                                                                                 \
    inline bool wire<BITS>::commit<observer>(observer &) {                                                      \
        curr = next;                                                                                            \
        return false;                                                                                           \
    }                                                                                                           \
    /* Most writes are disabled; the others wait in the order of their priority. */                             \
    template <>                                                                                                 \
    inline void memory<BITS>::update(size_t index, const value<BITS> &val, const value<BITS> &mask, int rank) { \
        if (mask.is_zero())                                                                                     \
            return;                                                                                             \
        auto place = write_queue.end();                                                                         \
        while (place != write_queue.begin() && rank < std::prev(place)->priority)                               \
            --place;                                                                                            \
        write_queue.insert(place, write{index, val, mask, rank});                                               \
    }                                                                                                           \
    template <>                                                                                                 \
    template <>                                                                                                 \
    inline bool memory<BITS>::commit<observer>(observer &) {                                                    \
        for (const write &entry : write_queue)                                                                  \
            data[entry.index] = data[entry.index].update(entry.val, entry.mask);                                \
        write_queue.clear();                                                                                    \
        return false;                                                                                           \
    }

#define STATESPIKE_WIDTHS(FROM)                                                                            \
    STATESPIKE_WIDTH(FROM) STATESPIKE_WIDTH(FROM + 1) STATESPIKE_WIDTH(FROM + 2) STATESPIKE_WIDTH(FROM + 3) \
    STATESPIKE_WIDTH(FROM + 4) STATESPIKE_WIDTH(FROM + 5) STATESPIKE_WIDTH(FROM + 6) STATESPIKE_WIDTH(FROM + 7)

STATESPIKE_WIDTHS(1)
STATESPIKE_WIDTHS(9)
STATESPIKE_WIDTHS(17)
STATESPIKE_WIDTHS(25)
STATESPIKE_WIDTHS(33)
STATESPIKE_WIDTHS(41)
STATESPIKE_WIDTHS(49)
STATESPIKE_WIDTHS(57)

#undef STATESPIKE_WIDTHS
#undef STATESPIKE_WIDTH

}  // namespace cxxrtl

/* Prints what the network is given of real numbers, as firmware would send it: firmware NUMBER... */
#include <stdio.h>
#include <stdlib.h>

#include "network.h"

int main(int count, char **arguments)
{
    printf("network %.12s: %d values a step, %d classes\n", TOP_NETWORK_SHA256, TOP_BEATS_PER_STEP, TOP_CLASSES);
    for (int place = 1; place < count; place++) {
        const int32_t word = top_input_from_real(strtod(arguments[place], NULL));
        const uint32_t payload = top_input(word, place == 1, place == count - 1);
        printf("step %d: word %ld is %g, payload 0x%lx\n", place - 1, (long)word, top_input_real(word),
               (unsigned long)payload);
    }
    printf("a logit of 1: %g\n", top_logit_real(1));
    return 0;
}

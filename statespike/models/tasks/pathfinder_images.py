"""The images of Pathfinder, drawn in machine code: target paths, distractors and discs."""

from math import cos, hypot, pi, sin

import numba
import numpy as np
from numpy.typing import NDArray

# Lengths are in pixels.
SIDE = 32
PADDING = 1.0
"""Width of the border that no path enters."""
SEGMENTS = 14
"""Segments of each of the two target paths."""
SEGMENT, GAP, THICKNESS = 2.0, 1.0, 0.5
"""Length of a segment, distance to the next one, and thickness."""
CLEARANCE = GAP + 2 * THICKNESS
"""Least distance between the middle lines of segments that do not follow each other."""
START_DISTANCE = 7.0
"""Between the starts of the target paths."""
DISTRACTORS, DISTRACTOR_SEGMENTS = 5, (4, 5)
"""How many short paths there are, fewer where none fits, and the fewest and most segments of one."""
DISC_RADIUS = 1.5
DISC_DISTANCE = 2 * DISC_RADIUS + GAP
"""Least distance between the two discs' centres."""
SAMPLES = 4
"""Points along a pixel's side at which coverage is measured."""
LEVELS = 256
PATH_BRIGHTNESS, DISC_BRIGHTNESS = 1.5, 1.0
"""Of a covered pixel; values over 1 saturate."""
TURNS_TRIED, STARTS_TRIED = 12, 20
SPLIT_IMAGES = 1 << 24
"""Images a split has at most; each has a random seed of its own."""


def draw_images(count: int, split: int) -> NDArray[np.uint8]:
    """Draw images uint8 (count, 32, 32), of which every second has both discs on one path."""
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        segments = place(split * SPLIT_IMAGES + index, index % 2 == 1)
        _render(segments, last_target(index % 2 == 1), images[index])
    return images


@numba.njit(cache=True)
def last_target(connected):
    """Index of the segment whose end has the second disc; the first is at the start of segment 0."""
    return (SEGMENTS if connected else 2 * SEGMENTS) - 1


@numba.njit(cache=True)
def place(seed, connected):
    """Place the segments of an image, two target paths, then distractors: (n, 4), x, y, x, y of the ends."""
    np.random.seed(seed)
    segments = np.empty((2 * SEGMENTS + DISTRACTORS * DISTRACTOR_SEGMENTS[1], 4))
    last = last_target(connected)
    apart = 0.0
    while apart < DISC_DISTANCE:
        while not _grow_targets(segments):
            pass
        apart = hypot(segments[0, 0] - segments[last, 2], segments[0, 1] - segments[last, 3])
    placed = 2 * SEGMENTS
    for _ in range(DISTRACTORS):
        length = DISTRACTOR_SEGMENTS[0]
        length += int(np.random.random() * (DISTRACTOR_SEGMENTS[1] - length + 1))
        for _ in range(STARTS_TRIED):
            if _grow(segments, placed, length, np.random.random() * SIDE, np.random.random() * SIDE):
                placed += length
                break
    return segments[:placed]


@numba.njit(cache=True)
def _render(segments, last, image):
    """Draw the segments, and the discs over them, into an image (32, 32) uint8."""
    paths, discs = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    for index in range(len(segments)):
        _cover(paths, segments[index], THICKNESS / 2)
    # A disc is a segment without length.
    segments[0, 2], segments[0, 3] = segments[0, 0], segments[0, 1]
    segments[last, 0], segments[last, 1] = segments[last, 2], segments[last, 3]
    _cover(discs, segments[0], DISC_RADIUS)
    _cover(discs, segments[last], DISC_RADIUS)
    for row in range(SIDE):
        for column in range(SIDE):
            bright = max(paths[row, column] * PATH_BRIGHTNESS, discs[row, column] * DISC_BRIGHTNESS)
            image[row, column] = int(min(bright, 1.0) * (LEVELS - 1) + 0.5)


@numba.njit(cache=True)
def _grow_targets(segments):
    """Place both target paths; false if they find no way."""
    if not _grow(segments, 0, SEGMENTS, np.random.random() * SIDE, np.random.random() * SIDE):
        return False
    for _ in range(STARTS_TRIED):
        direction = np.random.random() * 2 * pi
        x = segments[0, 0] + START_DISTANCE * cos(direction)
        y = segments[0, 1] + START_DISTANCE * sin(direction)
        if _grow(segments, SEGMENTS, SEGMENTS, x, y):
            return True
    return False


@numba.njit(cache=True)
def _grow(segments, first, length, x, y):
    """Place a path of `length` segments (x, y, x, y) that starts at a point; false if it finds no way."""
    angle = np.random.random() * 2 * pi
    for index in range(first, first + length):
        for _ in range(TURNS_TRIED):
            turn = 0.0 if index == first else _turn()
            gap = 0.0 if index == first else GAP
            left, top = x + gap * cos(angle + turn / 2), y + gap * sin(angle + turn / 2)
            right, bottom = left + SEGMENT * cos(angle + turn), top + SEGMENT * sin(angle + turn)
            segment = segments[index]
            segment[0], segment[1], segment[2], segment[3] = left, top, right, bottom
            if _fits(segments, index, index - 1 if index > first else index):
                break
        else:
            return False
        x, y, angle = right, bottom, angle + turn
    return True


@numba.njit(cache=True)
def _turn():
    """Draw an angle from the density proportional to its squared cosine, within a right angle."""
    while True:
        turn = (np.random.random() - 0.5) * pi
        if np.random.random() < cos(turn) ** 2:
            return turn


@numba.njit(cache=True)
def _fits(segments, index, compared):
    """Whether a segment lies within the border and clear of the first `compared` segments."""
    for value in segments[index]:
        if not PADDING <= value <= SIDE - PADDING:
            return False
    nearest = CLEARANCE
    for other in range(compared):
        nearest = min(nearest, _distance(segments[index], segments[other]))
        if nearest < CLEARANCE:
            break
    return nearest >= CLEARANCE


@numba.njit(cache=True)
def _distance(one, other):
    """Distance of two segments (x, y, x, y) that do not cross.

    Of two that do, it is at most half a segment, which is less than the clearance.
    """
    return min(
        min(_to_segment(one[0], one[1], other), _to_segment(one[2], one[3], other)),
        min(_to_segment(other[0], other[1], one), _to_segment(other[2], other[3], one)),
    )


@numba.njit(cache=True)
def _to_segment(x, y, segment):
    """Distance of a point from a segment (x, y, x, y), which may be a point as well."""
    along_x, along_y = segment[2] - segment[0], segment[3] - segment[1]
    square = along_x**2 + along_y**2
    share = 0.0
    if square > 0.0:
        share = ((x - segment[0]) * along_x + (y - segment[1]) * along_y) / square
        share = min(max(share, 0.0), 1.0)
    return hypot(x - segment[0] - share * along_x, y - segment[1] - share * along_y)


@numba.njit(cache=True)
def _cover(canvas, segment, radius):
    """Add to each pixel the share of it that lies within `radius` of a segment."""
    left, right = min(segment[0], segment[2]) - radius, max(segment[0], segment[2]) + radius
    top, bottom = min(segment[1], segment[3]) - radius, max(segment[1], segment[3]) + radius
    for row in range(max(0, int(top)), min(SIDE, int(bottom) + 1)):
        for column in range(max(0, int(left)), min(SIDE, int(right) + 1)):
            for sample in range(SAMPLES * SAMPLES):
                x = column + (sample % SAMPLES + 0.5) / SAMPLES
                y = row + (sample // SAMPLES + 0.5) / SAMPLES
                if _to_segment(x, y, segment) <= radius:
                    canvas[row, column] += 1.0 / SAMPLES**2

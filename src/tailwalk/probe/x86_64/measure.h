/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's markers: 8-byte no-ops whose displacement no compiler emits. A
 * counting plugin knows them when it translates them; to the CPU they are
 * nothing. */
#ifndef TAILWALK_MEASURE_H
#define TAILWALK_MEASURE_H

#define MARK(number) ".byte 0x0f,0x1f,0x84,0x00," #number ",0x57,0x4c,0x54\n\t"
#define MARK_BEGIN MARK(0x01) /* round what is measured */
#define MARK_END MARK(0x02)
#define MARK_PROGRAM MARK(0x03) /* a program is about to begin, has ended */
#define MARK_PROGRAM_END MARK(0x04)

#endif

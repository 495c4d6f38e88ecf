/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The region of a program that `tailwalk exec` counts, from TAILWALK_BEGIN to
 * TAILWALK_END, as often as it comes to them. Anywhere else they do nothing: each
 * is a no-op of eight bytes.
 */
#ifndef TAILWALK_H
#define TAILWALK_H

#ifdef __x86_64__
#define TAILWALK_MARK(number) \
	__asm__ volatile(".byte 0x0f,0x1f,0x84,0x00," #number ",0x57,0x4c,0x54" ::: "memory")
#else
#define TAILWALK_MARK(number) ((void)0)
#endif

#define TAILWALK_BEGIN TAILWALK_MARK(0x05)
#define TAILWALK_END TAILWALK_MARK(0x06)

#endif

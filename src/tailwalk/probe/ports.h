/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86 port I/O; unlike <sys/io.h>'s, the string forms tell the compiler that
 * they touch memory. */
#ifndef TAILWALK_PORTS_H
#define TAILWALK_PORTS_H

#include <stddef.h>
#include <stdint.h>

static inline void port_out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void port_out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void port_write(uint16_t port, const void *data, size_t length)
{
	__asm__ volatile("rep outsb" : "+S"(data), "+c"(length) : "d"(port) : "memory");
}

static inline void port_read(uint16_t port, void *data, size_t length)
{
	__asm__ volatile("rep insb" : "+D"(data), "+c"(length) : "d"(port) : "memory");
}

#endif

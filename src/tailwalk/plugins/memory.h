/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What accesses of the guest's load and store. */
#ifndef TAILWALK_MEMORY_H
#define TAILWALK_MEMORY_H

#include "qemu_api.h"
#include "x86_64.h"

#if API < 4
struct qemu_plugin_hwaddr;
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *instruction);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t info, uint64_t address);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *where);

static const uint8_t *guest_memory;

/* Where QEMU keeps the guest's memory follows from where it keeps an instruction
 * of the kernel's, of which is known at what place in memory that is. */
static inline void find_memory(const struct qemu_plugin_insn *instruction)
{
	const uint8_t *host = qemu_plugin_insn_haddr(instruction);

	if (host)
		guest_memory = host - (qemu_plugin_insn_vaddr(instruction) - CODE_ABOVE_MEMORY);
}

/* The 64-bit value that an access loaded or stored, as its callback sees it; 0
 * where it is beyond the hole that devices have in memory: some versions of QEMU
 * count that and others do not. */
static inline uint64_t accessed_value(uint32_t info, uint64_t address)
{
	struct qemu_plugin_hwaddr *where = qemu_plugin_get_hwaddr(info, address);
	uint64_t at = where ? qemu_plugin_hwaddr_phys_addr(where) : DEVICES_IN_MEMORY, value;

	if (!guest_memory || at >= DEVICES_IN_MEMORY)
		return 0;
	memcpy(&value, guest_memory + at, sizeof(value));
	return value;
}
#else
struct qemu_value {
	int type;
	union {
		uint64_t word;
		uint64_t words[2];
	};
};
struct qemu_value qemu_plugin_mem_get_value(uint32_t info);

static inline void find_memory(const struct qemu_plugin_insn *instruction)
{
}

static inline uint64_t accessed_value(uint32_t info, uint64_t address)
{
	return qemu_plugin_mem_get_value(info).word;
}
#endif

#endif

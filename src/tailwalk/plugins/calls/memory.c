// SPDX-License-Identifier: GPL-2.0-or-later
#include "calls/memory.h"

#include "x86_64.h"

uint64_t memory_size;

#if API < 4
struct qemu_plugin_hwaddr;
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *instruction);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t info, uint64_t address);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *where);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *where);

static const uint8_t *guest_memory;

/* Where QEMU keeps the guest's memory follows from where it keeps an instruction
 * of the kernel's, of which is known at what place in memory that is. */
void find_memory(const struct qemu_plugin_insn *instruction)
{
	const uint8_t *host = qemu_plugin_insn_haddr(instruction);

	if (host)
		guest_memory = host - (qemu_plugin_insn_vaddr(instruction) - CODE_ABOVE_MEMORY);
}

/* QEMU 7.2 counts the hole that devices have in memory as no place; later versions do
 * count it. */
static enum { UNKNOWN, LEFT_OUT, COUNTED } hole;

void learn_places(uint32_t info, uint64_t address)
{
	uint64_t at = address - ALL_MEMORY;
	struct qemu_plugin_hwaddr *where;

	if (hole != UNKNOWN || at < BEYOND_DEVICES || at >= ALL_MEMORY_SIZE)
		return;
	where = qemu_plugin_get_hwaddr(info, address);
	if (where && !qemu_plugin_hwaddr_is_io(where))
		hole = qemu_plugin_hwaddr_phys_addr(where) == at ? COUNTED : LEFT_OUT;
}

static uint64_t without_hole(uint64_t at)
{
	return at < BEYOND_DEVICES ? at : at - (BEYOND_DEVICES - DEVICES_IN_MEMORY);
}

/* Where the page is that holds what lies at an address: false where it was not used
 * just now. */
static bool find_place(uint32_t info, uint64_t address, uint64_t *at)
{
	struct qemu_plugin_hwaddr *where = qemu_plugin_get_hwaddr(info, address);

	if (!where || qemu_plugin_hwaddr_is_io(where))
		return false;
	*at = qemu_plugin_hwaddr_phys_addr(where);
	if (memory_size >= MEMORY_WITH_HOLE && *at >= DEVICES_IN_MEMORY && hole == UNKNOWN)
		return false;
	if (hole == COUNTED)
		*at = without_hole(*at);
	return true;
}

static bool copy_memory(uint64_t at, void *bytes, size_t size)
{
	if (!guest_memory || at > memory_size || size > memory_size - at)
		return false;
	memcpy(bytes, guest_memory + at, size);
	return true;
}

bool read_memory(uint32_t info, uint64_t address, void *bytes, size_t size)
{
	uint64_t at = address - ALL_MEMORY;

	if (at < ALL_MEMORY_SIZE)
		at = without_hole(at);
	else if (!find_place(info, address, &at))
		return false;
	return copy_memory(at, bytes, size);
}

bool read_page(uint32_t info, uint64_t accessed, uint64_t from, void *bytes, size_t size)
{
	uint64_t at;

	return find_place(info, accessed, &at) && copy_memory(at - accessed + from, bytes, size);
}

uint64_t accessed_value(uint32_t info, uint64_t address)
{
	uint64_t value;

	return read_memory(info, address, &value, sizeof(value)) ? value : 0;
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

/* GLib's GByteArray. */
struct byte_array {
	uint8_t *data;
	unsigned int length;
};
struct byte_array *g_byte_array_new(void);
bool qemu_plugin_read_memory_vaddr(uint64_t address, struct byte_array *bytes, size_t size);

void find_memory(const struct qemu_plugin_insn *instruction)
{
}

void learn_places(uint32_t info, uint64_t address)
{
}

bool read_memory(uint32_t info, uint64_t address, void *bytes, size_t size)
{
	static struct byte_array *found;

	if (!found)
		found = g_byte_array_new();
	if (!qemu_plugin_read_memory_vaddr(address, found, size))
		return false;
	memcpy(bytes, found->data, size);
	return true;
}

bool read_page(uint32_t info, uint64_t accessed, uint64_t from, void *bytes, size_t size)
{
	return read_memory(info, from, bytes, size);
}

uint64_t accessed_value(uint32_t info, uint64_t address)
{
	return qemu_plugin_mem_get_value(info).word;
}
#endif

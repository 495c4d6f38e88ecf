/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What accesses of the guest's load and store. */
#ifndef TAILWALK_CALLS_MEMORY_H
#define TAILWALK_CALLS_MEMORY_H

#include "qemu_api.h"

/* Bytes of memory that the guest has. */
extern uint64_t memory_size;

/* See where QEMU keeps the guest's memory, by an instruction of the kernel's. */
void find_memory(const struct qemu_plugin_insn *instruction);

/* See how QEMU numbers places in memory, by an access to where all memory is mapped. */
void learn_places(uint32_t info, uint64_t address);

/* Copy what lies at an address of the kernel's, in the callback of an access;
 * false where that is unknown. */
bool read_memory(uint32_t info, uint64_t address, void *bytes, size_t size);

/* As `read_memory`, from any place in the page that the access is to. */
bool read_page(uint32_t info, uint64_t accessed, uint64_t from, void *bytes, size_t size);

/* The 64-bit value that an access loaded or stored, as its callback sees it; 0
 * where that is unknown. */
uint64_t accessed_value(uint32_t info, uint64_t address);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's ways in and out: the job comes from QEMU's fw_cfg device, and
 * frames leave by the debug console's I/O port. Both are plain port
 * instructions, so no driver of the kernel under test takes part. (The string
 * forms tell the compiler that they touch memory, which <sys/io.h>'s do not.)
 */
#include <string.h>
#include <sys/io.h>
#include <unistd.h>

#include "probe.h"

#define DEBUG_CONSOLE 0xe9
#define EXIT_PORT 0x501 /* QEMU's isa-debug-exit device */
#define PAUSE_PORT 0x505 /* QEMU's pvpanic device; its pause action stops the machine */
#define FW_CFG_SELECT 0x510
#define FW_CFG_DATA 0x511
#define FW_CFG_DMA 0x514
#define FW_CFG_DIRECTORY 0x19
#define JOB_NAME "opt/tailwalk/job"

/* A task that holds I/O ports pays for them on every return to user mode
 * (tss_update_io_bitmap, 58 instructions in v6.18): so they are held for a
 * transfer only, never during a measured call. */
static void hold_ports(uint16_t first, int count, int hold)
{
	if (ioperm(first, (unsigned long)count, hold))
		_exit(3); /* init's end is a panic, which the console shows */
}

static void say(uint16_t port, uint8_t value)
{
	hold_ports(port, 1, 1);
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
	hold_ports(port, 1, 0);
}

static void select_item(uint16_t item)
{
	__asm__ volatile("outw %0, %1" ::"a"(item), "Nd"((uint16_t)FW_CFG_SELECT) : "memory");
}

static void take(void *buffer, size_t length)
{
	__asm__ volatile("rep insb"
			 : "+D"(buffer), "+c"(length)
			 : "d"((uint16_t)FW_CFG_DATA)
			 : "memory");
}

void transport_send(const void *data, size_t length)
{
	hold_ports(DEBUG_CONSOLE, 1, 1);
	__asm__ volatile("rep outsb"
			 : "+S"(data), "+c"(length)
			 : "d"((uint16_t)DEBUG_CONSOLE)
			 : "memory");
	hold_ports(DEBUG_CONSOLE, 1, 0);
}

void transport_receive(void *buffer, size_t length)
{
	hold_ports(FW_CFG_SELECT, 2, 1);
	take(buffer, length);
	hold_ports(FW_CFG_SELECT, 2, 0);
}

/* What the device is told to do, all of it big-endian. */
struct transfer {
	uint32_t control, length;
	uint64_t address;
};
#define TRANSFER_READ 2u

/* 0 where the kernel does not tell. */
static uint64_t physical(const volatile void *at)
{
	uint64_t frame;

	return page_frames(at, &frame, 1) && frame ?
		       frame * page_size() + (uintptr_t)at % page_size() :
		       0;
}

static void transfer(void *buffer, size_t length)
{
	static volatile struct transfer order __attribute__((aligned(16)));
	uint64_t address = physical(buffer), at;

	if (!address) {
		transport_receive(buffer, length);
		return;
	}
	order.control = __builtin_bswap32(TRANSFER_READ);
	order.length = __builtin_bswap32((uint32_t)length);
	order.address = __builtin_bswap64(address);
	at = __builtin_bswap64(physical(&order));
	__asm__ volatile("outl %0, %1" ::"a"((uint32_t)at), "d"((uint16_t)FW_CFG_DMA) : "memory");
	__asm__ volatile("outl %0, %1" ::"a"((uint32_t)(at >> 32)), "d"((uint16_t)(FW_CFG_DMA + 4))
			 : "memory");
	/* It is done when the instruction is; a page that was moved meanwhile is
	 * no longer where the device wrote. */
	if (order.control || physical(buffer) != address)
		fail("QEMU does not carry the job to the probe's memory");
}

/* By the port a byte takes a microsecond; so the device writes what is large to
 * memory itself, a page at a time, since pages lie anywhere. */
void transport_receive_bulk(void *buffer, size_t length)
{
	char *at = buffer;

	hold_ports(FW_CFG_DMA, 8, 1);
	while (length) {
		size_t part = page_size() - (uintptr_t)at % page_size();

		if (part > length)
			part = length;
		*(volatile char *)at = 0; /* for it to be in memory */
		transfer(at, part);
		at += part;
		length -= part;
	}
	hold_ports(FW_CFG_DMA, 8, 0);
}

/* Find the job in fw_cfg's directory: entries of big-endian size and selector
 * and a name (QEMU, docs/specs/fw_cfg). */
uint64_t transport_open(void)
{
	struct {
		uint32_t size;
		uint16_t select, reserved;
		char name[56];
	} entry;
	uint32_t count;

	hold_ports(FW_CFG_SELECT, 2, 1);
	select_item(FW_CFG_DIRECTORY);
	take(&count, sizeof(count));
	count = __builtin_bswap32(count);
	do {
		if (!count--)
			fail("QEMU offers no job (" JOB_NAME ")");
		take(&entry, sizeof(entry));
	} while (strcmp(entry.name, JOB_NAME));
	select_item(__builtin_bswap16(entry.select));
	hold_ports(FW_CFG_SELECT, 2, 0);
	return __builtin_bswap32(entry.size);
}

static uint64_t time_stamp(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

#define AT_ONCE 1000 /* instructions; the next timer is hardly ever so near */

/* Between the processor's stop and its own QEMU takes the guest for idle, and
 * has its clock jump to the next timer (icount_start_warp_timer, QEMU 7.2);
 * now and then its stop comes first. So that what follows begins at the same
 * moment every time, the guest stops until its clock has jumped. */
void transport_pause(void)
{
	uint64_t before;

	hold_ports(PAUSE_PORT, 1, 1);
	do {
		before = time_stamp();
		__asm__ volatile("outb %0, %1" ::"a"((uint8_t)1), "Nd"((uint16_t)PAUSE_PORT)
				 : "memory");
	} while (time_stamp() - before < AT_ONCE);
	hold_ports(PAUSE_PORT, 1, 0);
}

void transport_exit(int status)
{
	say(EXIT_PORT, (uint8_t)status);
	for (;;)
		pause();
}

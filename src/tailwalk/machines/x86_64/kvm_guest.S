/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The smallest guest that does what every kernel has to: from QEMU's PVH entry
 * (32 bits, no paging) to long mode, through an exception and back, to user
 * mode, a stretch of work there at the CPU's own speed, and by a system call
 * back into the kernel. It says a letter at each stage and ends by writing
 * OUTCOME to QEMU's exit device.
 *
 * All of this lies in the first two MiB, which one page maps for user mode too.
 */
#define DEBUG_CONSOLE 0xe9
#define EXIT_PORT 0x501

#define EFER 0xc0000080
#define STAR 0xc0000081
#define LSTAR 0xc0000082
#define INVALID_OPCODE 6

	/* XEN_ELFNOTE_PHYS32_ENTRY: where a PVH loader begins. */
	.section .note, "a", @note
	.align 4
	.long 4, 4, 18
	.asciz "Xen"
	.long start

	.text
	.code32
	.globl start
start:
	mov $'p', %al
	out %al, $DEBUG_CONSOLE
	/* Present, writable, user; the last level also "2 MiB page". */
	movl $directory_pointers + 7, top
	movl $directory + 7, directory_pointers
	movl $0x87, directory
	mov $top, %eax
	mov %eax, %cr3
	mov $0x20, %eax /* PAE */
	mov %eax, %cr4
	mov $EFER, %ecx
	rdmsr
	or $0x101, %eax /* long mode, system calls */
	wrmsr
	mov $0x80000011, %eax /* paging, protected mode */
	mov %eax, %cr0
	lgdt gdt_pointer
	ljmp $0x08, $long_mode

	.code64
long_mode:
	mov $0x10, %eax
	mov %eax, %ss
	mov $stack_top, %esp
	mov $'l', %al
	out %al, $DEBUG_CONSOLE

	mov $trapped, %eax
	mov %ax, idt + INVALID_OPCODE * 16
	movw $0x08, idt + INVALID_OPCODE * 16 + 2
	movw $0x8e00, idt + INVALID_OPCODE * 16 + 4 /* present interrupt gate */
	shr $16, %eax
	mov %ax, idt + INVALID_OPCODE * 16 + 6
	lidt idt_pointer
	ud2
	mov $'x', %al
	out %al, $DEBUG_CONSOLE

	mov $STAR, %ecx
	xor %eax, %eax
	mov $0x00180008, %edx /* user selectors from 0x18, kernel's from 0x08 */
	wrmsr
	mov $LSTAR, %ecx
	mov $called, %eax
	xor %edx, %edx
	wrmsr
	mov $user, %ecx
	mov $2, %r11d /* flags: only the bit that is always set */
	sysretq

user:
	mov $ROUNDS, %ecx
1:	dec %ecx
	jnz 1b
	syscall

called:
	mov $'u', %al
	out %al, $DEBUG_CONSOLE
	mov $EXIT_PORT, %edx
	mov $OUTCOME, %al
	out %al, %dx
	hlt

trapped: /* past the two bytes of ud2 */
	addq $2, (%rsp)
	iretq

	.data
	.align 8
gdt:	.quad 0
	.quad 0x00af9b000000ffff /* 0x08 kernel code */
	.quad 0x00cf93000000ffff /* 0x10 kernel data */
	.quad 0
	.quad 0x00cff3000000ffff /* 0x20 user data */
	.quad 0x00affb000000ffff /* 0x28 user code */
gdt_pointer:
	.word . - gdt - 1
	.quad gdt
idt_pointer:
	.word (INVALID_OPCODE + 1) * 16 - 1
	.quad idt

	.bss
	.align 4096
top:	.skip 4096
directory_pointers:
	.skip 4096
directory:
	.skip 4096
idt:	.skip 4096
	.skip 4096
stack_top:

	.section .note.GNU-stack, "", @progbits

# SPDX-License-Identifier: GPL-2.0-or-later
# A program of 32 bits: by int $0x80 70 calls of getpid and one of creat, by sysenter 60 writes to
# the file that it made, of 6 bytes each.
.globl _start
.text
_start:
	mov $70, %esi
1:	mov $20, %eax
	int $0x80
	dec %esi
	jnz 1b
	mov $8, %eax
	mov $file, %ebx
	mov $0600, %ecx
	int $0x80
	mov %eax, %edi
	mov $60, %esi
2:	mov $4, %eax
	mov %edi, %ebx
	mov $bytes, %ecx
	mov $6, %edx
	call fast
	dec %esi
	jnz 2b
	mov $1, %eax
	xor %ebx, %ebx
	int $0x80

# What the kernel's vDSO has: it goes on where that pops these and returns.
fast:	push %ecx
	push %edx
	push %ebp
	mov %esp, %ebp
	sysenter

.data
bytes:	.ascii "bytes\n"
file:	.asciz "file"

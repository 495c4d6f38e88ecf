// SPDX-License-Identifier: GPL-2.0-or-later
/* An /init that never says anything. */
int main(void)
{
	for (;;)
		;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What libMicro's bench script and a booted system prepare for a binary: two
 * directories ten deep below the present one, a loopback that is up, and the
 * name localhost. Then the program that the second argument names is run, after
 * this one was run anew as often as the first says: each time the kernel draws
 * other addresses.
 */
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_deep(const char *parts)
{
	char path[64] = "";

	for (const char *end = parts; end; end = strchr(end + 1, '/')) {
		snprintf(path, sizeof(path), "%.*s", (int)(end - parts), parts);
		mkdir(path, 0755);
	}
	mkdir(parts, 0755);
}

int main(int count, char **arguments)
{
	static const char name[] = "127.0.0.1 localhost\n";
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int any, hosts;

	if (count < 3)
		return 1;
	if (arguments[1][0] > '0') {
		arguments[1][0]--;
		execv("/proc/self/exe", arguments);
	}
	make_deep("0/1/2/3/4/5/6/7/8/9");
	make_deep("1/2/3/4/5/6/7/8/9/0");
	mkdir("/etc", 0755);
	any = socket(AF_INET, SOCK_DGRAM, 0);
	hosts = open("/etc/hosts", O_WRONLY | O_CREAT, 0644);
	if (write(hosts, name, sizeof(name) - 1) < 0 || ioctl(any, SIOCSIFFLAGS, &request) ||
	    chmod(arguments[2], 0755)) {
		perror("cannot prepare");
		return 1;
	}
	close(hosts);
	close(any);
	execv(arguments[2], arguments + 2);
	perror(arguments[2]);
	return 1;
}

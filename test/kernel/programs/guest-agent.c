// SPDX-License-Identifier: Apache-2.0
/*
 * Runs in the guest: carries out what the test asks for over a virtio serial port.
 *
 *     guest-agent NAME      the port's name
 *
 * Frames, in both directions, numbers in little-endian order: length of what follows (32 bits), the number of a command
 * that the test chose (32 bits), a letter, and what belongs to the letter:
 *
 *     S  test   start: uid and gid (32 bits each), how many arguments (32 bits); the arguments and then variables
 *               NAME=VALUE for the environment, each ended by a zero byte
 *     I  test   standard input, at most what a pipe holds
 *     E  test   the end of standard input
 *     K  test   a signal (32 bits) for the command's process group, of which it is the leader
 *     R  guest  ready; the number is 0
 *     O  guest  standard output
 *     T  guest  standard error
 *     X  guest  the command's end, when its output has ended too: exit status, or the signal's number negated (32 bits)
 *
 * In C since Node.js takes seconds to start in an emulated guest. When the test is gone, so is the guest.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORTS "/sys/class/virtio-ports"
#define MOST_COMMANDS 64
#define MOST_WORDS 256
#define MOST_BYTES (1 << 20)
#define CHUNK 65536

struct command {
	uint32_t id;
	/* 0: the place is free. */
	pid_t pid;
	/* -1: closed. */
	int input, output, errors;
	bool ended;
	int32_t status;
};

static struct command commands[MOST_COMMANDS];
static int port;

static void die(const char *what)
{
	fprintf(stderr, "guest-agent: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void power_off(void)
{
	int trigger = open("/proc/sysrq-trigger", O_WRONLY);

	if (trigger < 0 || write(trigger, "o", 1) != 1)
		die("the test is gone, and the guest does not end");
	pause();
}

static bool write_all(int fd, const void *bytes, size_t length)
{
	for (const char *at = bytes; length > 0;) {
		ssize_t written = write(fd, at, length);

		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0) {
			at += written;
			length -= (size_t)written;
		}
	}
	return true;
}

static void read_all(void *bytes, size_t length)
{
	for (char *at = bytes; length > 0;) {
		ssize_t got = read(port, at, length);

		if (got == 0 || (got < 0 && errno != EINTR))
			power_off();
		if (got > 0) {
			at += got;
			length -= (size_t)got;
		}
	}
}

static void say(uint32_t id, char kind, const void *bytes, size_t length)
{
	static char frame[9 + CHUNK];
	uint32_t size = (uint32_t)(5 + length);

	memcpy(frame, &size, 4);
	memcpy(frame + 4, &id, 4);
	frame[8] = kind;
	memcpy(frame + 9, bytes, length);
	if (!write_all(port, frame, 9 + length))
		power_off();
}

static struct command *find(uint32_t id)
{
	for (struct command *one = commands; one < commands + MOST_COMMANDS; one++)
		if (one->pid != 0 && one->id == id)
			return one;
	return NULL;
}

static void close_once(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void become(char **words, uint32_t arguments, uint32_t uid, uint32_t gid, const int ends[3])
{
	char *argv[MOST_WORDS + 1] = {0};
	sigset_t none;

	memcpy(argv, words, arguments * sizeof(*argv));
	for (int fd = 0; fd < 3; fd++)
		if (dup2(ends[fd], fd) < 0)
			_exit(126);
	setsid();
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (char **variable = words + arguments; *variable != NULL; variable++)
		putenv(*variable);
	if (chdir("/") < 0 || setgroups(gid == 0 ? 0 : 1, &gid) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
		die("user and group");
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void start(uint32_t id, char *bytes, size_t length)
{
	char *words[MOST_WORDS + 1] = {0};
	uint32_t numbers[3];
	int pipes[3][2];
	size_t count = 0;
	struct command *place = commands;

	while (place->pid != 0)
		if (++place == commands + MOST_COMMANDS)
			die("too many commands");
	memcpy(numbers, bytes, sizeof(numbers));
	for (char *at = bytes + sizeof(numbers); at < bytes + length; at += strlen(at) + 1)
		if (count == MOST_WORDS)
			die("too many words");
		else
			words[count++] = at;
	for (int i = 0; i < 3; i++)
		if (pipe2(pipes[i], O_CLOEXEC) < 0)
			die("pipe");
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		become(words, numbers[2], numbers[0], numbers[1],
		       (const int[]){pipes[0][0], pipes[1][1], pipes[2][1]});
	close(pipes[0][0]);
	close(pipes[1][1]);
	close(pipes[2][1]);
	*place = (struct command){
		.id = id, .pid = pid, .input = pipes[0][1], .output = pipes[1][0], .errors = pipes[2][0]};
}

static void take_frame(void)
{
	static char bytes[MOST_BYTES + 1];
	uint32_t size, id;
	int32_t signal_number;

	read_all(&size, 4);
	if (size < 5 || size > MOST_BYTES)
		die("a frame's length");
	read_all(bytes, size);
	bytes[size] = 0;
	memcpy(&id, bytes, 4);
	char kind = bytes[4], *rest = bytes + 5;
	size_t length = size - 5;
	struct command *one = find(id);

	if (kind == 'S')
		start(id, rest, length);
	else if (one == NULL)
		return; /* It has just ended. */
	else if (kind == 'I' && one->input >= 0)
		(void)write_all(one->input, rest, length); /* It may not read any more. */
	else if (kind == 'E')
		close_once(&one->input);
	else if (kind == 'K' && !one->ended) {
		memcpy(&signal_number, rest, 4);
		kill(-one->pid, signal_number);
	}
}

/* Passes on what a command printed; at the end of that closes the pipe. */
static void pass_on(struct command *one, int *from, char kind)
{
	static char bytes[CHUNK];
	ssize_t got = read(*from, bytes, sizeof(bytes));

	if (got > 0)
		say(one->id, kind, bytes, (size_t)got);
	else if (got == 0 || errno != EINTR)
		close_once(from);
}

static void tell_end(struct command *one)
{
	if (!one->ended || one->output >= 0 || one->errors >= 0)
		return;
	say(one->id, 'X', &one->status, 4);
	close_once(&one->input);
	one->pid = 0;
}

static void reap(int children)
{
	struct signalfd_siginfo told;
	int status;
	pid_t pid;

	if (read(children, &told, sizeof(told)) < 0)
		die("signalfd");
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (struct command *one = commands; one < commands + MOST_COMMANDS; one++)
			if (one->pid == pid) {
				one->ended = true;
				one->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
				tell_end(one);
			}
}

static int open_port(const char *name)
{
	struct dirent *entry;
	char path[512], found[256];
	DIR *ports = opendir(PORTS);

	while (ports != NULL && (entry = readdir(ports)) != NULL) {
		snprintf(path, sizeof(path), PORTS "/%s/name", entry->d_name);
		FILE *file = fopen(path, "r");
		bool is_it = file != NULL && fscanf(file, "%255s", found) == 1 && strcmp(found, name) == 0;

		if (file != NULL)
			fclose(file);
		if (!is_it)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		return open(path, O_RDWR | O_CLOEXEC);
	}
	errno = ENODEV;
	return -1;
}

int main(int argc, char **argv)
{
	struct pollfd fds[2 + 2 * MOST_COMMANDS];
	sigset_t child;

	port = open_port(argc > 1 ? argv[1] : "agent");
	if (port < 0)
		die("the port");
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	int children = signalfd(-1, &child, SFD_CLOEXEC);
	say(0, 'R', "", 0);
	for (;;) {
		fds[0] = (struct pollfd){.fd = port, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = children, .events = POLLIN};
		for (int i = 0; i < MOST_COMMANDS; i++) {
			bool used = commands[i].pid != 0;

			fds[2 + 2 * i] = (struct pollfd){.fd = used ? commands[i].output : -1, .events = POLLIN};
			fds[3 + 2 * i] = (struct pollfd){.fd = used ? commands[i].errors : -1, .events = POLLIN};
		}
		if (poll(fds, 2 + 2 * MOST_COMMANDS, -1) < 0 && errno != EINTR)
			die("poll");
		for (int i = 0; i < MOST_COMMANDS; i++) {
			if (fds[2 + 2 * i].revents != 0)
				pass_on(&commands[i], &commands[i].output, 'O');
			if (fds[3 + 2 * i].revents != 0)
				pass_on(&commands[i], &commands[i].errors, 'T');
			if (commands[i].pid != 0)
				tell_end(&commands[i]);
		}
		if (fds[1].revents != 0)
			reap(children);
		if (fds[0].revents != 0)
			take_frame();
	}
}

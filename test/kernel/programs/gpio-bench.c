// SPDX-License-Identifier: Apache-2.0
/*
 * Round trips a second over a GPIO character device (uAPI v2): values read, values set, and changes that come back
 * as an edge.
 *
 *     gpio-bench /dev/gpiochip0 INPUT OUTPUT SECONDS [PULL-FILE]
 *
 * INPUT is a line whose edges are counted. It follows the line OUTPUT, or, where PULL-FILE is given, what is written to
 * that file (of gpio-sim, in sysfs). Prints one line of JSON, rates for each second; an operation that
 * takes longer than a second ends the run with status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 1000

static void die(const char *what)
{
	fprintf(stderr, "gpio-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int request_line(int chip, unsigned int offset, uint64_t flags)
{
	struct gpio_v2_line_request request = { .num_lines = 1, .consumer = "gpio-bench" };

	request.offsets[0] = offset;
	request.config.flags = flags;
	if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request) < 0)
		die("cannot request a line");
	return request.fd;
}

static void get_value(int line)
{
	struct gpio_v2_line_values values = { .mask = 1 };

	if (ioctl(line, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0)
		die("cannot read the input");
}

static void set_value(int line, bool level)
{
	struct gpio_v2_line_values values = { .mask = 1, .bits = level };

	if (ioctl(line, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) < 0)
		die("cannot set the output");
}

static void pull(int file, bool level)
{
	const char *word = level ? "pull-up" : "pull-down";

	if (pwrite(file, word, strlen(word), 0) < 0)
		die("cannot pull the input");
}

static void await_edge(int line, bool rising)
{
	struct pollfd readable = { .fd = line, .events = POLLIN };
	struct gpio_v2_line_event event;
	int ready = poll(&readable, 1, LIMIT_MS);

	if (ready == 0)
		errno = ETIMEDOUT;
	if (ready <= 0 || read(line, &event, sizeof(event)) != sizeof(event))
		die("no edge came");
	if ((event.id == GPIO_V2_LINE_EVENT_RISING_EDGE) != rising) {
		fprintf(stderr, "gpio-bench: the edge that came was another one\n");
		exit(1);
	}
}

/* What is repeated. `level` alternates. */
struct bench {
	int input;
	int output;
	int pull;
};

static void get_once(const struct bench *bench, bool level)
{
	(void)level;
	get_value(bench->input);
}

static void set_once(const struct bench *bench, bool level)
{
	set_value(bench->output, level);
}

static void edge_once(const struct bench *bench, bool level)
{
	if (bench->pull >= 0)
		pull(bench->pull, level);
	else
		set_value(bench->output, level);
	await_edge(bench->input, level);
}

/* Times a second that `once` could be done, over at least so many seconds and an even number of times. */
static double rate(void (*once)(const struct bench *, bool), const struct bench *bench, double seconds)
{
	double start = now(), passed;
	unsigned long count = 0;

	do {
		once(bench, true);
		once(bench, false);
		count += 2;
		passed = now() - start;
	} while (passed < seconds);
	return (double)count / passed;
}

int main(int argc, char **argv)
{
	const uint64_t edges = GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING;
	struct bench bench = { .pull = -1 };
	double seconds, get, set, edge;
	int chip;

	if (argc < 5 || argc > 6) {
		fprintf(stderr, "usage: gpio-bench CHIP INPUT OUTPUT SECONDS [PULL-FILE]\n");
		return 2;
	}
	chip = open(argv[1], O_RDWR | O_CLOEXEC);
	if (chip < 0)
		die(argv[1]);
	seconds = atof(argv[4]);
	bench.output = request_line(chip, (unsigned int)atoi(argv[3]), GPIO_V2_LINE_FLAG_OUTPUT);
	bench.input = request_line(chip, (unsigned int)atoi(argv[2]), GPIO_V2_LINE_FLAG_INPUT | edges);
	if (argc == 6) {
		bench.pull = open(argv[5], O_WRONLY | O_CLOEXEC);
		if (bench.pull < 0)
			die(argv[5]);
	}
	edge = rate(edge_once, &bench, seconds);
	close(bench.input);
	bench.input = request_line(chip, (unsigned int)atoi(argv[2]), GPIO_V2_LINE_FLAG_INPUT);
	get = rate(get_once, &bench, seconds);
	set = rate(set_once, &bench, seconds);
	printf("{\"get\":%.1f,\"set\":%.1f,\"edge\":%.1f}\n", get, set, edge);
	return 0;
}

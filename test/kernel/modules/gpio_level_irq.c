// SPDX-License-Identifier: GPL-2.0
/*
 * For tests only: takes the level interrupt of one GPIO line, as the driver of a chip behind that line would.
 *
 *     modprobe gpio_level_irq chip=virtio2 line=5 low=0
 *
 * The character device has no level interrupts. Each one is handled in a thread, during which the line is masked, and takes
 * `handling` milliseconds; the parameter `count` tells how many there were.
 */
#include <linux/delay.h>
#include <linux/gpio/consumer.h>
#include <linux/gpio/machine.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/platform_device.h>

static char *chip;
module_param(chip, charp, 0444);
static unsigned int line;
module_param(line, uint, 0444);
static bool low;
module_param(low, bool, 0444);
static unsigned int handling = 5;
module_param(handling, uint, 0644);
static unsigned int count;
module_param(count, uint, 0444);

static struct platform_device *device;
static struct gpio_desc *desc;
static int irq;

static struct gpiod_lookup_table lookup = {
	.dev_id = "gpio_level_irq",
	.table = { { }, { } },
};

static irqreturn_t handle(int number, void *data)
{
	count++;
	msleep(handling);
	return IRQ_HANDLED;
}

static int __init gpio_level_irq_init(void)
{
	unsigned long flags = (low ? IRQF_TRIGGER_LOW : IRQF_TRIGGER_HIGH) | IRQF_ONESHOT;
	int err;

	if (!chip)
		return -EINVAL;
	device = platform_device_register_simple("gpio_level_irq", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(device))
		return PTR_ERR(device);
	lookup.table[0] = (struct gpiod_lookup) GPIO_LOOKUP(chip, line, "test", GPIO_ACTIVE_HIGH);
	gpiod_add_lookup_table(&lookup);
	desc = gpiod_get(&device->dev, "test", GPIOD_IN);
	if (IS_ERR(desc)) {
		err = PTR_ERR(desc);
		goto no_line;
	}
	irq = gpiod_to_irq(desc);
	err = irq < 0 ? irq : request_threaded_irq(irq, NULL, handle, flags, "gpio_level_irq", &count);
	if (!err)
		return 0;
	gpiod_put(desc);
no_line:
	gpiod_remove_lookup_table(&lookup);
	platform_device_unregister(device);
	return err;
}

static void __exit gpio_level_irq_exit(void)
{
	free_irq(irq, &count);
	gpiod_put(desc);
	gpiod_remove_lookup_table(&lookup);
	platform_device_unregister(device);
}

module_init(gpio_level_irq_init);
module_exit(gpio_level_irq_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("For tests only: takes the level interrupt of a GPIO line");

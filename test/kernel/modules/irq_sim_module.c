// SPDX-License-Identifier: GPL-2.0
/*
 * For tests only: the kernel's own kernel/irq/irq_sim.c as a module. gpio-sim needs it, and Debian's kernel has
 * it neither built in nor as a module (it cannot be one upstream). Its only call that is not
 * exported to modules is irq_to_desc(), which is made here from calls that are.
 */
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/module.h>

static inline struct irq_desc *exported_irq_to_desc(unsigned int irq)
{
	struct irq_data *data = irq_get_irq_data(irq);

	return data ? irq_data_to_desc(data) : NULL;
}

#define irq_to_desc exported_irq_to_desc
#include "irq_sim.c"

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("For tests only: simulated interrupts for gpio-sim");

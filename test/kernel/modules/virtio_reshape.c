// SPDX-License-Identifier: GPL-2.0
/*
 * For tests only: presents chosen virtio PCI devices to the kernel as devices of another kind.
 *
 *     insmod virtio_reshape.ko shape=0000:00:10.0@7@1,0000:00:11.0@41@1
 *
 * gives the virtio device behind each PCI address that device id (7 is rpmsg, 41 is GPIO) and offers the
 * named feature bits besides those that the hypervisor offers. To be loaded after virtio and before
 * virtio_pci, so that no driver sees a device as it was. It is needed because
 *
 *  - QEMU has a vhost-user front end for GPIO, and none for rpmsg that a user may create;
 *  - QEMU 7.2 never offers VIRTIO_GPIO_F_IRQ, whatever the vhost-user backend says;
 *  - virtio_pci calls the callbacks of a virtqueue in hard interrupt context. On real hardware remoteproc
 *    calls those of rpmsg from a thread, and the name service relies on that: it takes mutexes. The callbacks
 *    of a device that becomes an rpmsg device are therefore run from a workqueue.
 */
#include <linux/device.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/workqueue.h>

#define MAX_SHAPES	8
#define MAX_QUEUES	4

static char *shape[MAX_SHAPES];
static int shapes;
module_param_array(shape, charp, &shapes, 0444);
MODULE_PARM_DESC(shape, "PCI-ADDRESS@VIRTIO-ID@FEATURES, up to 8 of them");

struct deferred_queue {
	struct work_struct work;
	struct virtqueue *vq;
	vq_callback_t *callback;
};

/* One reshaped device; `ops` stands in for the transport's own, which it calls. */
struct reshaped {
	struct list_head node;
	struct virtio_device *vdev;
	const struct virtio_config_ops *transport;
	struct virtio_config_ops ops;
	u64 features;
	struct deferred_queue queue[MAX_QUEUES];
};

static LIST_HEAD(reshaped_devices);
static DEFINE_MUTEX(reshaped_lock);	/* of the list */
static struct workqueue_struct *callbacks;

static struct reshaped *to_reshaped(struct virtio_device *vdev)
{
	return container_of(vdev->config, struct reshaped, ops);
}

static u64 reshaped_get_features(struct virtio_device *vdev)
{
	struct reshaped *self = to_reshaped(vdev);

	return self->transport->get_features(vdev) | self->features;
}

static void run_callback(struct work_struct *work)
{
	struct deferred_queue *queue = container_of(work, struct deferred_queue, work);

	queue->callback(queue->vq);
}

static void defer_callback(struct virtqueue *vq)
{
	struct deferred_queue *queue = &to_reshaped(vq->vdev)->queue[vq->index];

	queue->vq = vq;
	queue_work(callbacks, &queue->work);
}

static int reshaped_find_vqs(struct virtio_device *vdev, unsigned int count, struct virtqueue *vqs[],
			     vq_callback_t *wanted[], const char * const names[], const bool *ctx,
			     struct irq_affinity *affinity)
{
	struct reshaped *self = to_reshaped(vdev);
	vq_callback_t *deferred[MAX_QUEUES];
	unsigned int i;

	if (count > MAX_QUEUES)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		INIT_WORK(&self->queue[i].work, run_callback);
		self->queue[i].callback = wanted[i];
		deferred[i] = wanted[i] ? defer_callback : NULL;
	}
	return self->transport->find_vqs(vdev, count, vqs, deferred, names, ctx, affinity);
}

static void reshaped_del_vqs(struct virtio_device *vdev)
{
	/* The device was reset before: nothing new is queued. */
	flush_workqueue(callbacks);
	to_reshaped(vdev)->transport->del_vqs(vdev);
}

static void reshape(struct virtio_device *vdev, u32 id, u64 features)
{
	struct reshaped *self = kzalloc(sizeof(*self), GFP_KERNEL);

	if (!self)
		return;
	self->vdev = vdev;
	self->transport = vdev->config;
	self->ops = *vdev->config;
	self->features = features;
	self->ops.get_features = reshaped_get_features;
	if (id == VIRTIO_ID_RPMSG) {
		self->ops.find_vqs = reshaped_find_vqs;
		self->ops.del_vqs = reshaped_del_vqs;
	}
	vdev->config = &self->ops;
	vdev->id.device = id;
	mutex_lock(&reshaped_lock);
	list_add(&self->node, &reshaped_devices);
	mutex_unlock(&reshaped_lock);
	pr_info("virtio_reshape: %s at %s is device id %u, features |= %#llx\n",
		dev_name(&vdev->dev), dev_name(vdev->dev.parent), id, features);
}

static void restore(struct virtio_device *vdev)
{
	struct reshaped *self, *next;

	mutex_lock(&reshaped_lock);
	list_for_each_entry_safe(self, next, &reshaped_devices, node) {
		if (self->vdev != vdev)
			continue;
		vdev->config = self->transport;
		list_del(&self->node);
		kfree(self);
	}
	mutex_unlock(&reshaped_lock);
}

/* Called before a driver is looked for, and after the last one let go. */
static int bus_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct virtio_device *vdev = container_of(data, struct virtio_device, dev);
	int i;

	if (event == BUS_NOTIFY_REMOVED_DEVICE)
		restore(vdev);
	if (event != BUS_NOTIFY_ADD_DEVICE)
		return NOTIFY_OK;
	for (i = 0; i < shapes; i++) {
		char address[32];
		unsigned int id;
		unsigned long long features;

		if (sscanf(shape[i], "%31[^@]@%u@%llu", address, &id, &features) == 3 &&
		    !strcmp(address, dev_name(vdev->dev.parent)))
			reshape(vdev, id, features);
	}
	return NOTIFY_OK;
}

static struct notifier_block bus_watch = { .notifier_call = bus_event };

/* A driver of no device: the bus is not exported, and a registered driver points at it. */
static const struct virtio_device_id no_device[] = { { 0xfffe, VIRTIO_DEV_ANY_ID }, { 0 } };

static int never_probe(struct virtio_device *vdev)
{
	return -ENODEV;
}

static void never_remove(struct virtio_device *vdev)
{
}

static struct virtio_driver way_to_the_bus = {
	.driver.name = KBUILD_MODNAME,
	.driver.owner = THIS_MODULE,
	.id_table = no_device,
	.probe = never_probe,
	.remove = never_remove,
};

static int __init virtio_reshape_init(void)
{
	int err;

	callbacks = alloc_ordered_workqueue(KBUILD_MODNAME, 0);
	if (!callbacks)
		return -ENOMEM;
	err = register_virtio_driver(&way_to_the_bus);
	if (!err)
		err = bus_register_notifier(way_to_the_bus.driver.bus, &bus_watch);
	return err;
}

/* No exit: devices keep pointing at the operations above, so the module stays for the life of the guest. */
module_init(virtio_reshape_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("For tests only: virtio PCI devices presented as another kind");

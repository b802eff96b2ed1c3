// SPDX-License-Identifier: GPL-2.0
/*
 * Bindings: their memory, which client and server share, and their links.
 *
 * A page of a binding is in two kinds of mapping: its client's, which the client's
 * handle outlives, and the server's.  From the latter it is taken before the slot
 * may have another binding.  The server's faults enter pages under the map_lock, and
 * under that lock a binding leaves its slot first: so none enters a page that is to go.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>

#include "../compat.h"
#include "../debug.h"
#include "lrpc.h"

#define KIPC_FRAMES_PER_PAGE	(PAGE_SIZE / sizeof(struct kipc_frame))

static_assert(sizeof(struct kipc_frame) == 128);

static struct kipc_binding *kipc_binding_at_locked(struct kipc_service *service,
						   u32 slot)
{
	return rcu_dereference_protected(service->slots[slot].binding,
					 lockdep_is_held(&service->map_lock));
}

/* Memory. */

static void kipc_pages_free(struct kipc_account *account, struct page **pages,
			    u32 count)
{
	u32 i;

	for (i = 0; i < count && pages[i]; i++)
		__free_page(pages[i]);
	kipc_count(KIPC_REF_PAGES, -(int)i);
	kipc_uncharge(account, KIPC_BYTES, (long)count << PAGE_SHIFT);
	kipc_account_free(account, pages, count * sizeof(*pages));
}

/* Zeroed pages, at the expense of the server; or an ERR_PTR(). */
static struct page **kipc_pages_alloc(struct kipc_account *account, u32 count)
{
	struct page **pages;
	u32 i;

	pages = kipc_account_alloc(account, count * sizeof(*pages), false);
	if (IS_ERR(pages))
		return pages;
	memset(pages, 0, count * sizeof(*pages));
	if (kipc_charge(account, KIPC_BYTES, (long)count << PAGE_SHIFT)) {
		kipc_account_free(account, pages, count * sizeof(*pages));
		return ERR_PTR(-EDQUOT);
	}
	for (i = 0; i < count; i++) {
		pages[i] = kipc_account_page(account);
		if (!pages[i]) {
			kipc_pages_free(account, pages, count);
			return ERR_PTR(-ENOMEM);
		}
		kipc_count(KIPC_REF_PAGES, 1);
		cond_resched();
	}
	return pages;
}

/* Slots. */

/* How many bindings has a user?  Those that are just being made count as well. */
static u32 kipc_slots_of_user_locked(struct kipc_service *service, kuid_t user)
{
	u32 slot, count = 0;

	for (slot = 0; slot < service->attr.bindings; slot++)
		if (service->slots[slot].used &&
		    uid_eq(service->slots[slot].user, user))
			count++;
	return count;
}

/* The slot of a new binding, or -EUSERS. */
static int kipc_slot_take(struct kipc_service *service)
{
	kuid_t user = current_euid();
	u32 bound = service->attr.user_bindings;
	bool last = false;
	int slot = -EUSERS;

	mutex_lock(&service->map_lock);
	if (service->bindings < service->attr.bindings &&
	    (!bound || kipc_slots_of_user_locked(service, user) < bound)) {
		for (slot = 0; service->slots[slot].used; slot++)
			;
		service->slots[slot].used = true;
		service->slots[slot].user = user;
		last = ++service->bindings == service->attr.bindings;
	}
	mutex_unlock(&service->map_lock);
	if (last)
		kipc_object_notify(&service->object, KIPC_NEWS_LIMIT);
	return slot;
}

static void kipc_slot_give_back(struct kipc_service *service, u32 slot)
{
	mutex_lock(&service->map_lock);
	service->slots[slot].used = false;
	service->bindings--;
	mutex_unlock(&service->map_lock);
}

/* From now on a fault finds it. */
static void kipc_slot_set(struct kipc_service *service, u32 slot,
			  struct kipc_binding *binding)
{
	mutex_lock(&service->map_lock);
	rcu_assign_pointer(service->slots[slot].binding, binding);
	mutex_unlock(&service->map_lock);
}

/* Its tokens do not come back. */
static void kipc_slot_remember(struct kipc_service *service,
			       const struct kipc_binding *binding)
{
	mutex_lock(&service->map_lock);
	service->slots[binding->slot].retired = binding->calls.retired;
	mutex_unlock(&service->map_lock);
}

static void kipc_binding_tally(const struct kipc_binding *binding,
			       struct kipc_tally *sum)
{
	sum->calls += binding->calls.begun;
	sum->replies += binding->calls.answered;
	sum->failed += binding->tally.failed;
	sum->abandoned += binding->tally.abandoned;
	sum->queued += binding->tally.queued;
}

/* No fault finds it any more, and what it has done counts on. */
static void kipc_slot_clear(struct kipc_binding *binding)
{
	struct kipc_service *service = binding->service;

	mutex_lock(&service->map_lock);
	RCU_INIT_POINTER(service->slots[binding->slot].binding, NULL);
	kipc_binding_tally(binding, &service->past);
	mutex_unlock(&service->map_lock);
}

/**
 * kipc_bindings_tally - what all bindings have done, those that are gone as well
 * @service: the service
 * @sum: written
 *
 * Context: process context, may sleep.
 */
void kipc_bindings_tally(struct kipc_service *service, struct kipc_tally *sum)
{
	struct kipc_binding *binding;
	u32 slot;

	mutex_lock(&service->map_lock);
	*sum = service->past;
	for (slot = 0; slot < service->attr.bindings; slot++) {
		binding = kipc_binding_at_locked(service, slot);
		if (!binding)
			continue;
		spin_lock(&binding->lock);
		kipc_binding_tally(binding, sum);
		spin_unlock(&binding->lock);
		cond_resched();
	}
	mutex_unlock(&service->map_lock);
}

/**
 * kipc_binding_next - the first binding from a slot on
 * @service: the service
 * @slot: where to begin, 0 at first; is moved behind it
 *
 * Context: process context, may sleep.
 * Return: the binding, to be given up by kipc_binding_put(), or NULL.
 */
struct kipc_binding *kipc_binding_next(struct kipc_service *service, u32 *slot)
{
	struct kipc_binding *binding = NULL;

	mutex_lock(&service->map_lock);
	while (!binding && *slot < service->attr.bindings) {
		binding = kipc_binding_at_locked(service, (*slot)++);
		if (binding && !refcount_inc_not_zero(&binding->refs))
			binding = NULL;
	}
	mutex_unlock(&service->map_lock);
	return binding;
}

/* Links. */

/* A link rests: it is made for its binding, and goes with that. */
static void kipc_link_rest(struct kipc_call *call, struct kipc_wake *wake)
{
}

static const struct kipc_calls_ops kipc_binding_calls_ops = {
	.kind	= KIPC_KIND_SERVICE,
	.rest	= kipc_link_rest,
};

static int kipc_link_make(struct kipc_binding *binding, u32 index,
			  struct kipc_party *party)
{
	struct kipc_link *link = &binding->links[index];
	void *page = page_address(binding->pages[index / KIPC_FRAMES_PER_PAGE]);
	const struct kipc_service *service = binding->service;
	u64 first = (u64)binding->slot * service->binding_pages +
		    service->frame_pages;

	link->binding = binding;
	link->offset = (first + index * service->stack_pages) << PAGE_SHIFT;
	link->frame = (struct kipc_frame *)page + index % KIPC_FRAMES_PER_PAGE;
	INIT_LIST_HEAD(&link->line);
	INIT_HLIST_NODE(&link->chain);
	return kipc_call_make(&link->call, &binding->calls, party,
			      binding->slot * service->attr.stacks + index);
}

static void kipc_link_unmake(struct kipc_link *link)
{
	kipc_call_unmake(&link->call);
	kipc_parcel_free(link->parcel);
	put_pid(link->worker);
	put_pid(link->process);
	put_pid(link->thread);
}

static size_t kipc_binding_size(const struct kipc_service *service)
{
	return sizeof(struct kipc_binding) +
	       service->attr.stacks * sizeof(struct kipc_link);
}

/* Free a binding of which @made links are made; whoever looks at it may do so still. */
static void kipc_binding_free(struct kipc_binding *binding, u32 made)
{
	struct kipc_service *service = binding->service;
	struct kipc_account *account = &service->object.account;

	while (made--)
		kipc_link_unmake(&binding->links[made]);
	kipc_slot_remember(service, binding);
	kipc_calls_exit(&binding->calls);
	kipc_pages_free(account, binding->pages, service->binding_pages);
	kipc_uncharge(account, KIPC_BYTES, kipc_binding_size(service));
	kvfree_rcu(binding, rcu);
	kipc_count(KIPC_REF_BINDINGS, -1);
}

/**
 * kipc_binding_create - make a binding that can be called
 * @service: held by the caller
 * @party: the handle that calls by it
 *
 * Context: process context, may sleep.
 * Return: the binding, with one reference; or an ERR_PTR(): -EUSERS, -EDQUOT, -ENOMEM.
 */
struct kipc_binding *kipc_binding_create(struct kipc_service *service,
					 struct kipc_party *party)
{
	struct kipc_account *account = &service->object.account;
	struct kipc_binding *binding;
	int slot, ret;
	u32 made;

	slot = kipc_slot_take(service);
	if (slot < 0)
		return ERR_PTR(slot);
	binding = kipc_account_alloc(account, kipc_binding_size(service), false);
	if (IS_ERR(binding)) {
		ret = PTR_ERR(binding);
		goto give_back;
	}
	memset(binding, 0, kipc_binding_size(service));
	binding->service = service;
	binding->links = (struct kipc_link *)(binding + 1);
	binding->slot = slot;
	refcount_set(&binding->refs, 1);
	spin_lock_init(&binding->lock);
	binding->pages = kipc_pages_alloc(account, service->binding_pages);
	if (IS_ERR(binding->pages)) {
		ret = PTR_ERR(binding->pages);
		kipc_account_free(account, binding, kipc_binding_size(service));
		goto give_back;
	}
	kipc_count(KIPC_REF_BINDINGS, 1);
	kipc_calls_init(&binding->calls, &kipc_binding_calls_ops, binding,
			&binding->lock, service->object.id);
	binding->calls.retired = service->slots[slot].retired;
	for (made = 0; made < service->attr.stacks; made++) {
		ret = kipc_link_make(binding, made, party);
		if (ret)
			goto free;
	}
	kipc_slot_set(service, slot, binding);
	return binding;

free:
	kipc_party_leave(party, &binding->calls);
	kipc_binding_free(binding, made);
give_back:
	kipc_slot_give_back(service, slot);
	return ERR_PTR(ret);
}

/**
 * kipc_binding_release - the last reference is gone
 * @binding: goes
 *
 * Context: process context, may sleep; no lock is held but the mmap_lock.
 */
void kipc_binding_release(struct kipc_binding *binding)
{
	struct kipc_service *service = binding->service;
	loff_t bytes = (loff_t)service->binding_pages << PAGE_SHIFT;
	u32 slot = binding->slot;

	kipc_slot_clear(binding);
	kipc_delay(KIPC_DELAY_BINDING_GOING);
	/* Its client's mapping is gone, or it would have a reference. */
	unmap_mapping_range(service->object.inode->i_mapping, slot * bytes, bytes,
			    1);
	kipc_binding_free(binding, service->attr.stacks);
	kipc_slot_give_back(service, slot);
}

/* Mappings. */

static vm_fault_t kipc_binding_insert(struct vm_fault *vmf,
				      struct kipc_binding *binding, u32 page)
{
	int ret = vm_insert_page(vmf->vma, vmf->address & PAGE_MASK,
				 binding->pages[page]);

	/* Another thread was faster. */
	if (ret == -EBUSY)
		ret = 0;
	return ret == -ENOMEM ? VM_FAULT_OOM :
	       ret ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}

/* The mapping holds the handle, and that its binding. */
static vm_fault_t kipc_client_fault(struct vm_fault *vmf)
{
	struct kipc_binding *binding;

	binding = kipc_service_handle_of(vmf->vma->vm_file)->binding;
	return kipc_binding_insert(vmf, binding, vmf->pgoff -
				   (u64)binding->slot *
				   binding->service->binding_pages);
}

/* Frames are between the client and the kernel: the server has no deadline to change. */
static vm_fault_t kipc_server_fault(struct vm_fault *vmf)
{
	struct kipc_handle *handle = vmf->vma->vm_file->private_data;
	struct kipc_service *service = kipc_service_of(handle->object);
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct kipc_binding *binding;
	u64 slot = vmf->pgoff;
	u32 page = do_div(slot, service->binding_pages);

	if (slot >= service->attr.bindings || page < service->frame_pages)
		return VM_FAULT_SIGBUS;
	mutex_lock(&service->map_lock);
	binding = kipc_binding_at_locked(service, slot);
	if (binding)
		ret = kipc_binding_insert(vmf, binding, page);
	mutex_unlock(&service->map_lock);
	return ret;
}

static int kipc_service_may_split(struct vm_area_struct *vma, unsigned long address)
{
	return -EINVAL;
}

static struct kipc_service *kipc_service_of_vma(struct vm_area_struct *vma)
{
	struct kipc_handle *handle = vma->vm_file->private_data;

	return kipc_service_of(handle->object);
}

/*
 * It is moved: there are two of them for a moment.  Or the process forks, and has asked
 * for its child to have it, which is not the server for that.
 */
static void kipc_server_vma_open(struct vm_area_struct *vma)
{
	struct kipc_service *service = kipc_service_of_vma(vma);

	if (vma->vm_mm != service->mm)
		return;
	spin_lock(&service->object.lock);
	service->maps++;
	spin_unlock(&service->object.lock);
}

static void kipc_server_vma_close(struct vm_area_struct *vma)
{
	struct kipc_service *service = kipc_service_of_vma(vma);
	bool last;

	if (vma->vm_mm != service->mm)
		return;
	spin_lock(&service->object.lock);
	last = !--service->maps;
	spin_unlock(&service->object.lock);
	if (last)
		kipc_service_end(service, -EPIPE, true);
}

static const struct vm_operations_struct kipc_client_vm_ops = {
	.fault		= kipc_client_fault,
	.may_split	= kipc_service_may_split,
};

static const struct vm_operations_struct kipc_server_vm_ops = {
	.open		= kipc_server_vma_open,
	.close		= kipc_server_vma_close,
	.fault		= kipc_server_fault,
	.may_split	= kipc_service_may_split,
};

/* The calling process becomes the server: 0, or why not. */
static int kipc_service_become_server(struct kipc_service *service)
{
	struct kipc_object *object = &service->object;
	int ret;

	spin_lock(&object->lock);
	ret = kipc_service_verdict(service);
	/* For ever: who has unmapped it is just about to end it. */
	if (!ret && service->mm)
		ret = service->maps ? -EBUSY : -EPIPE;
	if (!ret) {
		mmgrab(current->mm);
		WRITE_ONCE(service->mm, current->mm);
		service->maps = 1;
	}
	spin_unlock(&object->lock);
	return ret;
}

/**
 * kipc_service_mmap - map a service, or a binding
 * @file: the handle
 * @vma: to be filled
 *
 * Return: 0, or -EINVAL: not shared, or not from the beginning, or too long; -EPERM: to be
 * executed, or the handle may neither serve nor call; -ENOTCONN; -EBUSY: another
 * mapping makes somebody the server already; -EPIPE, -EIDRM.
 */
int kipc_service_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kipc_service_handle *own = kipc_service_handle_of(file);
	struct kipc_service *service = kipc_service_of(own->handle.object);
	bool serves = own->handle.rights & KIPC_RIGHT_SERVE;
	u64 pages = service->binding_pages;
	struct kipc_binding *binding;
	int ret;

	if (!(own->handle.rights & (KIPC_RIGHT_SERVE | KIPC_RIGHT_CALL)) ||
	    vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (serves)
		pages *= service->attr.bindings;
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff ||
	    vma_pages(vma) != pages)
		return -EINVAL;
	if (serves) {
		ret = kipc_service_become_server(service);
		if (ret)
			return ret;
		vma->vm_ops = &kipc_server_vm_ops;
	} else {
		/* Pairs with the release in kipc_service_ioctl_connect(). */
		binding = smp_load_acquire(&own->binding);
		if (!binding)
			return -ENOTCONN;
		/* Offsets are those of the server's mapping: see kipc_binding_release(). */
		vma->vm_pgoff = (u64)binding->slot * service->binding_pages;
		vma->vm_ops = &kipc_client_vm_ops;
	}
	kipc_vma_flags(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP | VM_MIXEDMAP,
		       VM_MAYEXEC);
	return 0;
}

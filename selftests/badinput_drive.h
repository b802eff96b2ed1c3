/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What drives a table of bad input: each call must fail as the table says, and
 * nothing may have changed by it.  Whoever includes this has before it
 *
 *	ops, table, union arg	see badinput_row.h
 *	FIXTURE(bad)		with ctl, fd, rw, ro, data, attr, item
 *	good()			fills in arguments with which the call works
 *	damage()		says what has changed, or NULL
 */
#ifndef KIPC_SELFTEST_BADINPUT_DRIVE_H
#define KIPC_SELFTEST_BADINPUT_DRIVE_H

static int good_fd(FIXTURE_DATA(bad) *self, enum op op)
{
	return ops[op].control ? self->ctl : self->fd;
}

static unsigned int sized(enum op op, size_t size)
{
	unsigned int cmd = ops[op].cmd;

	return _IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd), size);
}

/* Makes the call, which must fail with @err_, and have done nothing. */
#define MUST_FAIL(fd_, cmd_, arg_, size_, err_, ...) do {		\
	void *volatile v_ = arg_;	/* hides a NULL from warnings */	\
	void *p_ = v_;							\
	char copy_[sizeof(union arg)];					\
	const char *harm_;						\
	int ret_, errno_;						\
									\
	if (size_)							\
		memcpy(copy_, p_, size_);				\
	ret_ = ioctl(fd_, cmd_, p_);					\
	errno_ = errno;							\
	if (ret_ > 2)							\
		close(ret_);						\
	EXPECT_TRUE(ret_ == -1 && errno_ == (err_)) {			\
		TH_LOG("returned %d, errno %s, expected %s", ret_,	\
		       ret_ < 0 ? strerrorname_np(errno_) : "-",	\
		       strerrorname_np(err_));				\
		TH_LOG(__VA_ARGS__);					\
	}								\
	EXPECT_TRUE(!(size_) || !memcmp(copy_, p_, size_)) {		\
		TH_LOG("the structure was written to");			\
		TH_LOG(__VA_ARGS__);					\
	}								\
	harm_ = damage(self);						\
	ASSERT_TRUE(!harm_) {						\
		TH_LOG("%s", harm_);					\
		TH_LOG(__VA_ARGS__);					\
	}								\
} while (0)

/* Addresses that are no good; the last one is only for what is written to. */
static unsigned int bad_pointers(FIXTURE_DATA(bad) *self, uint64_t good_one,
				 size_t size, uint64_t bad[])
{
	unsigned int n = 0;

	bad[n++] = 16;
	bad[n++] = ptr(self->rw + PAGE);		/* PROT_NONE */
	bad[n++] = ptr(self->rw + PAGE - size / 2);	/* half of it */
	bad[n++] = ptr(self->rw + PAGE - 1);
	bad[n++] = 0xffff888000000000ULL;		/* the kernel's */
	bad[n++] = 0xffffffff81000000ULL;
	bad[n++] = ~0ULL - size / 2;			/* wraps around */
	bad[n++] = ~0ULL;
	bad[n++] = good_one | 1ULL << 63;
	bad[n++] = good_one | 1ULL << 48;
	if (sizeof(void *) == 4)
		bad[n++] = good_one | 1ULL << 32;
	bad[n++] = ptr(self->ro);
	return n;
}

enum { MAX_BAD = 16 };

/* For memory of which only a part can be reached, what is there counts. */
static void lay_out(FIXTURE_DATA(bad) *self, uint64_t where, const void *what,
		    size_t size)
{
	if (where > ptr(self->rw) && where < ptr(self->rw + PAGE)) {
		size_t room = ptr(self->rw + PAGE) - where;

		memcpy((void *)(uintptr_t)where, what, size < room ? size :
		       room);
	}
}

static void fields(struct __test_metadata *_metadata, FIXTURE_DATA(bad) *self,
		   enum op op)
{
	uint64_t bad[MAX_BAD];
	unsigned int i, n;
	const struct row *r;
	union arg a;
	size_t size;

	for (r = table; r < table + ARRAY_SIZE(table); r++) {
		bool in_attr = r->how == ATTR || r->how == ATTR_BITS;
		char *base = in_attr ? (char *)self->attr :
			     r->how >= ITEM ? self->item : a.bytes;
		typeof(*self->attr) attr = *self->attr;

		if (r->op != op)
			continue;
		n = 1;
		if (is_bits(r->how))
			n = 8 * r->width;
		for (i = 0; i < n; i++) {
			uint64_t v = r->value;

			size = good(self, op, &a);
			if (is_pointer(r->how)) {
				v = get(base, r->offset, r->width);
				n = bad_pointers(self, v, 8, bad);
				n -= r->how == READS || r->how == ITEM_READS;
				lay_out(self, bad[i], (void *)(uintptr_t)v, 60);
				v = bad[i];
			} else if (is_bits(r->how)) {
				if (v >> i & 1)
					continue;
				v = get(base, r->offset, r->width) | 1ULL << i;
			}
			put(base, r->offset, r->width, v);
			MUST_FAIL(good_fd(self, op), ops[op].cmd, &a, size,
				  r->err, "ioctl %#x, %s = %#llx",
				  _IOC_NR(ops[op].cmd), r->what,
				  (unsigned long long)v);
			*self->attr = attr;
		}
	}
}

static void structure(struct __test_metadata *_metadata,
		      FIXTURE_DATA(bad) *self, enum op op)
{
	unsigned int cmd = ops[op].cmd, nr = _IOC_NR(cmd), i, n;
	bool written = _IOC_DIR(cmd) & _IOC_READ;
	int fd = good_fd(self, op);
	uint64_t bad[MAX_BAD];
	union arg a;
	size_t size = good(self, op, &a), s;
	size_t least = ops[op].least ?: size;

	/* Shorter than the first one that was published. */
	for (s = 0; s < least; s += s < least - 1 && s + 8 >= least ?
	     least - 1 - s : 8) {
		good(self, op, &a);
		MUST_FAIL(fd, sized(op, s), &a, size, EINVAL,
			  "ioctl %#x, size %zu", nr, s);
	}
	/* Longer, and what is not known here is not zero. */
	for (s = size + 1; _IOC_DIR(cmd) != _IOC_READ && s <= size + MAX_TAIL;
	     s += 7) {
		good(self, op, &a);
		a.bytes[s - 1] = 1;
		MUST_FAIL(fd, sized(op, s), &a, s, E2BIG,
			  "ioctl %#x, size %zu", nr, s);
	}
	good(self, op, &a);
	n = bad_pointers(self, ptr(&a), size, bad) - !written;
	for (i = 0; i < n; i++) {
		/* Only what a pointer of this program can hold. */
		if ((uint64_t)(uintptr_t)bad[i] != bad[i])
			continue;
		lay_out(self, bad[i], &a, size);
		if (bad[i] == ptr(self->ro)) {
			ASSERT_OK(mprotect(self->ro, PAGE,
					   PROT_READ | PROT_WRITE));
			memcpy(self->ro, &a, size);
			ASSERT_OK(mprotect(self->ro, PAGE, PROT_READ));
			/* The letter's data may have come before the fault. */
			if (_IOC_DIR(cmd) & _IOC_WRITE) {
				EXPECT_ERR(EFAULT, ioctl(fd, cmd, self->ro));
				memset(self->data, POISON, PAGE);
				continue;
			}
		}
		MUST_FAIL(fd, cmd, (void *)(uintptr_t)bad[i], 0, EFAULT,
			  "ioctl %#x, argument at %#llx", nr,
			  (unsigned long long)bad[i]);
	}
	MUST_FAIL(fd, cmd, NULL, 0, EFAULT, "ioctl %#x, NULL", nr);
}

static void descriptors(struct __test_metadata *_metadata,
			FIXTURE_DATA(bad) *self, enum op op)
{
	unsigned int cmd = ops[op].cmd, nr = _IOC_NR(cmd);
	int null = open("/dev/null", O_RDWR), path, pipes[2];
	union arg a;
	size_t size = good(self, op, &a);

	ASSERT_OK(pipe(pipes));
	path = open(DEVICE, O_PATH);
	MUST_FAIL(-1, cmd, &a, size, EBADF, "ioctl %#x on -1", nr);
	MUST_FAIL(1000, cmd, &a, size, EBADF, "ioctl %#x, closed", nr);
	MUST_FAIL(path, cmd, &a, size, EBADF, "ioctl %#x, O_PATH", nr);
	MUST_FAIL(null, cmd, &a, size, ENOTTY, "ioctl %#x, /dev/null", nr);
	MUST_FAIL(pipes[0], cmd, &a, size, ENOTTY, "ioctl %#x, pipe", nr);
	MUST_FAIL(ops[op].control ? self->fd : self->ctl, cmd, &a, size, ENOTTY,
		  "ioctl %#x on the wrong sort of descriptor", nr);
	close(null);
	close(path);
	close(pipes[0]);
	close(pipes[1]);
}

/* The good call, with a longer structure whose rest is zero. */
static int call_good(FIXTURE_DATA(bad) *self, enum op op, union arg *a)
{
	size_t size = good(self, op, a);

	memset(a->bytes + size, 0, MAX_TAIL);
	return ioctl(good_fd(self, op), sized(op, size ? size + MAX_TAIL : 0),
		     a);
}

#define ALL(op) do {				\
	descriptors(_metadata, self, op);	\
	if (_IOC_SIZE(ops[op].cmd))		\
		structure(_metadata, self, op);	\
	fields(_metadata, self, op);		\
} while (0)

#endif /* KIPC_SELFTEST_BADINPUT_DRIVE_H */

# SPDX-License-Identifier: GPL-2.0
#
# kipc: the module, the library, the examples, the command.  "make help" lists the targets.
# What the kernel's build system needs to know is in Kbuild.

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
DESTDIR ?=

BUILD := $(CURDIR)/.build
LIB := $(MAKE) -C lib OUT=$(BUILD)/lib PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)
KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR)

all: modules lib examples tool

modules: $(KDIR)/Makefile
	$(KBUILD) modules

lib:
	$(LIB) library

examples: lib
	$(LIB) examples

tool: lib
	$(LIB) tool

install: modules_install lib_install

# The kernel's build system leaves depmod out where it finds no System.map.
modules_install: modules
	$(KBUILD) modules_install INSTALL_MOD_DIR=extra INSTALL_MOD_PATH=$(DESTDIR)
ifeq ($(DESTDIR),)
	depmod -a $$(cat $(KDIR)/include/config/kernel.release)
endif

lib_install: lib
	$(LIB) install
# The loader's cache has no other places.
ifeq ($(DESTDIR)$(filter-out /usr /usr/local,$(PREFIX)),)
	[ $$(id -u) != 0 ] || ldconfig
endif

selftests: lib
	$(MAKE) -C selftests OUT=$(BUILD)/selftests LIBDIR=$(BUILD)/lib

run_tests: selftests
	$(MAKE) -C selftests OUT=$(BUILD)/selftests LIBDIR=$(BUILD)/lib run_tests

clean:
	if [ -f $(KDIR)/Makefile ]; then $(KBUILD) clean; fi
	rm -rf $(BUILD)/lib $(BUILD)/selftests

help:
	@echo 'Targets:'
	@echo '  all              modules, lib, examples and tool (default)'
	@echo '  modules          the kernel module: kipc.ko, here'
	@echo '  lib              the library: .build/lib/libkipc.{a,so}'
	@echo '  examples         the example programs: .build/lib/examples/'
	@echo '  tool             the command, if libmnl and libsmartcols are there:'
	@echo '                   .build/lib/tool/kipc'
	@echo '  install          module, library, headers, manual pages and command'
	@echo '  modules_install  the module alone'
	@echo '  lib_install      the same without the module'
	@echo '  selftests        the test programs: .build/selftests/'
	@echo '  run_tests        ... and run them on this kernel, as root'
	@echo '  clean            remove what was built'
	@echo '  help             this list'
	@echo
	@echo 'Variables:'
	@echo '  KDIR=$(KDIR)'
	@echo '                   the kernel to build for'
	@echo '  PREFIX=$(PREFIX)'
	@echo '                   where the library goes'
	@echo '  DESTDIR=dir      install under this directory, for packages'
	@echo '  SANITIZE=address|undefined|thread, CC=..., CFLAGS=...'
	@echo '                   for the library (with the targets lib, examples)'

$(KDIR)/Makefile:
	@echo "The kernel's headers are not in $(KDIR)." >&2
	@echo "Install them (Debian: apt install linux-headers-$$(uname -r))," \
		"or give KDIR=..." >&2
	@false

.PHONY: all modules lib examples tool install modules_install lib_install \
	selftests run_tests clean help

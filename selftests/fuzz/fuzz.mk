# SPDX-License-Identifier: GPL-2.0
#
# The fuzzer, for the Makefile of selftests.  It is not built from a grammar that
# disagrees with the ABI's header.

FUZZ := main worker execute partner cover mutate text emit shrink log ops calls services areas

$(OUTPUT)/fuzz/fuzz: $(FUZZ:%=$(OUTPUT)/obj/fuzz/%.o) $(OUTPUT)/obj/fuzz/agrees
	@mkdir -p $(@D)
	$(CC) $(STATIC) $(SANITIZERS) -pthread -o $@ $(filter %.o,$^)

$(OUTPUT)/obj/fuzz/agrees: fuzz/agree $(filter-out %/kipc_netlink.h,$(wildcard ../uapi/linux/*.h)) fuzz/table.def fuzz/kipc.txt
	@mkdir -p $(@D)
	python3 fuzz/agree $(filter-out %/kipc_netlink.h,$(wildcard ../uapi/linux/*.h)) fuzz/table.def fuzz/kipc.txt
	@touch $@

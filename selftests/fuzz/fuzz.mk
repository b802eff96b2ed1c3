# SPDX-License-Identifier: GPL-2.0
#
# The fuzzer, for the Makefile of selftests.  It is not built from a grammar that
# disagrees with the ABI's header.

FUZZ := main worker execute partner cover mutate text emit shrink log ops calls areas
FUZZ_OUT := $(OUTPUT)/fuzz

$(OUTPUT)/fuzz/fuzz: $(FUZZ:%=$(FUZZ_OUT)/%.o) $(FUZZ_OUT)/agrees
	$(CC) $(STATIC) $(SANITIZERS) -pthread -o $@ $(filter %.o,$^)

$(FUZZ_OUT)/%.o: fuzz/%.c fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -c -o $@ $<

$(FUZZ_OUT)/agrees: fuzz/agree ../uapi/linux/kipc.h fuzz/table.def fuzz/kipc.txt
	@mkdir -p $(@D)
	python3 fuzz/agree ../uapi/linux/kipc.h fuzz/table.def fuzz/kipc.txt
	@touch $@

-include $(wildcard $(FUZZ_OUT)/*.d)

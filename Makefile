# Thin aliases of run.py, which works where make does not exist.
.PHONY: demo test check setup

demo test check setup:
	python3 run.py $@

#!/bin/sh
# Compiler launcher for the header units, which end in an assertion that always fails: the compiler
# has parsed the header by then and stops before it instantiates LibTorch's templates, which takes
# five times as long. A unit passes if that assertion is its first error.
errors=$("$@" -Wfatal-errors 2>&1)
case $errors in
*'end of header'*) exit 0 ;;
*) printf '%s\n' "${errors:-the end of the header did not stop the compiler}" >&2; exit 1 ;;
esac

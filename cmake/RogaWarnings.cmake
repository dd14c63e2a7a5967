# Warnings of the project's own targets. Never exported: users choose their own.
add_library(roga_warnings INTERFACE)
target_compile_options(roga_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion -Werror)

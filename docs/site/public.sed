# What a reader of the reference sees of a header: names without the version, as a program writes
# them, and each recipe with its struct.
s|^inline namespace v1 {$||
s|^}  // namespace v1$||
s|^inline constexpr \([A-Z][A-Za-z]*\) \([a-z_]*\);$|/** Makes the recipe that \1 describes, with \1::Options. */ &|

# The functions that the scripts in this folder share; sourced, not run. Expects `set -euo pipefail`.
# shellcheck shell=bash

# The root of the repository, from wherever the script was called.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit

# The comment at the top of the calling script is its help text.
usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
}

# fail MESSAGE: ends the script with status 2, which stands for a wrong call or a missing tool.
fail() {
    echo "$(basename "$0"): $*" >&2
    exit 2
}

# number WHAT VALUE: fails unless the value is a whole number above 0.
number() {
    [[ $2 =~ ^[1-9][0-9]*$ ]] || fail "$1 must be a number, not \`$2'"
}

# need_tool COMMAND HOW: checks that a command works; with `install=1' installs what is missing
# (HOW is a command line), and says how to otherwise.
need_tool() {
    local check=$1 how=$2
    if $check >/dev/null 2>&1; then return; fi
    if [ "${install:-0}" = 1 ]; then
        echo "installing: $how"
        $how || fail "\`$how' failed"
        $check >/dev/null 2>&1 || fail "\`$check' does not work although it was installed"
    else
        fail "\`$check' does not work; install it with \`$how', or call this with --install"
    fi
}

# no_arguments ARGUMENT..: for a script that takes none but --help.
no_arguments() {
    case ${1:-} in
        '') ;;
        -h | --help) usage && exit ;;
        *) fail "unknown argument $1; see --help" ;;
    esac
}

# Options of cargo that check the lock order in an optimised build, by the assertions that switch it on:
# the cfg for it would make all dependencies anew.
# shellcheck disable=SC2034 # used by the scripts that source this
lock_check=(--config 'profile.release.package.vfsnotify.debug-assertions=true'
    --config 'profile.release.package.lab.debug-assertions=true')

# Where cargo puts what it builds.
target_dir=${CARGO_TARGET_DIR:-$root/target}

# copy_source FOLDER: a new copy of the files that git knows and of those it does not ignore.
copy_source() {
    rm -rf "${1:?}"
    mkdir -p "$1"
    git ls-files -z --cached --others --exclude-standard |
        while IFS= read -r -d '' file; do
            if [ -e "$file" ]; then printf '%s\0' "$file"; fi
        done | xargs -0 cp --parents -t "$1"
}

# The fuzz targets.
all_targets=(abi names_and_paths mark_lifecycle tree_nonsense ops_model vs_kernel)

# choose_targets NAME..: sets `targets' to those named, or to all that there are in fuzz_targets.
choose_targets() {
    local target
    targets=()
    if [ $# -eq 0 ]; then
        for target in "${all_targets[@]}"; do
            if [ -e "fuzz/fuzz_targets/$target.rs" ]; then targets+=("$target"); fi
        done
    else
        for target in "$@"; do
            [ -e "fuzz/fuzz_targets/$target.rs" ] || fail "there is no fuzz target \`$target'"
            targets+=("$target")
        done
    fi
}

# The longest input of a target that means more than a shorter one.
max_len() {
    case $1 in
        vs_kernel) echo 1024 ;;
        *) echo 4096 ;;
    esac
}

# The flags that cargo-fuzz gives to the compiler without a sanitizer: coverage as libFuzzer takes it, and assertions.
# (But for `-Clink-dead-code`, which takes as long again and reaches no more.)
fuzz_flags="--cfg fuzzing -Cdebug-assertions -Ccodegen-units=1 -Cpasses=sancov-module"
for option in level=4 inline-8bit-counters pc-table trace-compares stack-depth; do
    fuzz_flags+=" -Cllvm-args=-sanitizer-coverage-$option"
done
fuzz_flags+=" -Cllvm-args=-simplifycfg-branch-fold-threshold=0"

# build_fuzzers TARGET..: builds the targets and sets `fuzzers' to the folder they are in. Without
# a sanitizer any toolchain does, and as nothing here is unsafe they are the faster for nothing less;
# with one it takes a nightly, and cargo-fuzz.
build_fuzzers() {
    local sanitizer=${sanitizer:-none} host target
    local folder=$target_dir/fuzz-$sanitizer
    host=$(rustc -vV | sed -n 's/^host: //p')
    if [ "$sanitizer" = none ]; then
        # With the host named as the target the flags do not reach build scripts.
        RUSTFLAGS=$fuzz_flags CARGO_PROFILE_RELEASE_DEBUG=line-tables-only \
            cargo build --locked --release --manifest-path fuzz/Cargo.toml --target "$host" \
            --target-dir "$folder" "${@/#/--bin=}"
    else
        need_tool "cargo fuzz --version" "cargo install --locked cargo-fuzz"
        for target in "$@"; do
            (cd fuzz && cargo +nightly fuzz build --sanitizer "$sanitizer" "$target" --target-dir "$folder")
        done
    fi
    # shellcheck disable=SC2034 # used by the scripts that source this
    fuzzers=$folder/$host/release
}

# A process that is killed in the moment in which it has lowered a limit of the machine for a call
# leaves it so; what the limits are at the beginning, they are at the end.
inotify_limits=/proc/sys/fs/inotify
remember_limits() {
    limits_before=()
    local file
    for file in "$inotify_limits"/max_*; do
        if [ -w "$file" ]; then limits_before+=("$(cat "$file") $file"); fi
    done
}
restore_limits() {
    local line
    for line in "${limits_before[@]}"; do
        if [ "$(cat "${line#* }")" != "${line%% *}" ]; then
            echo "${line#* } was left at $(cat "${line#* }"), now ${line%% *} again"
            echo "${line%% *}" >"${line#* }"
        fi
    done
}

# The prefix of a command that mounts something: as root a table of mounts of its own, with which
# they go however the command ends.
# shellcheck disable=SC2034 # used by the scripts that source this
own_mounts=()
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
    # shellcheck disable=SC2034
    own_mounts=(unshare --mount)
fi

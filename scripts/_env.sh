# shellcheck shell=bash
# Shared by the scripts beside it, which source it: the environment in .venv, made and kept right.
#
# Everything that is said here goes to stderr, because stdout belongs to the program that is started afterwards
# (`talk --json`). Nothing here ever asks a question. Bash 3.2, which macOS has, must be able to read it.

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
stamp=$venv/.parley # what the environment was made for; written last, "building" while pip is at work
setup_log=$venv/setup.log

case $(uname -s) in
MINGW* | MSYS* | CYGWIN*) venv_bin=$venv/Scripts ;;
*) venv_bin=$venv/bin ;;
esac
venv_python=$venv_bin/python

say() { printf 'Parley: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

# ---------------------------------------------------------------------------------------------------------------------
# System packages: the one place for their names. Every wheel in constraints.txt brings its own libraries, save that of
# sounddevice on Linux, which needs PortAudio (and ALSA's plugins, to reach PulseAudio or PipeWire); and Debian and Ubuntu
# ship Python's own venv module separately. Tests bring their own sound card, which is a PulseAudio.

# system_packages MANAGER PURPOSE [PYTHON_MINOR]: the names to install, or nothing when nothing is needed.
#   PURPOSE is "venv" (Python can make environments), "talk" or "test".
system_packages() {
    case $2:$1 in
    venv:apt) echo "python${3:-3} python${3:-3}-venv" ;;
    venv:dnf) echo "python${3:-3.13}" ;;
    venv:pacman) echo "python" ;;
    venv:brew) echo "python@${3:-3.13}" ;;
    talk:apt) echo "libportaudio2 libasound2-plugins" ;;
    talk:dnf | talk:pacman) echo "portaudio" ;;
    test:apt) echo "libportaudio2 libasound2-plugins pulseaudio pulseaudio-utils" ;;
    test:dnf) echo "portaudio alsa-plugins-pulseaudio pulseaudio pulseaudio-utils" ;;
    test:pacman) echo "portaudio alsa-plugins pulseaudio" ;;
    esac
}

package_manager() {
    local manager
    case $(uname -s) in
    Darwin) echo brew ;;
    *)
        for manager in apt-get dnf pacman brew; do
            if command -v "$manager" >/dev/null 2>&1; then
                echo "${manager%-get}"
                return
            fi
        done
        echo none
        ;;
    esac
}

# The command a person would type: for the sentences that say what to do.
install_hint() {
    case $1 in
    apt) echo "sudo apt-get install $2" ;;
    dnf) echo "sudo dnf install $2" ;;
    pacman) echo "sudo pacman -S $2" ;;
    brew) echo "brew install $2" ;;
    *) echo "your system's package manager" ;;
    esac
}

# as_root COMMAND...: runs it as root without asking for a password; status 126 when that cannot be done.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 126
    fi
}

# ensure_system PURPOSE [PYTHON_MINOR]: installs what is missing with apt. Where that cannot be done it says what to
# install, and ends; but not for "talk", which works without (WAV files, the demo).
ensure_system() {
    local manager packages package hint missing=""
    manager=$(package_manager)
    packages=$(system_packages "$manager" "$@")
    [ -n "$packages" ] || return 0
    if [ "$manager" != apt ]; then
        # Other managers are not asked what is installed: only a failure that the user can see is worth a sentence.
        hint=$(install_hint "$manager" "$packages")
        case $1 in
        venv) fail "this Python cannot make environments; please run: $hint" ;;
        talk) say "if no microphone or loudspeaker is found later, run: $hint" ;;
        *) say "if something is missing, run: $hint" ;;
        esac
        return 0
    fi
    for package in $packages; do
        dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086,SC2046 # lists of names and options
    if as_root true; then
        say "installing the system packages$missing"
        # One broken source of many does not matter: the next line tells. A talk is not held up for long.
        as_root apt-get update -qq $(apt_patience "$1") </dev/null >&2 || true
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
            $(apt_patience "$1") $missing </dev/null >&2 && return 0
    fi
    hint=$(install_hint apt "${missing# }")
    [ "$1" = talk ] || fail "system packages are missing and cannot be installed from here; please run: $hint"
    say "microphone and loudspeaker need system packages that cannot be installed from here; for them, run: $hint"
}

# apt_patience PURPOSE: options that bound how long apt waits for a server, and for another apt.
apt_patience() {
    case $1 in
    talk) echo "-o Acquire::Retries=0 -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 -o DPkg::Lock::Timeout=15" ;;
    *) echo "-o DPkg::Lock::Timeout=120" ;;
    esac
}

# What was seen to, so that it is asked for once and not at every start; a purpose whose list has grown is asked for
# again. Beside the stamp, because it says nothing about the environment's own state.
system_stamp=$venv/.parley-system

system_line() { printf '%s: %s' "$1" "$(system_packages "$(package_manager)" "$1")"; }

system_settled() { grep -qxF "$(system_line "$1")" "$system_stamp" 2>/dev/null; }

settle_system() {
    system_settled "$1" || printf '%s\n' "$(system_line "$1")" >>"$system_stamp"
}

# ---------------------------------------------------------------------------------------------------------------------
# Which Python

# python_minor PYTHON: prints "3.12" when it really runs and Parley supports it. A pyenv shim exists and does not run.
python_minor() {
    "$1" -I -c 'import sys
v = sys.version_info[:2]
if not (3, 11) <= v <= (3, 13):
    sys.exit(1)
print("%d.%d" % v)' 2>/dev/null
}

can_make_venv() { "$1" -I -c 'import venv, ensurepip' 2>/dev/null; }

# find_python: the newest Python on PATH that Parley supports, one that can make environments before one that cannot.
find_python() {
    local name candidate second=""
    for name in ${PARLEY_PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
        while IFS= read -r candidate; do
            if [ -z "$candidate" ] || ! python_minor "$candidate" >/dev/null; then continue; fi
            if can_make_venv "$candidate"; then
                printf '%s\n' "$candidate"
                return 0
            fi
            [ -n "$second" ] || second=$candidate
        done <<EOF
$(type -aP "$name" || true)
EOF
    done
    [ -n "$second" ] && printf '%s\n' "$second"
}

# ---------------------------------------------------------------------------------------------------------------------
# The stamp, and what it says about the environment

# fingerprint: what the environment depends on. A venv is full of absolute paths, so its place is part of it.
fingerprint() {
    printf 'root %s\n' "$root"
    printf 'python %s\n' "$(python_minor "$venv_python")"
    # cksum is the one checksum that every POSIX system has; it guards against edits, not against attackers.
    printf 'files %s\n' "$(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum)"
}

write_stamp() { # write_stamp FINGERPRINT EXTRAS
    printf '%s\nextras %s\n' "$1" "$2" >"$stamp.new"
    mv -f "$stamp.new" "$stamp"
}

stamped() { sed -n "s/^$1 //p" "$stamp" 2>/dev/null; }

# merge_extras A B: both lists as one, sorted, each name once ("all,dev").
merge_extras() { printf '%s,%s' "$1" "$2" | tr ',' '\n' | sed '/^$/d' | LC_ALL=C sort -u | paste -sd , -; }

# env_state EXTRAS: prints what has to be done before those extras can be used.
#   missing: make it · broken: remove it and make it · stale: let pip bring it up to date · ready: nothing
env_state() {
    local now
    [ -e "$venv" ] || { echo missing && return; }
    now=$(fingerprint)
    case $now in *"python 3."*) ;; *) echo broken && return ;; esac
    # No stamp, but a Python that runs: somebody's own environment. pip completes it; it is not thrown away.
    [ -e "$stamp" ] || { echo stale && return; }
    # Interrupted while pip was writing, moved to another path, or made for another Python: not worth repairing.
    [ "root $(stamped root)" = "$(printf '%s\n' "$now" | sed -n 1p)" ] || { echo broken && return; }
    [ "python $(stamped python)" = "$(printf '%s\n' "$now" | sed -n 2p)" ] || { echo broken && return; }
    [ "files $(stamped files)" = "$(printf '%s\n' "$now" | sed -n 3p)" ] || { echo stale && return; }
    [ "$(merge_extras "$(stamped extras)" "$1")" = "$(stamped extras)" ] || { echo stale && return; }
    echo ready
}

# ---------------------------------------------------------------------------------------------------------------------
# pip

# pip_install ARGS...: -I keeps PYTHONPATH out of it. On a terminal pip shows its progress; elsewhere it is silent, and
# pip_failed shows what matters of its log.
pip_install() {
    rm -f "$setup_log"
    set -- -I -m pip --disable-pip-version-check --no-input --log "$setup_log" install --no-user "$@"
    if [ -t 2 ]; then
        "$venv_python" "$@" </dev/null >&2
    else
        "$venv_python" "$@" </dev/null >/dev/null 2>&1
    fi
}

# What went wrong, in a sentence, read from pip's own log.
pip_failed() {
    local network='NewConnectionError|NameResolutionError|Temporary failure in name resolution|ConnectTimeout'
    network="$network|ReadTimeout|ProxyError|Max retries exceeded|Network is unreachable"
    if grep -q 'No space left on device' "$setup_log" 2>/dev/null; then
        fail "the disk is full: about 2 GB are needed in $venv (pip's log: $setup_log)"
    elif grep -qE "$network" "$setup_log" 2>/dev/null; then
        fail "the packages cannot be downloaded: the package index cannot be reached. Check the network (or the" \
            "proxy), then run this again (pip's log: $setup_log)"
    fi
    # The lines that name an error, without time stamps and without pip's own traceback.
    sed 's/^[0-9][0-9T:,-]* *//' "$setup_log" | grep -E '^[A-Za-z_.]*(ERROR|Error|error): ' |
        grep -v '^pip\._' | tail -n 8 >&2 || true
    fail "pip could not install what is needed; its log is $setup_log"
}

has_nvidia() {
    [ -e /proc/driver/nvidia/version ] || [ -e /dev/nvidiactl ] || [ -e /usr/lib/wsl/lib/nvidia-smi ]
}

torch_version() { sed -n 's/^torch==//p' "$root/constraints.txt"; }

torch_installed() {
    "$venv_python" -I -c 'import sys
from importlib.metadata import PackageNotFoundError, version
try:
    sys.exit(version("torch").split("+")[0] != sys.argv[1])
except PackageNotFoundError:
    sys.exit(1)' "$(torch_version)"
}

cpu_index=https://download.pytorch.org/whl/cpu

# cpu_index_answers: does the index answer within 8 s? The watch ends the process even inside a name look-up that
# hangs, which no socket timeout bounds.
cpu_index_answers() {
    "$venv_python" -I -c 'import os, ssl, sys, threading, urllib.request
watch = threading.Timer(8, os._exit, [1])
watch.daemon = True
watch.start()
own = os.environ.get("PIP_CERT") or os.environ.get("REQUESTS_CA_BUNDLE") or None
with urllib.request.urlopen(sys.argv[1], timeout=8, context=ssl.create_default_context(cafile=own)) as answer:
    answer.read(1)' "$cpu_index/torch/" >/dev/null 2>&1
}

# PyTorch's usual Linux wheel carries gigabytes of CUDA, which a machine without an NVIDIA card cannot use, so torch is
# taken from PyTorch's own CPU index first. At most 20 s may be lost to an index that does not work: 8 s for the probe,
# then pip without retries and with 10 s of silence allowed. A download that moves, however slowly, is not cut off: the
# alternative would be a download ten times as large over the same slow line. When it does not work, nothing is done
# here, and the plain install takes the pinned torch from where pip usually looks (find-links and mirrors included).
# `--no-deps`, because that index also has other packages, in versions that are not ours.
install_cpu_torch() {
    [ "$(uname -s)" = Linux ] && ! has_nvidia || return 0
    torch_installed && return 0
    say "asking PyTorch's own index for torch $(torch_version) without CUDA"
    if cpu_index_answers && pip_install --no-deps --index-url "$cpu_index" --timeout 10 --retries 0 \
        "torch==$(torch_version)"; then
        return 0
    fi
    say "it cannot be reached from here: torch comes from the usual index instead (where that has no CPU build, this" \
        "is a large download)"
}

# run_module PYTHON MODULE ARGS...: `PYTHON -m MODULE ARGS`, which Ctrl+C ends without Python's traceback.
run_module() {
    local python=$1
    shift
    "$python" -I -c 'import runpy, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)' "$@"
}

# ---------------------------------------------------------------------------------------------------------------------
# ensure_env EXTRAS PURPOSE: afterwards $venv_python runs Parley with those extras. Quick when nothing has changed.
ensure_env() {
    if [ "$(env_state "$1")" = ready ] && system_settled "$2"; then return 0; fi
    # One set-up at a time. The lock is on this file, so nothing is left behind; macOS has no flock and goes without.
    exec 9<"$root/scripts/_env.sh"
    if command -v flock >/dev/null 2>&1 && ! flock -n 9; then
        say "another set-up of this checkout is running; waiting for it"
        flock 9
    fi
    # pip turns Ctrl+C into an exit code of its own, which would look like a failure to go on from.
    trap 'exit 130' INT
    trap 'exit 143' TERM
    set_up "$1" "$2"
    trap - INT TERM
    exec 9<&-
}

set_up() {
    local state python extras made before=""
    state=$(env_state "$1") # again: it may have been made while this one waited
    if [ "$state" = ready ] && system_settled "$2"; then return 0; fi
    ensure_system "$2"
    if [ "$state" = ready ]; then
        settle_system "$2"
        return 0
    fi
    if [ "$state" = broken ]; then
        if [ ! -e "$venv/pyvenv.cfg" ] && [ ! -e "$stamp" ] && [ -n "$(ls -A "$venv")" ]; then
            fail "$venv is no Python environment; move it away and run this again"
        fi
        say "the environment in $venv does not work any more (moved, interrupted, or its Python is gone)"
        rm -rf "$venv"
        state=missing
    fi
    if [ "$state" = missing ]; then
        python=$(find_python) || python=""
        if [ -z "$python" ]; then
            fail "Python 3.11, 3.12 or 3.13 is needed and none was found; install one with" \
                "$(install_hint "$(package_manager)" "$(system_packages "$(package_manager)" venv)")"
        fi
        can_make_venv "$python" || ensure_system venv "$(python_minor "$python")"
        say "making the environment with Python $(python_minor "$python"), once: a few minutes, about 2 GB in $venv"
        mkdir -p "$venv" || fail "cannot write to $root"
        echo building >"$stamp"
        run_module "$python" venv "$venv" >&2 || fail "$python could not make an environment; see above"
        extras=$1
    else
        say "bringing the environment up to date"
        extras=$(merge_extras "$(stamped extras)" "$1")
        before=$(cat "$stamp" 2>/dev/null || true)
        echo building >"$stamp"
    fi
    # An environment made by another tool may lack pip.
    "$venv_python" -I -c 'import pip' 2>/dev/null || run_module "$venv_python" ensurepip >&2
    made=$(fingerprint) # before pip reads the files, which somebody may be editing
    install_cpu_torch
    # The build backend comes first and from the constraints like everything else, so that a change of pyproject.toml
    # alone is installed without a network.
    if pip_install -c "$root/constraints.txt" hatchling editables &&
        pip_install -c "$root/constraints.txt" --no-build-isolation -e "${root}[$extras]"; then
        write_stamp "$made" "$extras"
        settle_system "$2"
        say "the environment is ready"
        return 0
    fi
    # When pip failed before it wrote anything (no network), what was there is as good as before.
    if ! grep -q 'Installing collected packages' "$setup_log" 2>/dev/null; then
        if [ -n "$before" ]; then
            printf '%s\n' "$before" >"$stamp"
        else
            rm -f "$stamp"
        fi
    fi
    pip_failed
}

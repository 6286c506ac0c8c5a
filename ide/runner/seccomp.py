"""The system calls a confined process may not make, as a BPF program for bubblewrap. Everything else is allowed."""

from __future__ import annotations

import errno
import os
import stat

import pyseccomp

_FORBIDDEN = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd"),
    *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick"),
    *("mount_setattr", "unshare", "setns", "init_module", "finit_module", "delete_module", "kexec_load"),
    *("quotactl", "reboot", "swapon", "swapoff", "open_by_handle_at", "name_to_handle_at", "acct", "syslog"),
    *("kexec_file_load", "quotactl_fd", "fanotify_init", "lookup_dcookie", "iopl", "ioperm", "modify_ldt", "vhangup"),
)
_CLONE_NAMESPACES = (0x10000000, 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x40000000)
# Into a terminal's input; its other line disciplines, which load kernel modules; what the console prints.
_TIOCSTI, _TIOCLINUX, _TIOCSETD, _TIOCCONS = 0x5412, 0x541C, 0x5423, 0x541D
_ALLOWED_FAMILIES = (1, 2, 10, 16)  # unix, inet, inet6, netlink
_NETLINK, _NETLINK_ROUTE = 16, 0
# Which argument of a call is the mode of a file, and which its flags where only some make one.
_MODES = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "mknod": 1, "mknodat": 2}
_OPENS = {"open": (1, 2), "openat": (2, 3)}
_MAKING = (os.O_CREAT, os.O_TMPFILE & ~os.O_DIRECTORY)
_SET_IDS = (stat.S_ISUID, stat.S_ISGID)
_LOW_32 = 0xFFFFFFFF


def program() -> bytes:
    """Compile the filter. Raises OSError or RuntimeError where libseccomp is missing or refuses."""
    refuse = pyseccomp.ERRNO(errno.EPERM)
    filter_ = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in _FORBIDDEN:
        _rule(filter_, refuse, name)
    for flag in _CLONE_NAMESPACES:
        filter_.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    # Its flags lie in memory where no filter sees them; the C library falls back to clone on ENOSYS.
    filter_.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    # What it asks for lies in memory, too; whoever calls it knows older kernels, and opens without it.
    _rule(filter_, pyseccomp.ERRNO(errno.ENOSYS), "openat2")
    _no_set_ids(filter_, refuse)
    for request in (_TIOCSTI, _TIOCLINUX, _TIOCSETD, _TIOCCONS):
        filter_.add_rule(refuse, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, _LOW_32, request))
    highest = max(_ALLOWED_FAMILIES)
    for family in range(highest):
        if family not in _ALLOWED_FAMILIES:
            filter_.add_rule(refuse, "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
    filter_.add_rule(refuse, "socket", pyseccomp.Arg(0, pyseccomp.GT, highest))
    netlink = pyseccomp.Arg(0, pyseccomp.EQ, _NETLINK)
    filter_.add_rule(refuse, "socket", netlink, pyseccomp.Arg(2, pyseccomp.GT, _NETLINK_ROUTE))
    return _export(filter_)


def _no_set_ids(filter_: pyseccomp.SyscallFilter, refuse: int) -> None:
    """No file that runs with its owner's rights: on disk the owner is the server's user."""
    for bit in _SET_IDS:
        for name, at in _MODES.items():
            _rule(filter_, refuse, name, _has(at, bit))
        for name, (flags, mode) in _OPENS.items():
            for making in _MAKING:
                _rule(filter_, refuse, name, _has(flags, making), _has(mode, bit))


def _has(argument: int, bit: int) -> pyseccomp.Arg:
    return pyseccomp.Arg(argument, pyseccomp.MASKED_EQ, bit, bit)


def _rule(filter_: pyseccomp.SyscallFilter, action: int, name: str, *where: pyseccomp.Arg) -> None:
    try:
        filter_.add_rule(action, name, *where)
    except (ValueError, OSError):  # a call this libseccomp or architecture does not know cannot be made by name either
        if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) > 0:
            raise


def _export(filter_: pyseccomp.SyscallFilter) -> bytes:
    fd = os.memfd_create("filter")
    with os.fdopen(fd, "w+b") as file:
        filter_.export_bpf(file)
        file.seek(0)
        return file.read()

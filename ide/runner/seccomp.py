"""The system calls a confined process may not make, as a BPF program for bubblewrap. Everything else is allowed."""

from __future__ import annotations

import errno
import os

import pyseccomp

_FORBIDDEN = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "kcmp"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd"),
    *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick"),
    *("mount_setattr", "unshare", "setns", "init_module", "finit_module", "delete_module", "kexec_load"),
    *("quotactl", "reboot", "swapon", "swapoff", "open_by_handle_at", "name_to_handle_at", "acct", "syslog"),
)
_CLONE_NAMESPACES = (0x10000000, 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x40000000)
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_ALLOWED_FAMILIES = (1, 2, 10, 16)  # unix, inet, inet6, netlink
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
    for request in (_TIOCSTI, _TIOCLINUX):
        filter_.add_rule(refuse, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, _LOW_32, request))
    highest = max(_ALLOWED_FAMILIES)
    for family in range(highest):
        if family not in _ALLOWED_FAMILIES:
            filter_.add_rule(refuse, "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
    filter_.add_rule(refuse, "socket", pyseccomp.Arg(0, pyseccomp.GT, highest))
    return _export(filter_)


def _rule(filter_: pyseccomp.SyscallFilter, action: int, name: str) -> None:
    try:
        filter_.add_rule(action, name)
    except (ValueError, OSError):  # a call this libseccomp or architecture does not know cannot be made by name either
        if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) > 0:
            raise


def _export(filter_: pyseccomp.SyscallFilter) -> bytes:
    fd = os.memfd_create("filter")
    with os.fdopen(fd, "w+b") as file:
        filter_.export_bpf(file)
        file.seek(0)
        return file.read()

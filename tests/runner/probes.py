"""Tried inside the sandbox, one line of JSON out: {name: what happened}. Standard library only.

`done` means that it worked; else the name of the errno, or how the process that tried it ended.
"""

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable

X86 = platform.machine() == "x86_64"
libc = ctypes.CDLL(None, use_errno=True)
GIVEN = json.loads(sys.argv[1])  # what only the outside knows: paths, ports, process ids
RESULTS: dict[str, str] = {}


def call(number: int, *args: object) -> int:
    """A system call by its number on x86-64, where wrappers would hide it."""
    result = libc.syscall(ctypes.c_long(number), *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return int(result)


def tried(name: str, attempt: Callable[[], object]) -> None:
    try:
        attempt()
    except OSError as error:
        RESULTS[name] = errno.errorcode.get(error.errno or 0, type(error).__name__)
    else:
        RESULTS[name] = "done"


def apart(name: str, attempt: Callable[[], object]) -> None:
    """In a child: what kills it is the result."""
    child = os.fork()
    if child == 0:
        try:
            attempt()
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        RESULTS[name] = signal.Signals(-code).name
    else:
        RESULTS[name] = errno.errorcode.get(code, "done" if code == 0 else str(code))


def write(path: str) -> Callable[[], object]:
    return lambda: open(path, "a").close()


def read(path: str) -> Callable[[], object]:
    return lambda: open(path, "rb").read(1)


def text(path: str) -> str:
    with open(path) as file:
        return file.read()


def connect(family: int, address: object, kind: int = socket.SOCK_STREAM) -> Callable[[], object]:
    def attempt() -> None:
        with socket.socket(family, kind) as one:
            one.settimeout(2)
            one.connect(address)  # type: ignore[arg-type]
            if kind == socket.SOCK_DGRAM:
                one.send(b"x")

    return attempt


def open_socket(family: int, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> Callable[[], object]:
    return lambda: socket.socket(family, kind, protocol).close()


def files() -> None:
    for name, path in {
        "write /etc": "/etc/x",
        "write /etc/passwd": "/etc/passwd",
        "write /": "/x",
        "write /usr/bin": "/usr/bin/x",
        "write /dev": "/dev/x",
        "write /run": "/run/x",
        "write /var": "/var/x",
        "write a folder to read": GIVEN["readable"] + "/x",
        "write an interpreter's folder": GIVEN["interpreter"] + "/x",
        "write /proc/sys": "/proc/sys/kernel/hostname",
        "write core_pattern": "/proc/sys/kernel/core_pattern",
        "write sysrq": "/proc/sysrq-trigger",
    }.items():
        tried(name, write(path))
    for name, path in {
        "read a file of the host by its path": GIVEN["canary"],
        "read through the init's root": "/proc/1/root" + GIVEN["canary"],
        "read through the link that leads out": "/workspace/out",
        "read /etc/shadow": "/etc/shadow",
        "read the machine's memory": "/proc/kcore",
        "read /dev/mem": "/dev/mem",
        "read /dev/kmsg": "/dev/kmsg",
        "read the kernel's settings": "/sys/kernel/mm/ksm/run",
        "read a disk": "/dev/" + GIVEN["disk"],
    }.items():
        tried(name, read(path))
    tried("hard link a system file", lambda: os.link("/usr/bin/env", "/workspace/linked"))
    tried("rename the workspace away", lambda: os.rename("/workspace", "/elsewhere"))
    tried("make a device", lambda: os.mknod("/workspace/device", 0o60600, os.makedev(8, 0)))
    tried("set the user id on a file", lambda: os.chmod("/workspace/own", 0o4755))
    tried("set the group id on a file", lambda: os.chmod("/workspace/own", 0o2755))
    tried("make a file with the user id set", lambda: os.open("/workspace/s", os.O_CREAT | os.O_WRONLY, 0o4755))
    tried("give a file away", lambda: os.chown("/workspace/own", 0, 0))
    tried("change the root", lambda: os.chroot("/workspace"))
    tried("set a capability on a file", lambda: os.setxattr("/workspace/own", "security.capability", b"\1" * 20))
    apart("write more than a file may be", lambda: os.truncate("/workspace/own", 2 << 30))


def network() -> None:
    tried("connect out", connect(socket.AF_INET, ("192.0.2.1", 9)))
    tried("connect out by IPv6", connect(socket.AF_INET6, ("2001:db8::1", 9)))
    tried("send a datagram out", connect(socket.AF_INET, ("192.0.2.1", 53), socket.SOCK_DGRAM))
    tried("reach the metadata address", connect(socket.AF_INET, ("169.254.169.254", 80)))
    tried("reach the host's loopback", connect(socket.AF_INET, ("127.0.0.1", GIVEN["port"])))
    tried("reach an abstract socket of the host", connect(socket.AF_UNIX, "\0" + GIVEN["abstract"]))
    tried("reach the runner's socket", connect(socket.AF_UNIX, GIVEN["runner"]))
    tried("look a name up", lambda: socket.getaddrinfo("host.invalid", 80))
    tried("send raw packets", open_socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
    tried("ping socket", open_socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP))
    tried("AF_PACKET", open_socket(socket.AF_PACKET, socket.SOCK_RAW))
    tried("AF_VSOCK", open_socket(40))
    tried("AF_ALG", open_socket(38, socket.SOCK_SEQPACKET))
    tried("AF_BLUETOOTH", open_socket(31))
    tried("AF_XDP", open_socket(44, socket.SOCK_RAW))
    tried("AF_TIPC", open_socket(30))
    tried("AF_KEY", open_socket(15, socket.SOCK_RAW))
    tried("AF_NETLINK netfilter", open_socket(socket.AF_NETLINK, socket.SOCK_RAW, 12))
    tried("AF_NETLINK kernel events", open_socket(socket.AF_NETLINK, socket.SOCK_RAW, 15))
    tried("AF_NETLINK audit", open_socket(socket.AF_NETLINK, socket.SOCK_RAW, 9))
    tried("bind a low port", lambda: socket.create_server(("127.0.0.1", 80)).close())
    tried("serve on its own loopback", lambda: socket.create_server(("127.0.0.1", 8000)).close())


def raise_limit(which: int) -> Callable[[], object]:
    def attempt() -> None:
        if libc.setrlimit(which, struct.pack("QQ", 1 << 40, 1 << 40)) < 0:
            raise OSError(ctypes.get_errno(), "")

    return attempt


def processes() -> None:
    tried("signal the runner", lambda: os.kill(GIVEN["runner pid"], 0))
    tried("signal everything", lambda: os.kill(-1, 0))
    tried("read the runner's environment", read(f"/proc/{GIVEN['runner pid']}/environ"))
    tried("become root", lambda: os.setuid(0))
    tried("become another user", lambda: os.setresuid(1, 1, 1))
    tried("take a group", lambda: os.setgroups([0]))
    tried("raise its priority", lambda: os.setpriority(os.PRIO_PROCESS, 0, -10))
    tried("raise its limit of files", raise_limit(resource.RLIMIT_NOFILE))
    tried("raise its limit of memory", raise_limit(resource.RLIMIT_DATA))
    tried("raise its limit of processes", raise_limit(resource.RLIMIT_NPROC))
    tried("set the host's name", lambda: socket.sethostname("x"))
    tried("set the clock", lambda: __import__("time").clock_settime(0, 0))
    tried("run as root by sudo", lambda: subprocess.run(["sudo", "-n", "true"], check=True))
    RESULTS["processes it sees"] = str(max(int(p) for p in os.listdir("/proc") if p.isdigit()) < 30)
    RESULTS["variables of the init"] = text("/proc/1/environ")
    status = dict(line.split(":\t", 1) for line in text("/proc/self/status").splitlines())
    RESULTS["capabilities"] = " ".join({status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")})
    RESULTS["no new privileges"], RESULTS["seccomp"] = status["NoNewPrivs"], status["Seccomp"]
    RESULTS["user"] = " ".join(map(str, [*os.getresuid(), *os.getresgid()]))


def push(request: int) -> Callable[[], object]:
    return lambda: fcntl.ioctl(0, request, array.array("b", b"x\0\0\0"))


# Numbers of x86-64. Where arguments are nonsense, a call that reached the kernel's own code would say something else.
CALLS: dict[str, tuple[int, ...]] = {
    "ptrace": (101, 0, 0, 0, 0),
    "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
    "process_vm_writev": (311, 1, 0, 0, 0, 0, 0),
    "kcmp": (312, 1, 1, 0, 0, 0),
    "pidfd_getfd": (438, 0, 0, 0),
    "io_uring_setup": (425, 8, 0),
    "io_uring_enter": (426, 0, 0, 0, 0, 0),
    "io_uring_register": (427, 0, 0, 0, 0),
    "keyctl": (250, 0, 0),
    "add_key": (248, 0, 0, 0, 0, 0),
    "request_key": (249, 0, 0, 0, 0),
    "bpf": (321, 0, 0, 0),
    "perf_event_open": (298, 0, 0, 0, 0, 0),
    "userfaultfd": (323, 0),
    "mount": (165, 0, 0, 0, 0, 0),
    "umount2": (166, 0, 0),
    "pivot_root": (155, 0, 0),
    "move_mount": (429, 0, 0, 0, 0, 0),
    "open_tree": (428, 0, 0, 0),
    "fsopen": (430, 0, 0),
    "fsmount": (432, 0, 0, 0),
    "mount_setattr": (442, 0, 0, 0, 0, 0),
    "unshare a user namespace": (272, 0x10000000),
    "unshare a mount namespace": (272, 0x20000),
    "setns": (308, 0, 0),
    "clone a user namespace": (56, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0),
    "clone3": (435, 0, 0),
    "openat2": (437, 0, 0, 0, 0),
    "init_module": (175, 0, 0, 0),
    "finit_module": (313, 0, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "kexec_file_load": (320, 0, 0, 0, 0, 0),
    "reboot": (169, 0, 0, 0, 0),
    "swapon": (167, 0, 0),
    "acct": (163, 0),
    "quotactl": (179, 0, 0, 0, 0),
    "open_by_handle_at": (304, 0, 0, 0),
    "name_to_handle_at": (303, 0, 0, 0, 0, 0),
    "syslog": (103, 3, 0, 0),
    "fanotify_init": (300, 0, 0),
    "iopl": (172, 3),
    "ioperm": (173, 0, 1, 1),
    "modify_ldt": (154, 0, 0, 0),
}


def other_abi() -> None:
    """getpid of the 32-bit calls, which a filter of the 64-bit ones would not see."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, 20; int 0x80; ret
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    ctypes.CFUNCTYPE(ctypes.c_int)(address)()


def system_calls() -> None:
    for name, (number, *args) in CALLS.items():
        apart(f"call {name}", lambda number=number, args=args: call(number, *args))  # type: ignore[misc]
    apart("call of the 32-bit machine", other_abi)
    apart("call of the x32 machine", lambda: call(0x40000000 + 39))


def terminal() -> None:
    """With a terminal as input and output."""
    for name, request in {"TIOCSTI": 0x5412, "TIOCLINUX": 0x541C, "TIOCSETD": 0x5423, "TIOCCONS": 0x541D}.items():
        tried(name, push(request))
    tried("push through /dev/tty", lambda: fcntl.ioctl(os.open("/dev/tty", os.O_RDWR), 0x5412, b"x"))
    tried("another terminal of the host", lambda: os.open("/dev/pts/" + GIVEN["pts"], os.O_RDWR))
    tried("the console", lambda: os.open("/dev/tty1", os.O_RDWR))


def main() -> None:
    for part in GIVEN["parts"]:
        {"files": files, "network": network, "processes": processes, "calls": system_calls, "terminal": terminal}[
            part
        ]()
    print(json.dumps(RESULTS))


main()

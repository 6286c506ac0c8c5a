"""Started as root: a user of this machine of its own for each folder sandboxes work in, and for no one else.

The sandbox's user sees the folder through a mount that maps owners: what belongs to the server on disk is the
sandbox user's inside, and what it makes belongs to the server on disk. So nothing is ever chowned, the server reads and
writes as before, and the kernel counts processes apart. The mounts are in a mount namespace of the runner's own.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import struct
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

IDLE = 16  # folders whose mounts are kept although nothing runs there
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_REC, _MS_SLAVE, _MS_NOSUID, _MNT_DETACH = 0x4000, 1 << 19, 2, 2
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442  # the same numbers on every architecture
_OPEN_TREE_CLONE, _AT_EMPTY_PATH, _MOVE_MOUNT_F_EMPTY_PATH, _AT_FDCWD = 1, 0x1000, 4, -100
_MOUNT_ATTR_NOSUID, _MOUNT_ATTR_IDMAP = 0x02, 0x100000
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result


@dataclass
class _Folder:
    """A folder sandboxes work in: its user, and what that user sees, by path: (where, device, inode)."""

    uid: int
    seen: dict[bytes, tuple[bytes, int, int]] = field(default_factory=dict)
    users: int = 0


class Owners:
    """`first` and `count`: the range of user ids nobody else on this machine has. Raises OSError where it cannot be."""

    def __init__(self, place: Path, first: int, count: int) -> None:
        self._free = list(range(first + count - 1, first - 1, -1))
        self._folders: OrderedDict[bytes, _Folder] = OrderedDict()
        self._namespaces: dict[int, int] = {}
        self._made = 0
        self.place = place
        _checked(_libc.unshare(_CLONE_NEWNS), "unshare")
        _checked(_libc.mount(b"none", b"/", None, _MS_REC | _MS_SLAVE, None), "mount /")
        place.mkdir(mode=0o711, parents=True, exist_ok=True)
        options = b"mode=0711,size=1m"
        _checked(_libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", _MS_NOSUID, options), str(place))

    def close(self) -> None:
        """The mounts go with the process; the empty folder does not."""
        _libc.umount2(os.fsencode(self.place), _MNT_DETACH)
        with contextlib.suppress(OSError):
            self.place.rmdir()

    # --- a sandbox's stay ---------------------------------------------------------------------------------------------

    def enter(self, root: bytes) -> int:
        """The user id of sandboxes in `root`, held until `leave`. Raises OSError when none is left."""
        folder = self._folders.get(root)
        if folder is None:
            if not self._free:
                raise OSError(f"all user ids for sandboxes are in use ({len(self._folders)})")
            folder = self._folders[root] = _Folder(self._free.pop())
        folder.users += 1
        self._folders.move_to_end(root)
        return folder.uid

    def leave(self, root: bytes) -> None:
        self._folders[root].users -= 1
        idle = [name for name, folder in self._folders.items() if not folder.users]
        for name in idle[: max(0, len(idle) - IDLE)]:
            self._forget(name)

    def seen(self, root: bytes, path: bytes) -> bytes:
        """Where the user of `root`, who has entered, reaches `path`. Raises OSError (also: no such file system)."""
        if _open_to_all(path):
            return path
        folder = self._folders[root]
        now = os.stat(path)
        known = folder.seen.get(path)
        if known and known[1:] == (now.st_dev, now.st_ino):
            return known[0]
        if known:
            _unmount(known[0])
        where = self._mounted(path, folder.uid, is_folder=os.path.isdir(path))
        folder.seen[path] = (where, now.st_dev, now.st_ino)
        return where

    def new_folder(self) -> Path:
        """An empty folder that sandboxes' users can pass through, but not list."""
        folder = self._new_name()
        folder.mkdir(mode=0o711)
        folder.chmod(0o711)
        return folder

    # --- mounts -------------------------------------------------------------------------------------------------------

    def _mounted(self, path: bytes, uid: int, *, is_folder: bool) -> bytes:
        where = self._new_name()
        tree = _checked(_libc.syscall(_OPEN_TREE, _AT_FDCWD, path, _OPEN_TREE_CLONE | os.O_CLOEXEC), os.fsdecode(path))
        try:
            flags = _MOUNT_ATTR_IDMAP | _MOUNT_ATTR_NOSUID
            attributes = struct.pack("QQQQ", flags, 0, 0, self._namespace(uid))
            done = _libc.syscall(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, attributes, len(attributes))
            _checked(done, os.fsdecode(path))
            where.mkdir() if is_folder else where.touch()
            to = os.fsencode(where)
            moved = _libc.syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, to, _MOVE_MOUNT_F_EMPTY_PATH)
            _checked(moved, str(where))
        finally:
            os.close(tree)
        return to

    def _new_name(self) -> Path:
        self._made += 1
        return self.place / str(self._made)

    def _namespace(self, uid: int) -> int:
        """A user namespace in which this user and group have the ids of the server's."""
        if uid not in self._namespaces:
            self._namespaces[uid] = _mapping(f"{os.getuid()} {uid} 1", f"{os.getgid()} {uid} 1")
        return self._namespaces[uid]

    def _forget(self, root: bytes) -> None:
        folder = self._folders.pop(root)
        for where, _, _ in folder.seen.values():
            _unmount(where)
        self._free.append(folder.uid)


def _unmount(where: bytes) -> None:
    _libc.umount2(where, _MNT_DETACH)
    with contextlib.suppress(OSError):
        os.rmdir(where) if os.path.isdir(where) else os.unlink(where)


def _open_to_all(path: bytes) -> bool:
    """Whether it is a folder of the system's own: programs, installed for everyone."""
    return path.startswith(b"/usr/")


def _mapping(users: str, groups: str) -> int:
    """A descriptor of a new user namespace with these maps. A child holds it open until they are written."""
    told, tell = os.pipe()
    wait, go = os.pipe()
    child = os.fork()
    if child == 0:
        ok = _libc.unshare(_CLONE_NEWUSER) == 0
        os.write(tell, b"y" if ok else b"n")
        os.read(wait, 1)
        os._exit(0)
    try:
        if os.read(told, 1) != b"y":
            raise OSError("no user namespace can be made")
        Path(f"/proc/{child}/uid_map").write_text(users)
        Path(f"/proc/{child}/gid_map").write_text(groups)
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for fd in (told, tell, wait, go):
            os.close(fd)

"""The rows of the crash matrix: where the fault strikes, and what has to be true besides I1 to I7."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

__all__ = ["ROWS", "SEED", "Row"]

# What is in the file before: both line ends, so that nothing of it is taken off and put back.
SEED = "Seed 😀 line one\r\n# line two, e\u0301 and 👩‍👩‍👧‍👦\nline three\r\n\nend\n"
BOTH, ONE = ("kill", "pause"), ("-",)


@dataclass(frozen=True)
class Row:
    """`fault` is a `TANDEM_FAULT`; `{act}` in it becomes the variant's, a number behind `~` is varied by the seed.
    `course` names a function of `courses.py`."""

    number: int
    name: str
    required: str
    course: str = "struck"
    fault: str = ""
    variants: tuple[str, ...] = BOTH

    @property
    def point(self) -> str:
        return self.fault.partition(":")[0]

    def armed(self, variant: str, rng: random.Random) -> str:
        """The fault of one run."""
        fault = self.fault.format(act={"kill": "kill", "pause": "stop"}.get(variant, ""))
        return re.sub(r"~(\d+)", lambda about: str(rng.randrange(int(about[1]) // 2 + 1, int(about[1]) * 2)), fault)


ROWS = [
    Row(1, "frame received, not applied", "sent again, present once", fault="room.received:{act}:~20"),
    Row(
        2,
        "applied in memory, before INSERT",
        "seen by peers, sent again by them, present once",
        fault="room.applied:{act}:~15",
    ),
    Row(3, "INSERT done, before COMMIT", "rolled back, sent again, once", fault="store.inserted:{act}:~8"),
    Row(4, "COMMIT done, before the answer", "present; sent again changes nothing", fault="store.committed:{act}:~8"),
    Row(5, "answer sent", "present", fault="room.acked:{act}:~15"),
    Row(6, "stale host resumed", "fenced with 4409; its clients send again", "stale", "store.merging:stop:~8", ONE),
    Row(7, "during the merge of a group", "all or none of it, sent again", fault="store.merging:{act}:~8"),
    Row(
        8,
        "append failed three times",
        "seen by peers, replica thrown away, sent again by them, present once",
        "failed",
        "store.inserted:raise:8-10",
        ONE,
    ),
    Row(9, "apply panicked", "its sender closed, message in quarantine, nobody else closed", "panic", variants=ONE),
    Row(10, "snapshot written, mark not set", "older snapshot and rows used", "compacted", "compact.written:{act}:1"),
    Row(11, "mark set, rows not deleted", "rows up to the mark ignored", "compacted", "compact.marked:{act}:1"),
    Row(12, "snapshot damaged", "older snapshot and rows used", "damaged", variants=ONE),
    Row(13, "temporary file written, not renamed", "written again, nothing left behind", fault="disk.written:{act}:~2"),
    Row(14, "renamed, not recorded", "recorded, not merged with itself", fault="disk.renamed:{act}:~2"),
    Row(15, "file changed between look and write", "merged: both are there", "outside", fault="disk.compared:{act}:~2"),
    Row(
        16,
        "lease lost while writing",
        "stale write refused or undone, the new host's text stays",
        "lost",
        "disk.written:stop:1",
        ONE,
    ),
    Row(17, "new epoch half-way", "the old epoch or the new one, never both", "epoch", "epoch.bumping:{act}:1"),
    Row(
        18, "SIGTERM with 100 unsaved frames", "ends within 10 s with 4012, the rest sent again", "terminated", "", ONE
    ),
    Row(19, "host killed", "another process takes over within 10 s", "killed", variants=ONE),
    Row(20, "database restored from a backup", "newer text offered, nothing merged unseen", "restored", variants=ONE),
    Row(21, "all web processes killed", "I1 to I7 hold after a start", "all_killed", variants=ONE),
]

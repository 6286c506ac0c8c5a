"""Document, its append-only log, snapshots, client ids, authorship, timeline, quarantine and comments.

The log and what is kept beside it are written by `store` (raw SQL) and `disk` of the leased host only.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from ide.accounts.models import User
from ide.db import new_id
from ide.workspaces.models import Workspace


class Document(models.Model):
    """One shared text file. Its id is its name on the wire."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="documents")
    path = models.CharField(max_length=4096, help_text="Relative to the workspace, '/' between parts.")
    epoch = models.PositiveIntegerField(default=1)
    seq = models.PositiveBigIntegerField(default=0, help_text="Sequence number of the newest log row.")
    encoding = models.CharField(max_length=20, default="utf-8")
    bom = models.BooleanField(default=False)
    newline = models.CharField(max_length=2, default="\n", help_text="Line ending on disk; the document has LF only.")
    disk_seq = models.PositiveBigIntegerField(default=0, help_text="Newest log row that is on disk.")
    disk_sha = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the file as last read or written.")
    detached = models.BooleanField(default=False, help_text="The file was deleted on disk; the document lives on.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "path"], name="one_document_per_path")]

    def __str__(self) -> str:
        return self.path


class DocumentUpdate(models.Model):
    """One row of the log: Yjs update bytes as committed. Acknowledged to its sender after the commit, never before."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="updates")
    epoch = models.PositiveIntegerField()
    seq = models.PositiveBigIntegerField()
    data = models.BinaryField()
    origin = models.CharField(max_length=80, help_text="person:<id>, turn:<id>, job:<id>, disk or seed.")
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["document", "epoch", "seq"], name="one_row_per_seq")]

    def __str__(self) -> str:
        return f"{self.document_id} {self.epoch}.{self.seq}"


class Snapshot(models.Model):
    """All rows up to `seq` merged into one update; the previous one is kept as a fallback."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="snapshots")
    epoch = models.PositiveIntegerField()
    seq = models.PositiveBigIntegerField()
    data = models.BinaryField()
    sha = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.document_id} {self.epoch}.{self.seq}"


class ClientId(models.Model):
    """Whose a Yjs client id is, in one epoch of a document: every character it wrote is theirs.

    Committed with the first awareness or update of that id. Ids of earlier epochs stay, so that a replica of one is
    recognised and refused instead of merged.
    """

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="clients")
    epoch = models.PositiveIntegerField()
    client = models.PositiveBigIntegerField(help_text="Yjs client id, below 2^53.")
    origin = models.CharField(max_length=80, help_text="person:<id>, turn:<id>, job:<id>, disk or seed; '' if unknown.")
    relayed_by = models.CharField(
        max_length=80, blank=True, help_text="Who brought its characters, where not their writer."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "epoch", "client"], name="one_owner_per_client_id")
        ]

    def __str__(self) -> str:
        return f"{self.document_id} {self.epoch}: {self.client} is {self.origin}"


class Attribution(models.Model):
    """Characters of one client id that somebody else wrote first: moved by cut and paste, or carried over into a new
    epoch. Everything else belongs to the origin of its client id."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="attributions")
    epoch = models.PositiveIntegerField()
    client = models.PositiveBigIntegerField()
    clock = models.PositiveBigIntegerField(help_text="First Yjs clock of the range.")
    length = models.PositiveIntegerField(help_text="In UTF-16 units, as Yjs counts.")
    origin = models.CharField(max_length=80)
    seq = models.PositiveBigIntegerField(default=0, help_text="Log row that made it so.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "epoch", "client", "clock"], name="one_author_per_range")
        ]

    def __str__(self) -> str:
        return f"{self.document_id} {self.epoch}: {self.client}+{self.clock}..{self.clock + self.length} {self.origin}"


class Version(models.Model):
    """One entry of a document's timeline: rows of one origin without a pause. Outlives the rows themselves."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="versions")
    epoch = models.PositiveIntegerField()
    first_seq = models.PositiveBigIntegerField()
    last_seq = models.PositiveBigIntegerField()
    origin = models.CharField(max_length=80)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    added = models.PositiveIntegerField(default=0, help_text="Code points.")
    removed = models.PositiveIntegerField(default=0, help_text="Code points.")
    note = models.CharField(
        max_length=200, blank=True, help_text="For example: both sides of a conflict with the disk."
    )
    text = models.BinaryField(
        null=True, help_text="The text after it, zlib of UTF-8, where the log no longer gives it."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "epoch", "first_seq", "note"], name="one_version_per_first_row")
        ]

    def __str__(self) -> str:
        return f"{self.document_id} {self.epoch}.{self.first_seq}-{self.last_seq} {self.origin}"


class Quarantined(models.Model):
    """A message that could not be applied, or a row of the log that no longer can: kept for who must find out why."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="quarantine")
    epoch = models.PositiveIntegerField()
    seq = models.PositiveBigIntegerField(null=True, blank=True, help_text="Of the log row, if it is one.")
    origin = models.CharField(max_length=80)
    reason = models.CharField(max_length=300)
    data = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.document_id}: {self.reason}"


class CommentThread(models.Model):
    """Comments on one stretch of text. Its ends are Yjs relative positions, so they move with the text."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="threads")
    start = models.CharField(max_length=200, help_text="Relative position as in wire.ts (`Anchor`).")
    end = models.CharField(max_length=200)
    quote = models.TextField(help_text="The text when the thread was begun; told if it is gone now.")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="threads_begun")
    created_at = models.DateTimeField(default=timezone.now)
    resolved_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="threads_resolved"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.document_id}: {self.quote[:40]}"


class Comment(models.Model):
    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    thread = models.ForeignKey(CommentThread, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="comments")
    text = models.TextField(max_length=8000)
    mentions = models.ManyToManyField(User, blank=True, related_name="mentioned_in")
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.text[:60]

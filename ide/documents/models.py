"""Document, its append-only log and its snapshots. Written by `store` (raw SQL) and `disk` of the leased host only."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

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

"""Sessions, their turns, and what these are made of."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from agents.models.endpoints import Endpoint
from ide.accounts.models import User
from ide.db import new_id
from ide.workspaces.models import Workspace


class Session(models.Model):
    """A conversation with a model, shared by everyone in the workspace."""

    INLINE = "Inline edits · "  # what the title of a person's session for such begins with

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="sessions")
    title = models.CharField(max_length=200, blank=True)
    seq = models.PositiveBigIntegerField(default=0, help_text="Sequence number of the newest event.")
    forked_from = models.ForeignKey(
        "Turn",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="forks",
        help_text="Its newest turn then.",
    )
    pins = models.JSONField(default=list, help_text="Mentions that are in every turn's window, whatever is left out.")
    archived = models.BooleanField(default=False, help_text="Out of the list, still found by a search.")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    active_at = models.DateTimeField(auto_now_add=True)

    turn_count = 0  # filled by agents.sessions.library.rows

    def __str__(self) -> str:
        return self.title or self.id

    @property
    def team_id(self) -> str:
        return self.workspace.team_id


class Turn(models.Model):
    """One input to its end."""

    class Kind(models.TextChoices):
        SESSION = "session"
        INLINE = "inline"
        APPLY = "apply"

    class State(models.TextChoices):
        RUNNING = "running"
        COMPLETED = "completed"
        INTERRUPTED = "interrupted"
        FAILED = "failed"

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="turns")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.SESSION)
    state = models.CharField(max_length=12, choices=State.choices, default=State.RUNNING)
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="turns")
    endpoint = models.ForeignKey(Endpoint, null=True, on_delete=models.SET_NULL, related_name="turns")
    error = models.TextField(blank=True)
    ttft_ms = models.FloatField(null=True, blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(
        max_digits=14, decimal_places=8, null=True, blank=True, help_text="US dollars; none where prices are not known."
    )
    seconds = models.FloatField(null=True, blank=True, help_text="Time the provider streamed.")
    times = models.JSONField(default=dict, help_text="Milliseconds spent where: provider, server, tools, waiting.")
    waits = models.BooleanField(default=False, help_text="Its edits wait for acceptance before they are in the text.")
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} turn {self.id}: {self.state}"

    @property
    def team_id(self) -> str:
        return self.session.workspace.team_id


class Item(models.Model):
    """A saved piece of a turn, in order. `data` by kind:

    person   {text, mentions, pictures}   what someone said (first input or steer: `steer: true`)
    model    {text}                    prose of the model
    tool     {name, input, output, ok, seconds, path?}
    edit     {path, document, added, removed}   lines
    note     {text, tone}              what Tandem says: interrupted, failed
    """

    class Kind(models.TextChoices):
        PERSON = "person"
        MODEL = "model"
        TOOL = "tool"
        EDIT = "edit"
        NOTE = "note"

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    author = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["created_at", "position"]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class QueueEntry(models.Model):
    """What somebody wants said next: sent, in order, when the running turn has ended."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="queue")
    position = models.PositiveIntegerField()
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    endpoint = models.ForeignKey(Endpoint, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    data = models.JSONField(default=dict, help_text="As of a person's item: text, mentions, pictures.")
    held = models.TextField(blank=True, help_text="Why it was not sent when its turn came; empty while it waits.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["position", "created_at"]
        verbose_name_plural = "queue entries"

    def __str__(self) -> str:
        return f"queued in {self.session_id}: {self.id}"


class Compaction(models.Model):
    """Earlier turns of a session as a summary, so that more fits into the window. Undone: the turns are read again."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="compactions")
    until = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="+", help_text="The newest turn in it.")
    summary = models.TextField()
    tokens_before = models.PositiveIntegerField()
    tokens_after = models.PositiveIntegerField()
    undone_at = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["created_at"]

    def __str__(self) -> str:
        return f"compaction of {self.session_id}: {self.tokens_before} to {self.tokens_after} tokens"


class Picture(models.Model):
    """An image somebody pasted for a model."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="pictures")
    media_type = models.CharField(max_length=20)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    data = models.BinaryField()
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.media_type} {self.width}×{self.height}"

    @property
    def team_id(self) -> str:
        return self.workspace.team_id


class SessionRules(models.Model):
    """How models work in a workspace, for all its sessions. No row: the defaults."""

    workspace = models.OneToOneField(
        Workspace, primary_key=True, on_delete=models.CASCADE, related_name="session_rules"
    )
    wait = models.BooleanField(default=False, help_text="Edits wait for acceptance; else they apply and are reviewed.")
    compact_at = models.PositiveSmallIntegerField(
        default=70, help_text="Percent of the window that begin a compaction."
    )
    ghost = models.BooleanField(default=True, help_text="Suggestions at the cursor.")

    class Meta:
        verbose_name_plural = "session rules"

    def __str__(self) -> str:
        return f"rules of {self.workspace_id}"

    @property
    def team_id(self) -> str:
        return self.workspace.team_id
